//! Measures one row on one disk: starts what it needs, drives it, proves the books, and ends everything.

use crate::disk::{Disk, Disks};
use crate::gateway::{self, Balances, Running, Start};
use crate::load::{self, Measured, Pace, Plan};
use crate::outbox::Drained;
use crate::postgres::Server;
use crate::row::{Database, MANY, Row};
use crate::{Failure, books, deliver, drain, processes, rest, sqlite, textbook};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// The database of the gateways.
const DATABASE: &str = "ducat";
/// How slow a fixed rate may be.
const LEAST_RATE: u64 = 1;

/// What stays the same over all rows.
#[derive(Debug)]
pub struct Bench {
    /// The gateway's binary.
    pub binary: PathBuf,
    /// The PSP.
    pub stub: Running,
    /// Where data lies.
    pub disks: Disks,
    /// How long a row runs before it is measured, and how long it is.
    pub spans: Spans,
}

/// How long a row takes.
#[derive(Clone, Copy, Debug)]
pub struct Spans {
    /// Before it is measured.
    pub warm_up: Duration,
    /// While it is.
    pub measure: Duration,
}

/// Processor time, in nanoseconds for each payment.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Cpu {
    /// The gateways.
    pub gateway: u64,
    /// What of it was the database inside: its writer's thread.
    pub writer: u64,
    /// The database server's processes.
    pub database: u64,
    /// The PSP.
    pub stub: u64,
    /// The generator.
    pub generator: u64,
}

/// What a row has shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    /// The row's name.
    pub row: String,
    /// On which disk.
    pub disk: Disk,
    /// In which round, from 1.
    pub round: u32,
    /// How long a sync took there just before, in nanoseconds.
    pub sync: u64,
    /// Payments in a thousand seconds.
    pub per_kilosecond: u64,
    /// What the bare SQL had done last, in the same round on the same disk: R, in a thousand seconds.
    #[serde(default)]
    pub bare: u64,
    /// Latencies; none of the bare SQL.
    pub measured: Option<Measured>,
    /// Processor time.
    pub cpu: Cpu,
    /// How much of the machine others used meanwhile, in thousandths of one processor.
    pub others: u64,
    /// The first gateway's memory at the end, and at the most, in bytes.
    pub memory: (u64, u64),
    /// What a payment takes in the database, in bytes.
    pub bytes_per_payment: u64,
    /// And what it takes when it is over, where that was measured.
    #[serde(default)]
    pub bytes_at_rest: Option<u64>,
    /// Webhooks delivered in a thousand seconds, where that was measured.
    pub deliveries: Option<u64>,
    /// How the outbox was drained, where that was measured.
    #[serde(default)]
    pub drained: Option<Drained>,
    /// From the start of the first gateway to its first answer, in nanoseconds.
    pub ready: u64,
}

/// Where a row is measured.
pub struct Place<'a> {
    /// On which disk.
    pub disk: Disk,
    /// In which round.
    pub round: u32,
    /// The server of this round.
    pub server: &'a Server,
    /// What was measured in this round on this disk so far.
    pub before: &'a [Line],
}

impl Bench {
    /// Measures one row. `tick` is called now and then.
    pub async fn measure(&self, row: Row, place: &Place<'_>, tick: impl Fn()) -> Result<Line, Failure> {
        let sync = self.disks.sync_time(place.disk).await?;
        let mut line = match row.database() {
            None => {
                let bare = textbook::run(place.server, self.spans.warm_up, self.spans.measure).await?;
                let cpu = Cpu { database: bare.database, ..Cpu::default() };
                Line { cpu, others: bare.others, ..nothing(bare.per_kilosecond) }
            }
            Some(database) => self.gateways(row, database, place, tick).await?,
        };
        line.row = row.to_string();
        line.bare = match row {
            Row::Textbook => line.per_kilosecond,
            _ => place
                .before
                .iter()
                .rev()
                .find(|other| other.row == Row::Textbook.to_string())
                .map_or(0, |bare| bare.per_kilosecond),
        };
        (line.disk, line.round, line.sync) = (place.disk, place.round, u64::try_from(sync.as_nanos())?);
        Ok(line)
    }

