//! Stripe's refusals in our words. Sources: docs.stripe.com/declines/codes, docs.stripe.com/error-codes, and "advice codes" on the page
//! about declines. What is not listed is a decline without a reason, with Stripe's own code beside it.

use super::objects::{ApiError, Expandable};
use ducat_domain::payments::{Decline, DeclineClass, DeclineCode};

/// Stripe's decline codes, each by its own name.
const BY_DECLINE_CODE: &[(&str, DeclineCode)] = &[
    ("approve_with_id", DeclineCode::ProcessingError),
    ("authentication_not_handled", DeclineCode::AuthenticationFailed),
    ("authentication_required", DeclineCode::AuthenticationRequired),
    ("call_issuer", DeclineCode::GenericDecline),
    ("card_not_supported", DeclineCode::NotSupported),
    ("card_velocity_exceeded", DeclineCode::LimitExceeded),
    ("currency_not_supported", DeclineCode::NotSupported),
    ("do_not_honor", DeclineCode::GenericDecline),
    ("do_not_try_again", DeclineCode::DoNotTryAgain),
    ("duplicate_transaction", DeclineCode::GenericDecline),
    ("expired_card", DeclineCode::ExpiredCard),
    ("fraudulent", DeclineCode::FraudSuspected),
    ("generic_decline", DeclineCode::GenericDecline),
    ("incorrect_address", DeclineCode::IncorrectDetails),
    ("incorrect_cvc", DeclineCode::IncorrectCvc),
    ("incorrect_number", DeclineCode::IncorrectNumber),
    ("incorrect_pin", DeclineCode::IncorrectDetails),
    ("incorrect_zip", DeclineCode::IncorrectDetails),
    ("insufficient_funds", DeclineCode::InsufficientFunds),
    ("invalid_account", DeclineCode::DoNotTryAgain),
    ("invalid_amount", DeclineCode::LimitExceeded),
    ("invalid_cvc", DeclineCode::IncorrectCvc),
    ("invalid_expiry_month", DeclineCode::IncorrectDetails),
    ("invalid_expiry_year", DeclineCode::IncorrectDetails),
    ("invalid_number", DeclineCode::IncorrectNumber),
    ("invalid_pin", DeclineCode::IncorrectDetails),
    ("issuer_not_available", DeclineCode::ProcessingError),
    ("lost_card", DeclineCode::LostCard),
    ("merchant_blacklist", DeclineCode::FraudSuspected),
    ("mobile_device_authentication_required", DeclineCode::AuthenticationRequired),
    ("new_account_information_available", DeclineCode::IncorrectDetails),
    ("no_action_taken", DeclineCode::GenericDecline),
    ("not_permitted", DeclineCode::NotSupported),
    ("offline_pin_required", DeclineCode::AuthenticationRequired),
    ("online_or_offline_pin_required", DeclineCode::AuthenticationRequired),
    ("pickup_card", DeclineCode::StolenCard),
    ("pin_try_exceeded", DeclineCode::LimitExceeded),
    ("processing_error", DeclineCode::ProcessingError),
    ("reenter_transaction", DeclineCode::ProcessingError),
    ("restricted_card", DeclineCode::DoNotTryAgain),
    ("revocation_of_all_authorizations", DeclineCode::DoNotTryAgain),
    ("revocation_of_authorization", DeclineCode::DoNotTryAgain),
    ("security_violation", DeclineCode::FraudSuspected),
    ("service_not_allowed", DeclineCode::NotSupported),
    ("stolen_card", DeclineCode::StolenCard),
    ("stop_payment_order", DeclineCode::DoNotTryAgain),
    ("testmode_decline", DeclineCode::NotSupported),
    ("transaction_not_allowed", DeclineCode::NotSupported),
    ("try_again_later", DeclineCode::ProcessingError),
    ("withdrawal_count_limit_exceeded", DeclineCode::LimitExceeded),
];

/// The error codes that a payment can end with, where there is no decline code, or none that we know.
const BY_ERROR_CODE: &[(&str, DeclineCode)] = &[
    ("account_closed", DeclineCode::DoNotTryAgain),
    ("account_number_invalid", DeclineCode::IncorrectNumber),
    ("bank_account_unusable", DeclineCode::DoNotTryAgain),
    ("card_decline_rate_limit_exceeded", DeclineCode::LimitExceeded),
    ("card_declined", DeclineCode::GenericDecline),
    ("charge_exceeds_source_limit", DeclineCode::LimitExceeded),
    ("charge_exceeds_transaction_limit", DeclineCode::LimitExceeded),
    ("charge_exceeds_weekly_limit", DeclineCode::LimitExceeded),
    ("debit_not_authorized", DeclineCode::DoNotTryAgain),
    ("expired_card", DeclineCode::ExpiredCard),
    ("incorrect_address", DeclineCode::IncorrectDetails),
    ("incorrect_cvc", DeclineCode::IncorrectCvc),
    ("incorrect_number", DeclineCode::IncorrectNumber),
    ("incorrect_zip", DeclineCode::IncorrectDetails),
    ("insufficient_funds", DeclineCode::InsufficientFunds),
    ("invalid_bank_account_iban", DeclineCode::IncorrectNumber),
    ("invalid_card_type", DeclineCode::NotSupported),
    ("invalid_cvc", DeclineCode::IncorrectCvc),
    ("invalid_expiry_month", DeclineCode::IncorrectDetails),
    ("invalid_expiry_year", DeclineCode::IncorrectDetails),
    ("invalid_number", DeclineCode::IncorrectNumber),
    ("no_account", DeclineCode::IncorrectNumber),
    ("payment_intent_authentication_failure", DeclineCode::AuthenticationFailed),
    ("payment_intent_payment_attempt_expired", DeclineCode::AuthenticationFailed),
    ("payment_intent_payment_attempt_failed", DeclineCode::GenericDecline),
    ("payment_method_bank_account_blocked", DeclineCode::DoNotTryAgain),
    ("payment_method_billing_details_address_missing", DeclineCode::IncorrectDetails),
    ("payment_method_currency_mismatch", DeclineCode::NotSupported),
    ("payment_method_customer_decline", DeclineCode::AuthenticationFailed),
    ("payment_method_not_available", DeclineCode::ProcessingError),
    ("payment_method_provider_decline", DeclineCode::GenericDecline),
    ("payment_method_provider_timeout", DeclineCode::ProcessingError),
    ("payment_method_unactivated", DeclineCode::NotSupported),
    ("payment_method_unsupported_type", DeclineCode::NotSupported),
    ("postal_code_invalid", DeclineCode::IncorrectDetails),
    ("processing_error", DeclineCode::ProcessingError),
    ("refer_to_customer", DeclineCode::GenericDecline),
    ("rejected_card", DeclineCode::FraudSuspected),
    ("setup_intent_authentication_failure", DeclineCode::AuthenticationFailed),
];

