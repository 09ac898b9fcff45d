//! `ducat listen`: forwards events to a program as they happen, in their order, signed like the gateway's own webhooks.
//!
//! - `forward`: one event. `enter`: somebody who presses Enter.

mod enter;
mod forward;

use crate::cli::{Audience, Listen};
use crate::config::Config;
use crate::gateway::{Event, Gateway, Log, types_meant};
use crate::system::SystemChance;
use crate::{Failure, output, signals};
use ducat_engine::deliveries::signature::SharedSecret;
use enter::Enter;
use forward::Receiver;
use serde_json::json;
use std::cell::RefCell;
use std::process::ExitCode;

/// How many failed events are held for another try; the oldest beyond that are only told.
const MAX_HELD: usize = 1_000;

/// What has been done so far.
#[derive(Default)]
struct Tally {
    taken: u64,
    failed: Vec<Event>,
    last: Option<String>,
}

/// Everything that forwarding needs.
struct Work<'a> {
    receiver: Receiver<'a>,
    audience: Audience,
    tally: RefCell<Tally>,
}

/// Forwards until Ctrl-C, or only what is asked for again.
pub async fn run(config: &Config, asked: Listen) -> Result<ExitCode, Failure> {
    let gateway = Gateway::open(config, &asked.target)?;
    let made = asked.secret.is_none();
    let secret = asked.secret.clone().unwrap_or_else(|| SharedSecret::new(&SystemChance));
    let receiver = Receiver { transport: gateway.transport(), url: asked.forward_to.clone(), secret };
    let work = Work { receiver, audience: asked.form.into(), tally: RefCell::default() };
    if !asked.replay.is_empty() {
        return work.replay(&gateway, &asked).await;
    }
    let types = types_meant(&asked.types)?;
    let log = match (asked.from_start, asked.after) {
        (true, _) => Log::after(&gateway, types, None),
        (false, Some(id)) => Log::after(&gateway, types, Some(id)),
        (false, None) => Log::at_the_end(&gateway, types).await?,
    };
    work.announce(gateway.url(), made)?;
    tokio::select! {
        ended = work.follow(log) => ended,
        signal = signals::told_to_end() => {
            signal?;
            work.part();
            Ok(ExitCode::SUCCESS)
        }
    }
}

impl Work<'_> {
    async fn follow(&self, mut log: Log<'_>) -> Result<ExitCode, Failure> {
        let mut enter = Enter::default();
        loop {
            tokio::select! {
                events = log.wait() => {
                    for event in events? {
                        self.forward(event).await?;
                    }
                }
                () = enter.pressed() => self.again().await?,
            }
            if !self.tally.borrow().failed.is_empty() && enter.heed() {
                eprintln!("ducat: press Enter to forward again what failed");
            }
        }
    }

    /// Forwards an event and tells what became of it. What failed is held.
    async fn forward(&self, event: Event) -> Result<(), Failure> {
        let forwarded = self.receiver.forward(&event).await;
        match self.audience {
            Audience::Person => output::say_on(&forwarded.line(&event))?,
            Audience::Program => output::say_on(&forwarded.json(&event).to_string())?,
        }
        let mut tally = self.tally.borrow_mut();
        tally.last = Some(event.id.clone());
        if forwarded.is_taken() {
            tally.taken += 1;
        } else {
            eprintln!("ducat: {} was not taken. Once more: {}", event.id, self.command(&format!("--replay {}", event.id)));
            if tally.failed.len() == MAX_HELD {
                tally.failed.remove(0);
            }
            tally.failed.push(event);
        }
        Ok(())
    }

    async fn again(&self) -> Result<(), Failure> {
        let (held, last) = {
            let mut tally = self.tally.borrow_mut();
            (std::mem::take(&mut tally.failed), tally.last.clone())
        };
        for event in held {
            self.forward(event).await?;
        }
        self.tally.borrow_mut().last = last;
        Ok(())
    }

    async fn replay(&self, gateway: &Gateway, asked: &Listen) -> Result<ExitCode, Failure> {
        for id in &asked.replay {
            let answer = gateway.get(&format!("/v1/events/{id}")).await?;
            self.forward(answer.event()?).await?;
        }
        let failed = !self.tally.borrow().failed.is_empty();
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn announce(&self, from: &str, made: bool) -> std::io::Result<()> {
        let (to, secret) = (&self.receiver.url, self.receiver.secret.text());
        let secret = secret.expose();
        let told = match self.audience {
            Audience::Program => json!({ "forwarding": from, "to": to.as_str(), "secret": made.then_some(secret) }).to_string(),
            Audience::Person if made => {
                format!("Events of {from} go to {to}. Ctrl-C ends.\nSigning secret (Standard Webhooks): {secret}\n")
            }
            Audience::Person => format!("Events of {from} go to {to}, signed with your secret. Ctrl-C ends.\n"),
        };
        output::say_on(&told)
    }

    /// Says how to go on where this ends, so that nothing is lost in between.
    fn part(&self) {
        let tally = self.tally.borrow();
        eprintln!("ducat: {} taken, {} failed", tally.taken, tally.failed.len());
        if let Some(last) = &tally.last {
            eprintln!("ducat: go on from here: {}", self.command(&format!("--after {last}")));
        }
    }

    fn command(&self, more: &str) -> String {
        format!("ducat listen --forward-to {} --secret … {more}", self.receiver.url)
    }
}