    async fn gateways(&self, row: Row, database: Database, place: &Place<'_>, tick: impl Fn()) -> Result<Line, Failure> {
        let folder = self.disks.folder(place.disk).join("gateway");
        let database_url = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(place.server.fresh(DATABASE).await?),
        };
        let start = |node: usize| Start {
            binary: self.binary.clone(),
            folder: folder.join(node.to_string()),
            database_url: database_url.clone(),
            stub: self.stub.address.clone(),
            preload: self.disks.preload(place.disk).map(Path::to_owned),
            balances: if matches!(row, Row::Summed { .. }) { Balances::Summed } else { Balances::Kept },
        };
        let (first, ready) = gateway::start(&start(0)).await?;
        let mut nodes = vec![first];
        for node in 1..row.nodes() {
            nodes.push(gateway::start(&start(node)).await?.0);
        }
        let size = async || match database {
            Database::Sqlite => sqlite::size(&folder.join("0")),
            Database::Postgres => place.server.size(DATABASE).await,
        };
        let size_before = size().await?;
        let server = (database == Database::Postgres).then_some(place.server.pid);
        if matches!(row, Row::Drain { .. }) {
            drain::prepare(&nodes[0]).await?;
        }
        let plan = self.plan(row, database, place)?;
        let driven = self.drive(&nodes, server, plan, tick).await;
        let told = |error: Failure| format!("{error}; the gateway's last words: {}", gateway::last_words(&folder.join("0")));
        let (measured, cpu, others) = driven.map_err(told)?;
        let deliveries = match row {
            Row::Deliver { .. } => Some(deliver::measure(&nodes[0], &self.stub, self.spans.warm_up, self.spans.measure).await?),
            _ => None,
        };
        let memory = processes::memory(nodes[0].pid);
        for node in nodes {
            node.end().await?;
        }
        let drained = match row {
            Row::Drain { .. } => {
                let (folder, preload) = (&folder.join("0"), self.disks.preload(place.disk));
                let outbox = drain::Place { folder, database_url: database_url.as_deref(), database_process: server, preload };
                Some(drain::measure(&outbox).await?)
            }
            _ => None,
        };
        let grown = size().await?.saturating_sub(size_before);
        let at_rest = match row {
            Row::FlatOut { nodes: 1, in_flight: MANY, .. } => Some(match &database_url {
                None => rest::in_file(&folder.join("0")).await?,
                Some(url) => rest::on_server(place.server, DATABASE, url).await?,
            }),
            _ => None,
        };
        std::fs::remove_dir_all(&folder)?;
        let line = nothing(measured.per_kilosecond());
        let each = |grown: u64| grown / measured.all.max(1);
        Ok(Line {
            cpu,
            others,
            memory,
            deliveries,
            drained,
            bytes_per_payment: each(grown),
            bytes_at_rest: at_rest.map(|size| each(size.saturating_sub(size_before))),
            ready: u64::try_from(ready.as_nanos())?,
            measured: Some(measured),
            ..line
        })
    }

    async fn drive(
        &self,
        nodes: &[Running],
        server: Option<u32>,
        plan: Plan,
        tick: impl Fn(),
    ) -> Result<(Measured, Cpu, u64), Failure> {
        let references: Vec<_> = nodes.iter().collect();
        let target = Rc::new(gateway::target(&references).await?);
        let edge = || Used::now(nodes, server, self.stub.pid);
        let (measured, first, last) = load::drive(target, plan, edge, |_| tick()).await?;
        books::prove(&nodes[0].address, 0, measured.amount).await?;
        if measured.payments == 0 {
            return Err("not a single payment was made".into());
        }
        let cpu = last.for_each(&first, measured.payments);
        let others =
            others(last.machine.saturating_sub(first.machine), last.ours().saturating_sub(first.ours()), measured.window);
        Ok((measured, cpu, others))
    }

    fn plan(&self, row: Row, database: Database, place: &Place<'_>) -> Result<Plan, Failure> {
        let plan =
            Plan { pace: Pace::FlatOut, in_flight: 1, warm_up: self.spans.warm_up, measure: self.spans.measure, most: u64::MAX };
        Ok(match row {
            Row::FlatOut { in_flight, .. } => Plan { in_flight, ..plan },
            Row::Drain { .. } | Row::Deliver { .. } | Row::Summed { .. } => Plan { in_flight: MANY, ..plan },
            Row::Textbook | Row::Idle { .. } => plan,
            Row::Half { .. } => {
                let full = Row::FlatOut { database, nodes: 1, in_flight: MANY }.to_string();
                let full = place.before.iter().find(|line| line.row == full).ok_or("the full rate is not known")?;
                let per_second = (full.per_kilosecond / 2000).max(LEAST_RATE);
                Plan { pace: Pace::Fixed { per_second }, in_flight: MANY, ..plan }
            }
        })
    }
}

