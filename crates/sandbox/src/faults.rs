//! The fault script: rules that make chosen operations and webhooks go wrong, by count or by chance.

use crate::stripe::money::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// More rules than this at a time are refused.
const MAX_RULES: usize = 1_000;
/// What a delay lasts when the rule does not say.
const DEFAULT_DELAY_MS: i64 = 30_000;
/// What a reordered webhook waits when the rule does not say: long enough for the next ones to overtake it.
const DEFAULT_REORDER_MS: i64 = 2_000;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    Delay,
    DropRequest,
    DropResponse,
    Status,
    Garbage,
    Truncate,
    DuplicateWebhook,
    LoseWebhook,
    DelayWebhook,
    ReorderWebhooks,
}

const NAMES: [(&str, Fault); 10] = [
    ("delay", Fault::Delay),
    ("drop_request", Fault::DropRequest),
    ("drop_response", Fault::DropResponse),
    ("status", Fault::Status),
    ("garbage", Fault::Garbage),
    ("truncate", Fault::Truncate),
    ("duplicate_webhook", Fault::DuplicateWebhook),
    ("lose_webhook", Fault::LoseWebhook),
    ("delay_webhook", Fault::DelayWebhook),
    ("reorder_webhooks", Fault::ReorderWebhooks),
];

/// One line of the script.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub id: String,
    operation: String,
    pub fault: Fault,
    /// How often it still strikes; none is for ever.
    count: Option<u64>,
    probability_millionths: i64,
    probability: Value,
    dice: u64,
    seed: u64,
    pub delay_ms: Option<i64>,
    pub status: u16,
    pub after: bool,
    event_types: Vec<String>,
    skip: u64,
    hits: u64,
}

/// All rules, in the order they were added.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
    serial: u64,
}

/// What the script does to one delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct WebhookFate {
    pub lost: bool,
    pub duplicates: u32,
    pub delay_ms: i64,
}

/// A field of a rule that cannot be taken: its name and why.
pub(crate) type Refusal = (String, String);

impl Faults {
    /// Adds the rule this JSON describes.
    pub fn add(&mut self, given: &Value) -> Result<Value, Refusal> {
        let Value::Object(fields) = given else { return Err(("body".into(), "must be a JSON object".into())) };
        if self.rules.len() >= MAX_RULES {
            return Err(("body".into(), format!("there are already {MAX_RULES} rules")));
        }
        let mut rule = Rule::read(fields)?;
        self.serial += 1;
        rule.id = format!("fault_{}", self.serial);
        let shown = rule.shown();
        self.rules.push(rule);
        Ok(shown)
    }

    pub fn list(&self) -> Vec<Value> {
        self.rules.iter().map(Rule::shown).collect()
    }

    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// Takes one rule away; false if there is none of this id.
    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.rules.len();
        self.rules.retain(|r| r.id != id);
        self.rules.len() < before
    }

    /// The rules that strike this call, each counted as hit.
    pub fn strike(&mut self, operation: &str) -> Vec<Rule> {
        let on_calls =
            |f: Fault| !matches!(f, Fault::DuplicateWebhook | Fault::LoseWebhook | Fault::DelayWebhook | Fault::ReorderWebhooks);
        self.rules
            .iter_mut()
            .filter(|r| on_calls(r.fault) && r.names(operation))
            .filter_map(|r| r.struck().then(|| r.clone()))
            .collect()
    }

    /// What happens to a webhook of this type.
    pub fn webhook(&mut self, event_type: &str) -> WebhookFate {
        let mut fate = WebhookFate::default();
        for rule in self
            .rules
            .iter_mut()
            .filter(|r| r.event_types.is_empty() || r.event_types.iter().any(|t| t == event_type || t == "*"))
        {
            let on_webhooks =
                matches!(rule.fault, Fault::DuplicateWebhook | Fault::LoseWebhook | Fault::DelayWebhook | Fault::ReorderWebhooks);
            if !on_webhooks || !rule.struck() {
                continue;
            }
            match rule.fault {
                Fault::DuplicateWebhook => fate.duplicates += 1,
                Fault::LoseWebhook => fate.lost = true,
                Fault::DelayWebhook => fate.delay_ms += rule.delay_ms.unwrap_or(DEFAULT_DELAY_MS),
                _ => fate.delay_ms += rule.delay_ms.unwrap_or(DEFAULT_REORDER_MS),
            }
        }
        fate
    }
}

