//! What Stripe takes as evidence. The fields and their largest lengths are those of "Update a dispute" in its OpenAPI document. The sum of
//! all texts and the limits of files are known from its pages on disputes, which we did not hold against the present ones.

use crate::{EvidenceRules, TextField};

/// A field for an argument.
const LONG: usize = 20_000;
/// A field for a name, a number, a date.
const SHORT: usize = 5_000;

pub(super) const RULES: EvidenceRules = EvidenceRules {
    texts: &[
        text("access_activity_log", LONG),
        text("billing_address", SHORT),
        text("cancellation_policy_disclosure", LONG),
        text("cancellation_rebuttal", LONG),
        text("customer_email_address", SHORT),
        text("customer_name", SHORT),
        text("customer_purchase_ip", SHORT),
        text("duplicate_charge_explanation", LONG),
        text("duplicate_charge_id", SHORT),
        text("product_description", LONG),
        text("refund_policy_disclosure", LONG),
        text("refund_refusal_explanation", LONG),
        text("service_date", SHORT),
        text("shipping_address", SHORT),
        text("shipping_carrier", SHORT),
        text("shipping_date", SHORT),
        text("shipping_tracking_number", SHORT),
        text("uncategorized_text", LONG),
    ],
    files: &[
        "cancellation_policy",
        "customer_communication",
        "customer_signature",
        "duplicate_charge_documentation",
        "receipt",
        "refund_policy",
        "service_documentation",
        "shipping_documentation",
        "uncategorized_file",
    ],
    text_limit: 150_000,
    file_limit: 5 * 1024 * 1024,
    media_types: &["application/pdf", "image/jpeg", "image/png"],
};

const fn text(name: &'static str, limit: usize) -> TextField {
    TextField { name, limit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EvidenceError;
    use std::collections::BTreeMap;

    #[test]
    fn a_field_takes_a_text_or_a_file_and_a_name_that_is_none_is_told() {
        assert_eq!(RULES.check_text("customer_name", "Ada"), Ok(()));
        for (name, kind, refused) in [
            ("receipt", "text", RULES.check_text("receipt", "x")),
            ("mood", "text", RULES.check_text("mood", "x")),
            ("customer_name", "file", RULES.check_file("customer_name", "image/png", 1)),
        ] {
            assert_eq!(refused, Err(EvidenceError::UnknownField { field: name.into(), kind }));
            assert!(refused.unwrap_err().to_string().contains(name));
        }
    }

    #[test]
    fn texts_are_limited_each_and_together_in_characters() {
        assert_eq!(RULES.check_text("product_description", &"ü".repeat(LONG)), Ok(()));
        let refused = RULES.check_text("product_description", &"ü".repeat(LONG + 1));
        assert_eq!(refused, Err(EvidenceError::TextTooLong { field: "product_description".into(), limit: LONG }));
        let longest = |field: &TextField| (field.name.to_owned(), "x".repeat(field.limit));
        let all: BTreeMap<String, String> = RULES.texts.iter().map(longest).collect();
        assert_eq!(RULES.check_texts(&all), Err(EvidenceError::TooMuchText { limit: 150_000 }));
    }

    #[test]
    fn files_are_limited_in_size_and_kind() {
        assert_eq!(RULES.check_file("receipt", "application/pdf", RULES.file_limit), Ok(()));
        for bytes in [0, RULES.file_limit + 1] {
            assert!(matches!(RULES.check_file("receipt", "application/pdf", bytes), Err(EvidenceError::FileSize { .. })));
        }
        assert!(matches!(RULES.check_file("receipt", "text/html", 9), Err(EvidenceError::MediaType { .. })));
    }
}