/// A line that tells nothing but its rate.
pub fn nothing(per_kilosecond: u64) -> Line {
    Line {
        row: String::new(),
        disk: Disk::Memory,
        round: 0,
        sync: 0,
        per_kilosecond,
        bare: 0,
        measured: None,
        cpu: Cpu::default(),
        others: 0,
        memory: (0, 0),
        bytes_per_payment: 0,
        bytes_at_rest: None,
        deliveries: None,
        drained: None,
        ready: 0,
    }
}

/// Processor time up to a moment.
struct Used {
    gateway: Duration,
    writer: Duration,
    database: Duration,
    stub: Duration,
    generator: Duration,
    machine: Duration,
}

/// What others used, in thousandths of one processor over a window of so many nanoseconds.
pub fn others(machine: Duration, ours: Duration, window: u64) -> u64 {
    let theirs = machine.saturating_sub(ours).as_nanos() * 1000 / u128::from(window.max(1));
    u64::try_from(theirs).unwrap_or(u64::MAX)
}

impl Used {
    fn now(nodes: &[Running], server: Option<u32>, stub: u32) -> Self {
        Self {
            gateway: nodes.iter().map(|node| processes::cpu(node.pid)).sum(),
            writer: nodes.iter().map(|node| processes::cpu_of_threads(node.pid, "ducat-writer")).sum(),
            database: server.map_or(Duration::ZERO, processes::cpu_of_family),
            stub: processes::cpu(stub),
            generator: processes::cpu_of_threads(std::process::id(), ""),
            machine: processes::cpu_of_machine(),
        }
    }

    fn ours(&self) -> Duration {
        self.gateway + self.database + self.stub + self.generator
    }

    fn for_each(&self, before: &Self, payments: u64) -> Cpu {
        let each = |now: Duration, before: Duration| {
            let nanos = now.saturating_sub(before).as_nanos() / u128::from(payments);
            u64::try_from(nanos).unwrap_or(u64::MAX)
        };
        Cpu {
            gateway: each(self.gateway, before.gateway),
            writer: each(self.writer, before.writer),
            database: each(self.database, before.database),
            stub: each(self.stub, before.stub),
            generator: each(self.generator, before.generator),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_shared_out_among_the_payments() {
        let used = |millis: u64| Used {
            gateway: Duration::from_millis(4 * millis),
            writer: Duration::from_millis(millis),
            database: Duration::ZERO,
            stub: Duration::from_millis(2 * millis),
            generator: Duration::from_millis(millis),
            machine: Duration::from_millis(9 * millis),
        };
        let cpu = used(30).for_each(&used(10), 100);
        let (machine, ours) = (used(30).machine - used(10).machine, used(30).ours() - used(10).ours());
        assert_eq!(others(machine, ours, 100_000_000), 400, "180 ms of the machine, 140 of them ours, in 100 ms");
        assert_eq!((cpu.gateway, cpu.writer, cpu.database, cpu.stub), (800_000, 200_000, 0, 400_000));
    }
}
