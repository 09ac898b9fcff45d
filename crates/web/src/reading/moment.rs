//! Moments in bodies and query parameters.

use super::Query;
use super::fields::{Shape, name_of};
use crate::problem::{Problem, catalogue as kinds};
use ducat_domain::Timestamp;
use serde_json::Value;

/// What a moment must be.
fn wanted(name: &str) -> String {
    format!("{name} must be a moment as in RFC 3339, up to {}, such as 2027-01-31T00:00:00Z.", Timestamp::LATEST)
}

impl Shape for Timestamp {
    fn read(value: Value, at: &str) -> Result<Self, Problem> {
        let text = String::read(value, at)?;
        Self::parse(&text).ok_or_else(|| Problem::at(&kinds::INVALID_VALUE, at, wanted(name_of(at))))
    }
}

impl Query {
    /// The moment that a parameter names.
    pub fn moment(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let refusal = || {
            let hint = if has_lost_its_plus(text) { " In an address its + is written %2B." } else { "" };
            Problem::at(&kinds::INVALID_PARAMETER, name, wanted(name) + hint)
        };
        Timestamp::parse(text).map(Some).ok_or_else(refusal)
    }
}

/// In a query a plus stands for a space.
fn has_lost_its_plus(text: &str) -> bool {
    text.rsplit_once(' ').is_some_and(|(time, offset)| Timestamp::parse(&format!("{time}+{offset}")).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let query = Query::of(Some(&format!("at={text}")), &["at"]).unwrap();
        query.moment("at").map_or_else(|problem| problem.document("req_1").detail, |at| at.unwrap().to_string())
    }

    #[test]
    fn a_moment_beyond_what_is_taken_is_told_what_is_taken() {
        let wanted = "must be a moment as in RFC 3339, up to 9999-12-30T22:00:00Z, such as 2027-01-31T00:00:00Z.";
        assert_eq!(told("9999-12-31T23:59:59Z"), format!("at {wanted}"));
        let refused = Timestamp::read("9999-12-31T23:59:59Z".into(), "/expires_at").unwrap_err().document("req_1");
        assert_eq!((refused.detail, refused.param.as_deref()), (format!("expires_at {wanted}"), Some("/expires_at")));
        assert_eq!(told("9999-12-30T22:00:00Z"), "9999-12-30T22:00:00Z");
    }

    #[test]
    fn an_offset_whose_plus_was_not_escaped_is_told_how_to_escape_it() {
        assert_eq!(told("2026-11-22T10:00:00%2B01:00"), "2026-11-22T09:00:00Z");
        assert!(told("2026-11-22T10:00:00+01:00").ends_with("In an address its + is written %2B."));
        for other in ["yesterday", "to+morrow", "9999-12-31T23:59:59Z"] {
            assert!(!told(other).contains("%2B"), "{other}");
        }
    }
}
