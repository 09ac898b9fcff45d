//! Query parameters, and the window of a list.

use crate::problem::{Problem, catalogue as kinds};
use ducat_store::PageAnchor;
use std::str::FromStr;

/// How many rows a list gives when nobody says.
const DEFAULT_LIMIT: u32 = 20;
/// How many it gives at the most.
const MAX_LIMIT: u32 = 100;

/// The parameters of one request, taken out one by one.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query text; nothing but `known` may be in it, and nothing twice.
    pub fn of(text: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
            if !known.contains(&name.as_ref()) {
                let detail = match known {
                    [] => format!("{name} is not a known parameter. This call takes none."),
                    known => format!("{name} is not a known parameter. Known are {}.", known.join(", ")),
                };
                return Err(Problem::at(&kinds::UNKNOWN_PARAMETER, name, detail));
            }
            if parameters.iter().any(|(other, _)| *other == name) {
                return Err(invalid(&name, format!("{name} stands twice.")));
            }
            parameters.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter, as it was sent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter, read; `what` says what it should have been.
    pub fn parsed<T>(&self, name: &str, what: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| invalid(name, format!("{name} must be {what}.")))
    }

    /// The parts of a parameter with commas, each of which must be among `known`.
    pub fn words(&self, name: &str, known: &[&str]) -> Result<Vec<String>, Problem> {
        let words: Vec<&str> = self.text(name).unwrap_or_default().split(',').map(str::trim).filter(|w| !w.is_empty()).collect();
        match words.iter().find(|word| !known.contains(word)) {
            Some(word) => Err(invalid(name, format!("{name} has no {word}. It takes {}.", known.join(", ")))),
            None => Ok(words.into_iter().map(str::to_owned).collect()),
        }
    }

    /// How many rows are wanted.
    pub fn limit(&self) -> Result<u32, Problem> {
        let read = |text: &str| text.parse().ok().filter(|n| (1..=MAX_LIMIT).contains(n));
        Ok(self.parsed("limit", "a whole number from 1 to 100", read)?.unwrap_or(DEFAULT_LIMIT))
    }

    /// Where the page begins.
    pub fn anchor<Id: FromStr>(&self) -> Result<PageAnchor<Id>, Problem> {
        let id = |name| self.parsed(name, "an id from the same list", |text| text.parse().ok());
        match (id("starting_after")?, id("ending_before")?) {
            (None, None) => Ok(PageAnchor::Newest),
            (Some(id), None) => Ok(PageAnchor::After(id)),
            (None, Some(id)) => Ok(PageAnchor::Before(id)),
            (Some(_), Some(_)) => {
                Err(invalid("ending_before", "starting_after and ending_before exclude each other.".to_owned()))
            }
        }
    }
}

fn invalid(name: &str, detail: String) -> Problem {
    Problem::at(&kinds::INVALID_PARAMETER, name, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ducat_domain::PaymentOrderId;

    const KNOWN: &[&str] = &["limit", "starting_after", "ending_before", "expand"];

    fn query(text: &str) -> Query {
        Query::of(Some(text), KNOWN).unwrap()
    }

    #[test]
    fn the_limit_is_from_one_to_a_hundred_and_twenty_when_nobody_says() {
        assert_eq!(query("").limit().unwrap(), 20);
        assert_eq!(query("limit=100").limit().unwrap(), 100);
        for wrong in ["limit=0", "limit=101", "limit=", "limit=-1", "limit=ten", "limit=1.5"] {
            assert!(query(wrong).limit().is_err(), "{wrong}");
        }
    }

    #[test]
    fn both_ends_at_once_an_unknown_and_a_repeated_parameter_are_refused() {
        let id = PaymentOrderId::from_bytes([7; 16]);
        assert!(query(&format!("starting_after={id}&ending_before={id}")).anchor::<PaymentOrderId>().is_err());
        assert_eq!(query(&format!("ending_before={id}")).anchor::<PaymentOrderId>().unwrap(), PageAnchor::Before(id));
        assert!(query("starting_after=evt_1").anchor::<PaymentOrderId>().is_err());
        assert!(Query::of(Some("limmit=1"), KNOWN).is_err());
        assert!(Query::of(Some("limit=1&limit=2"), KNOWN).is_err());
    }

    #[test]
    fn words_are_separated_by_commas_and_known() {
        assert_eq!(query("expand=events,%20attempts").words("expand", &["attempts", "events"]).unwrap(), ["events", "attempts"]);
        assert!(query("expand=refund").words("expand", &["attempts", "events"]).is_err());
    }
}