/// The refusal of a payment.
pub(super) fn decline(error: &ApiError) -> Decline {
    let said = error.decline_code.as_deref().or(error.code.as_deref());
    Decline { code: code(error), psp_code: said.map(str::to_owned), psp_ref: which_try(error) }
}

fn code(error: &ApiError) -> DeclineCode {
    let by_decline = error.decline_code.as_deref().and_then(|word| find(BY_DECLINE_CODE, word));
    let by_error = || error.code.as_deref().and_then(|word| find(BY_ERROR_CODE, word));
    let code = by_decline.or_else(by_error).unwrap_or(DeclineCode::GenericDecline);
    // The network's word that this card is never to be tried again outweighs all but an equally final reason.
    let never = error.advice_code.as_deref() == Some("do_not_try_again");
    if never && code.class() != DeclineClass::Hard { DeclineCode::DoNotTryAgain } else { code }
}

/// What tells one try from the next: the charge, or, where it did not come to one, the method that the customer gave for it.
fn which_try(error: &ApiError) -> Option<String> {
    let charge = error.charge.as_ref().and_then(|charge| match charge {
        Expandable::Id(id) => Some(id.clone()),
        Expandable::Object(charge) => charge.id.clone(),
    });
    charge.or_else(|| error.payment_method.as_ref()?.id.clone())
}

fn find(table: &[(&str, DeclineCode)], word: &str) -> Option<DeclineCode> {
    table.iter().find(|(theirs, _)| *theirs == word).map(|(_, ours)| *ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(error: serde_json::Value) -> Decline {
        decline(&serde_json::from_value(error).unwrap())
    }

    #[test]
    fn each_table_is_sorted_and_names_each_code_once() {
        for table in [BY_DECLINE_CODE, BY_ERROR_CODE] {
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }

    #[test]
    fn stripe_s_test_cards_decline_in_our_words() {
        for (code, decline_code, ours) in [
            ("card_declined", Some("generic_decline"), DeclineCode::GenericDecline),
            ("card_declined", Some("insufficient_funds"), DeclineCode::InsufficientFunds),
            ("card_declined", Some("lost_card"), DeclineCode::LostCard),
            ("card_declined", Some("stolen_card"), DeclineCode::StolenCard),
            ("card_declined", Some("card_velocity_exceeded"), DeclineCode::LimitExceeded),
            ("card_declined", Some("fraudulent"), DeclineCode::FraudSuspected),
            ("expired_card", None, DeclineCode::ExpiredCard),
            ("expired_card", Some("expired_card"), DeclineCode::ExpiredCard),
            ("incorrect_cvc", None, DeclineCode::IncorrectCvc),
            ("processing_error", None, DeclineCode::ProcessingError),
            ("incorrect_number", None, DeclineCode::IncorrectNumber),
            ("payment_intent_authentication_failure", None, DeclineCode::AuthenticationFailed),
        ] {
            let decline = read(json!({"type": "card_error", "code": code, "decline_code": decline_code, "charge": "ch_1"}));
            assert_eq!(decline.code, ours, "{code} {decline_code:?}");
            assert_eq!(decline.psp_code.as_deref(), decline_code.or(Some(code)));
            assert_eq!(decline.psp_ref.as_deref(), Some("ch_1"));
        }
    }

    #[test]
    fn a_code_that_did_not_exist_is_kept_and_means_nothing_more_than_no() {
        let decline = read(json!({"code": "card_declined", "decline_code": "bad_mood"}));
        assert_eq!((decline.code, decline.psp_code.as_deref()), (DeclineCode::GenericDecline, Some("bad_mood")));
        let decline = read(json!({"code": "expired_card", "decline_code": "bad_mood"}));
        assert_eq!(decline.code, DeclineCode::ExpiredCard);
        assert_eq!(read(json!({})).code, DeclineCode::GenericDecline);
    }

    #[test]
    fn the_network_s_advice_never_to_try_again_is_heard() {
        let advised = |word| read(json!({"decline_code": word, "advice_code": "do_not_try_again"})).code;
        assert_eq!(advised("generic_decline"), DeclineCode::DoNotTryAgain);
        assert_eq!(advised("stolen_card"), DeclineCode::StolenCard);
        assert_eq!(
            read(json!({"decline_code": "do_not_honor", "advice_code": "try_again_later"})).code,
            DeclineCode::GenericDecline
        );
    }

    #[test]
    fn two_failed_checks_of_different_cards_are_two_declines() {
        let tried = |method| read(json!({"code": "payment_intent_authentication_failure", "payment_method": {"id": method}}));
        assert_ne!(tried("pm_1"), tried("pm_2"));
    }
}
