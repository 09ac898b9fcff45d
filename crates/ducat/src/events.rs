//! `ducat events`: what happened, newest last, as in any log; and what happens from now on.

use crate::cli::{Audience, Events};
use crate::config::Config;
use crate::gateway::{Event, Gateway, Log, types_meant};
use crate::output::{self, Cell, amount, moment, paint, tone_of};
use crate::{Failure, signals};
use std::process::ExitCode;

/// Shows the newest events or those after a place, and follows where that was asked for.
pub async fn run(config: &Config, asked: Events) -> Result<ExitCode, Failure> {
    let gateway = Gateway::open(config, &asked.target)?;
    let mut log = Log::after(&gateway, types_meant(&asked.types)?, asked.after);
    let audience = Audience::from(asked.form);
    if !asked.follow && audience == Audience::Program {
        let path = if asked.after.is_some() { log.next_path(asked.limit) } else { log.newest_path(asked.limit) };
        return Ok(output::say(gateway.get(&path).await?.text()));
    }
    let events = if asked.after.is_some() { log.next(asked.limit).await? } else { log.newest(asked.limit).await? };
    if asked.follow {
        return follow(log, events, audience).await;
    }
    Ok(output::say(&listing(&events)))
}

/// Events as a table.
pub fn listing(events: &[Event]) -> String {
    if events.is_empty() {
        return "No such events. `ducat trigger --list` says how to make some.".to_owned();
    }
    let rows: Vec<_> = events.iter().map(row).collect();
    output::table(["TIME (UTC)", "TYPE", "AMOUNT", "REFERENCE", "ABOUT", "EVENT"], &rows)
}

fn row(event: &Event) -> [Cell; 6] {
    let matter = event.matter();
    let reference = event.fields["data"]["reference"].as_str().unwrap_or("-");
    [
        moment(&event.fields["created_at"]).into(),
        Cell::toned(event.kind.clone(), tone_of(&event.kind)),
        Cell::right(amount(&matter["amount"], &matter["currency"])),
        reference.into(),
        event.subject().into(),
        event.id.clone().into(),
    ]
}

async fn follow(mut log: Log<'_>, mut events: Vec<Event>, audience: Audience) -> Result<ExitCode, Failure> {
    let mut ended = std::pin::pin!(signals::told_to_end());
    loop {
        for event in &events {
            let line = match audience {
                Audience::Program => event.text.get().to_owned(),
                Audience::Person => line(event),
            };
            // Nobody reads any more (`| head`), which is an end as well.
            if output::say_on(&line).is_err() {
                return Ok(ExitCode::SUCCESS);
            }
        }
        tokio::select! {
            found = log.wait() => events = found?,
            signal = &mut ended => return signal.map(|_| ExitCode::SUCCESS).map_err(Into::into),
        }
    }
}

/// An event on a line of its own, in columns that are as wide as what usually stands in them.
fn line(event: &Event) -> String {
    let matter = event.matter();
    let kind = format!("{:<33}", event.kind);
    format!(
        "{}  {}  {:>14}  {}  {}",
        moment(&event.fields["created_at"]),
        paint(&kind, tone_of(&event.kind)),
        amount(&matter["amount"], &matter["currency"]),
        event.subject(),
        event.id,
    )
}