impl Rule {
    fn read(fields: &Map<String, Value>) -> Result<Self, Refusal> {
        const KNOWN: [&str; 11] =
            ["operation", "fault", "count", "probability", "seed", "delay_ms", "status", "after", "event_types", "skip", "id"];
        if let Some(name) = fields.keys().find(|k| !KNOWN.contains(&k.as_str())) {
            return Err((name.clone(), format!("is unknown; a rule has {}", KNOWN[..10].join(", "))));
        }
        let fault = fields.get("fault").and_then(Value::as_str).and_then(|n| NAMES.iter().find(|(name, _)| *name == n));
        let Some((_, fault)) = fault else {
            return Err(("fault".into(), format!("must be one of {}", NAMES.map(|(n, _)| n).join(", "))));
        };
        let operation = match fields.get("operation") {
            None => "*".to_owned(),
            Some(Value::String(name)) if crate::stripe::is_operation(name) => name.clone(),
            Some(_) => {
                return Err((
                    "operation".into(),
                    "must be * or an operation such as checkout.sessions.create or hosted_page.pay".into(),
                ));
            }
        };
        let count = match fields.get("count") {
            None => Some(1),
            Some(Value::Null) => None,
            Some(_) => Some(whole(fields, "count", 0)?),
        };
        let probability = fields.get("probability").cloned().unwrap_or(json!(1.0));
        let millionths =
            Decimal::parse(&probability.to_string()).map(Decimal::millionths).filter(|m| (0..=1_000_000).contains(m));
        let Some(probability_millionths) = millionths else {
            return Err(("probability".into(), "must be a number from 0 to 1".into()));
        };
        let seed = whole(fields, "seed", 7)?;
        let delay_ms = if fields.contains_key("delay_ms") {
            Some(i64::try_from(whole(fields, "delay_ms", 0)?).unwrap_or(i64::MAX))
        } else {
            None
        };
        let status = u16::try_from(whole(fields, "status", 500)?).ok().filter(|s| (400..=599).contains(s));
        let Some(status) = status else { return Err(("status".into(), "must be from 400 to 599".into())) };
        let after = match fields.get("after") {
            None => false,
            Some(Value::Bool(after)) => *after,
            Some(_) => return Err(("after".into(), "must be true or false".into())),
        };
        let event_types = texts(fields, "event_types")?;
        let skip = whole(fields, "skip", 0)?;
        Ok(Self {
            id: String::new(),
            operation,
            fault: *fault,
            count,
            probability_millionths,
            probability,
            dice: seed,
            seed,
            delay_ms,
            status,
            after,
            event_types,
            skip,
            hits: 0,
        })
    }

    fn names(&self, operation: &str) -> bool {
        self.operation == "*" || self.operation == operation
    }

    /// Whether the rule strikes this time: it lets the first `skip` pass, then throws its own dice, until its count is used up.
    fn struck(&mut self) -> bool {
        if self.count == Some(0) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.probability_millionths < 1_000_000
            && i64::try_from(self.throw() % 1_000_000).unwrap_or(0) >= self.probability_millionths
        {
            return false;
        }
        self.count = self.count.map(|c| c - 1);
        self.hits += 1;
        true
    }

    /// SplitMix64, so that a rule with the same seed strikes the same calls.
    fn throw(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn shown(&self) -> Value {
        json!({
            "id": self.id, "operation": self.operation, "fault": self.fault, "count": self.count, "probability": self.probability,
            "seed": self.seed, "delay_ms": self.delay_ms, "status": self.status, "after": self.after, "event_types": self.event_types,
            "skip": self.skip, "hits": self.hits,
        })
    }
}

fn whole(fields: &Map<String, Value>, name: &str, default: u64) -> Result<u64, Refusal> {
    match fields.get(name) {
        None => Ok(default),
        Some(value) => value.as_u64().ok_or_else(|| (name.to_owned(), "must be a whole number, zero or more".to_owned())),
    }
}

fn texts(fields: &Map<String, Value>, name: &str) -> Result<Vec<String>, Refusal> {
    let refusal = || (name.to_owned(), "must be a list of texts".to_owned());
    match fields.get(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(all)) => all.iter().map(|v| v.as_str().map(str::to_owned).ok_or_else(refusal)).collect(),
        Some(_) => Err(refusal()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_skips_then_strikes_as_often_as_it_says() {
        let mut faults = Faults::default();
        faults.add(&json!({"fault": "status", "operation": "refunds.create", "count": 2, "skip": 1})).unwrap();
        let struck: Vec<bool> = (0..5).map(|_| !faults.strike("refunds.create").is_empty()).collect();
        assert_eq!(struck, [false, true, true, false, false]);
        assert!(faults.strike("refunds.retrieve").is_empty());
    }

    #[test]
    fn an_unknown_field_or_value_is_refused_by_name() {
        let mut faults = Faults::default();
        assert_eq!(faults.add(&json!({"fault": "status", "statuss": 1})).unwrap_err().0, "statuss");
        assert_eq!(faults.add(&json!({"fault": "earthquake"})).unwrap_err().0, "fault");
        assert_eq!(faults.add(&json!({"fault": "delay", "probability": 2})).unwrap_err().0, "probability");
        assert_eq!(faults.add(&json!({"fault": "delay", "operation": "tea.brew"})).unwrap_err().0, "operation");
    }

    #[test]
    fn equal_seeds_strike_the_same_calls() {
        let strikes = || {
            let mut faults = Faults::default();
            faults.add(&json!({"fault": "delay", "probability": 0.3, "seed": 11, "count": null})).unwrap();
            (0..50).map(|_| faults.strike("x").len()).collect::<Vec<_>>()
        };
        assert_eq!(strikes(), strikes());
        assert!(strikes().contains(&1) && strikes().contains(&0));
    }
}
