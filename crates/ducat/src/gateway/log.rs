//! The gateway's event log, read from where one stands and followed without a gap.

use super::{Gateway, TalkError};
use ducat_domain::EventId;
use ducat_domain::payments::EventKind;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::time::Duration;

/// How often a follower asks whether something happened.
const EVERY: Duration = Duration::from_millis(250);
/// How long a follower rests at the most while the gateway does not answer.
const LONGEST_REST: Duration = Duration::from_secs(5);
/// The largest page that the API gives.
const PAGE: u8 = 100;

/// One event.
pub struct Event {
    /// `evt_…`
    pub id: String,
    /// Such as `payment_order.succeeded`.
    pub kind: String,
    /// The event as the API wrote it.
    pub text: Box<RawValue>,
    /// The same, read.
    pub fields: Value,
}

impl Event {
    /// Reads an event of the API.
    pub fn read(text: Box<RawValue>) -> Result<Self, TalkError> {
        #[derive(Deserialize)]
        struct Head {
            id: String,
            #[serde(rename = "type")]
            kind: String,
        }
        let unreadable = |e: serde_json::Error| TalkError::Unreadable(e.to_string());
        let head: Head = serde_json::from_str(text.get()).map_err(unreadable)?;
        let fields = serde_json::from_str(text.get()).map_err(unreadable)?;
        Ok(Self { id: head.id, kind: head.kind, text, fields })
    }

    /// The id of what it is about: an order, a payout, an endpoint.
    pub fn subject(&self) -> &str {
        self.fields["subject"].as_str().or(self.fields["payment_order"].as_str()).unwrap_or("-")
    }

    /// The object whose amount it is about: the refund, capture or dispute, else what it shows as a whole.
    pub fn matter(&self) -> &Value {
        let parts = ["refund", "capture", "dispute"].map(|name| &self.fields[name]);
        parts.into_iter().find(|part| part.is_object()).unwrap_or(&self.fields["data"])
    }
}

/// Types as they were asked for, with `*` at the end of one standing for all that begin so.
pub fn types_meant(asked: &[String]) -> Result<Vec<String>, String> {
    let mut meant = Vec::new();
    for one in asked {
        let Some(start) = one.strip_suffix('*') else {
            meant.push(one.clone());
            continue;
        };
        let known = EventKind::ALL.iter().map(|kind| kind.as_str());
        let found: Vec<String> = known.filter(|kind| kind.starts_with(start)).map(str::to_owned).collect();
        if found.is_empty() {
            return Err(format!("no type of event begins with {start}"));
        }
        meant.extend(found);
    }
    meant.sort();
    meant.dedup();
    Ok(meant)
}

/// A reader of the log.
pub struct Log<'a> {
    gateway: &'a Gateway,
    types: Vec<String>,
    after: Option<String>,
}

impl<'a> Log<'a> {
    /// Stands after this event, or before the first.
    pub fn after(gateway: &'a Gateway, types: Vec<String>, after: Option<EventId>) -> Self {
        Self { gateway, types, after: after.map(|id| id.to_string()) }
    }

    /// Stands at the end: the next event is one that happens from now on.
    pub async fn at_the_end(gateway: &'a Gateway, types: Vec<String>) -> Result<Self, TalkError> {
        let mut log = Self { gateway, types, after: None };
        log.after = log.newest(1).await?.pop().map(|event| event.id);
        Ok(log)
    }

    /// The newest events, the oldest of them first. The reader stands after them.
    pub async fn newest(&mut self, limit: u8) -> Result<Vec<Event>, TalkError> {
        let rows = self.gateway.get(&self.path("order=desc", limit)).await?.rows()?;
        let mut events: Vec<Event> = rows.into_iter().map(Event::read).collect::<Result<_, _>>()?;
        events.reverse();
        self.move_on(&events);
        Ok(events)
    }

    /// The next events, none where nothing happened.
    pub async fn next(&mut self, limit: u8) -> Result<Vec<Event>, TalkError> {
        let rows = self.gateway.get(&self.next_path(limit)).await?.rows()?;
        let events: Vec<Event> = rows.into_iter().map(Event::read).collect::<Result<_, _>>()?;
        self.move_on(&events);
        Ok(events)
    }

    /// Waits for the next events. A gateway that does not answer is waited for, and the reader keeps its place.
    pub async fn wait(&mut self) -> Result<Vec<Event>, TalkError> {
        let mut rest = EVERY;
        let mut down = false;
        loop {
            match self.next(PAGE).await {
                Ok(events) => {
                    if down {
                        eprintln!("ducat: {} answers again", self.gateway.url());
                        down = false;
                        rest = EVERY;
                    }
                    if !events.is_empty() {
                        return Ok(events);
                    }
                }
                Err(error) if error.may_pass() => {
                    if !down {
                        eprintln!("ducat: {error}; trying again");
                    }
                    down = true;
                    rest = (rest * 2).min(LONGEST_REST);
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(rest).await;
        }
    }

    /// The address of the newest events, for a caller who wants the answer as it comes.
    pub fn newest_path(&self, limit: u8) -> String {
        self.path("order=desc", limit)
    }

    /// The address of the next events.
    pub fn next_path(&self, limit: u8) -> String {
        match &self.after {
            Some(id) => self.path(&format!("after={id}"), limit),
            None => self.path("order=asc", limit),
        }
    }

    fn path(&self, place: &str, limit: u8) -> String {
        let mut query = url::form_urlencoded::Serializer::new(format!("{place}&limit={limit}"));
        if !self.types.is_empty() {
            query.append_pair("types", &self.types.join(","));
        }
        format!("/v1/events?{}", query.finish())
    }

    fn move_on(&mut self, events: &[Event]) {
        if let Some(last) = events.last() {
            self.after = Some(last.id.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_every_type_that_begins_so() {
        let asked = |types: &[&str]| types_meant(&types.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        assert!(asked(&["payment_order.*"]).unwrap().contains(&"payment_order.succeeded".to_owned()));
        assert_eq!(asked(&["payment_order.cancel*", "payment_order.canceled"]).unwrap().len(), 2);
        assert_eq!(asked(&["left.alone"]).unwrap(), ["left.alone"]);
        assert!(asked(&["nothing.*"]).unwrap_err().contains("nothing."));
    }
}
