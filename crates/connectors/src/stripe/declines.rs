//! Stripe's refusals in our words. Sources: docs.stripe.com/declines/codes, docs.stripe.com/error-codes, and "advice codes" on the page
//! about declines; the networks' own codes from Visa's and Mastercard's rules about trying again. What is not listed is a decline
//! without a reason, with Stripe's own code beside it.

use super::objects::{ApiError, Card, Expandable};
use ducat_domain::Secret;
use ducat_domain::payments::{Advice, CardMode, CardNetwork, CardSeen, Decline, DeclineCode};

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

/// Mastercard's advice that a card is never to be tried again: it is closed, or its holder has taken the permission back.
const FINAL_ADVICE: &[&str] = &["03", "21"];

/// Visa's category 1: the bank will never approve this. Pick up, lost, stolen, no such account or issuer, closed, not permitted, stopped.
const FINAL_AT_VISA: &[&str] = &["04", "07", "12", "14", "15", "41", "43", "46", "57", "R0", "R1", "R3"];

const BY_REFUSED_REFUND: &[(&str, DeclineCode)] = &[
    ("balance_insufficient", DeclineCode::BalanceTooLow),
    ("charge_already_refunded", DeclineCode::AlreadyRefunded),
    ("charge_disputed", DeclineCode::PaymentDisputed),
    ("charge_not_refundable", DeclineCode::NotRefundable),
    ("insufficient_funds", DeclineCode::BalanceTooLow),
    ("refund_disputed_payment", DeclineCode::PaymentDisputed),
];

const BY_FAILED_REFUND: &[(&str, DeclineCode)] = &[
    ("canceled", DeclineCode::RefundCanceled),
    ("charge_for_pending_refund_disputed", DeclineCode::PaymentDisputed),
    ("declined", DeclineCode::RefundRejected),
    ("expired_or_canceled_card", DeclineCode::AccountClosed),
    ("insufficient_funds", DeclineCode::BalanceTooLow),
    ("lost_or_stolen_card", DeclineCode::AccountClosed),
    ("merchant_request", DeclineCode::RefundCanceled),
];

/// The refusal of a payment.
pub(super) fn decline(error: &ApiError) -> Decline {
    let said = error.decline_code.as_deref().or(error.code.as_deref());
    let advice = advice(error);
    Decline {
        code: code(error, advice),
        psp_code: said.map(str::to_owned),
        psp_ref: which_try(error),
        advice,
        network_code: error.network_decline_code.clone().filter(|code| !code.is_empty()),
    }
}

fn code(error: &ApiError, advice: Option<Advice>) -> DeclineCode {
    let by_decline = error.decline_code.as_deref().and_then(|word| find(BY_DECLINE_CODE, word));
    let by_error = || error.code.as_deref().and_then(|word| find(BY_ERROR_CODE, word));
    let code = by_decline.or_else(by_error).unwrap_or(DeclineCode::GenericDecline);
    // Where no reason is given, the advice is the reason.
    let is_final = advice == Some(Advice::DoNotTryAgain);
    if is_final && code == DeclineCode::GenericDecline { DeclineCode::DoNotTryAgain } else { code }
}

/// What is advised. The network's final word outweighs what Stripe makes of it.
fn advice(error: &ApiError) -> Option<Advice> {
    let is_in = |table: &[&str], word: Option<&str>| word.is_some_and(|word| table.contains(&word));
    let is_visa = error.payment_method.as_ref().and_then(|m| m.card.as_ref()).is_some_and(|c| network(c) == CardNetwork::Visa);
    let is_final = is_in(FINAL_ADVICE, error.network_advice_code.as_deref())
        || (is_visa && is_in(FINAL_AT_VISA, error.network_decline_code.as_deref()));
    match error.advice_code.as_deref() {
        _ if is_final => Some(Advice::DoNotTryAgain),
        Some("do_not_try_again") => Some(Advice::DoNotTryAgain),
        Some("confirm_card_data") => Some(Advice::ConfirmCardData),
        Some("try_again_later") => Some(Advice::TryAgainLater),
        _ => None,
    }
}

/// The card that was refused.
pub(super) fn card(error: &ApiError, mode: CardMode) -> Option<CardSeen> {
    let card = error.payment_method.as_ref()?.card.as_ref()?;
    let fingerprint = card.fingerprint.as_ref().filter(|text| !text.is_empty()).map(Secret::new);
    Some(CardSeen { mode, network: network(card), fingerprint, face: face(card) })
}

fn network(card: &Card) -> CardNetwork {
    CardNetwork::parse(card.brand.as_deref().unwrap_or_default())
}

/// What is printed on the card. Stripe's fingerprint is its own and is another one at another account; this is not.
fn face(card: &Card) -> Option<Secret> {
    let brand = card.brand.as_deref()?.to_lowercase();
    let (last4, month, year) = (card.last4.as_deref()?, card.exp_month?, card.exp_year?);
    let country = card.country.as_deref().unwrap_or("-");
    let funding = card.funding.as_deref().unwrap_or("-");
    Some(Secret::new(format!("{brand} {last4} {year}-{month:02} {country} {funding}")))
}

/// Why Stripe refused to give money back, where its code says it. The codes: docs.stripe.com/error-codes.
pub(super) fn of_refund(word: Option<&str>) -> Option<DeclineCode> {
    find(BY_REFUSED_REFUND, word?)
}

/// Why money that was given back came back. The reasons: docs.stripe.com/refunds, "Handle failed refunds".
pub(super) fn of_failed_refund(word: Option<&str>) -> DeclineCode {
    word.and_then(|word| find(BY_FAILED_REFUND, word)).unwrap_or(DeclineCode::RefundRejected)
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
    use ducat_domain::payments::DeclineClass;
    use serde_json::json;

    /// Every decline code on Stripe's page, by what may be done next.
    const DOCUMENTED: &[(DeclineClass, &[&str])] = &[
        (
            DeclineClass::Hard,
            &[
                "do_not_try_again",
                "fraudulent",
                "invalid_account",
                "lost_card",
                "merchant_blacklist",
                "pickup_card",
                "restricted_card",
                "revocation_of_all_authorizations",
                "revocation_of_authorization",
                "security_violation",
                "stolen_card",
                "stop_payment_order",
            ],
        ),
        (
            DeclineClass::Soft,
            &[
                "call_issuer",
                "card_velocity_exceeded",
                "do_not_honor",
                "duplicate_transaction",
                "generic_decline",
                "insufficient_funds",
                "invalid_amount",
                "no_action_taken",
                "pin_try_exceeded",
                "withdrawal_count_limit_exceeded",
            ],
        ),
        (
            DeclineClass::Fixable,
            &[
                "card_not_supported",
                "currency_not_supported",
                "expired_card",
                "incorrect_address",
                "incorrect_cvc",
                "incorrect_number",
                "incorrect_pin",
                "incorrect_zip",
                "invalid_cvc",
                "invalid_expiry_month",
                "invalid_expiry_year",
                "invalid_number",
                "invalid_pin",
                "new_account_information_available",
                "not_permitted",
                "service_not_allowed",
                "testmode_decline",
                "transaction_not_allowed",
            ],
        ),
        (
            DeclineClass::Authenticate,
            &[
                "authentication_not_handled",
                "authentication_required",
                "mobile_device_authentication_required",
                "offline_pin_required",
                "online_or_offline_pin_required",
            ],
        ),
        (
            DeclineClass::Technical,
            &["approve_with_id", "issuer_not_available", "processing_error", "reenter_transaction", "try_again_later"],
        ),
    ];

    fn read(error: serde_json::Value) -> Decline {
        decline(&serde_json::from_value(error).unwrap())
    }

    #[test]
    fn each_table_is_sorted_and_names_each_code_once() {
        for table in [BY_DECLINE_CODE, BY_ERROR_CODE, BY_REFUSED_REFUND, BY_FAILED_REFUND] {
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
        // A reason that says more than the advice is kept; the class is hard all the same.
        let expired = read(json!({"decline_code": "expired_card", "advice_code": "do_not_try_again"}));
        assert_eq!((expired.code, expired.class()), (DeclineCode::ExpiredCard, DeclineClass::Hard));
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

    #[test]
    fn every_documented_decline_code_has_one_code_and_one_class_and_keeps_stripe_s_word() {
        let mut seen = 0;
        for (class, words) in DOCUMENTED {
            for word in *words {
                let decline = read(json!({"type": "card_error", "code": "card_declined", "decline_code": word}));
                assert!(find(BY_DECLINE_CODE, word).is_some(), "{word} is not in the table");
                assert_eq!((decline.class(), decline.psp_code.as_deref()), (*class, Some(*word)), "{word}");
                seen += 1;
            }
        }
        assert_eq!(seen, BY_DECLINE_CODE.len(), "the table has codes that this list does not");
    }

    fn with_brand(brand: &str, network: &str, value: &str) -> Decline {
        let method = json!({"id": "pm_1", "card": {"brand": brand}});
        read(json!({"decline_code": "do_not_honor", network: value, "advice_code": "try_again_later", "payment_method": method}))
    }

    #[test]
    fn every_advice_is_read_and_the_networks_final_words_outweigh_it() {
        for (word, advice) in [
            ("confirm_card_data", Some(Advice::ConfirmCardData)),
            ("do_not_try_again", Some(Advice::DoNotTryAgain)),
            ("try_again_later", Some(Advice::TryAgainLater)),
            ("stand_on_your_head", None),
        ] {
            assert_eq!(read(json!({"decline_code": "do_not_honor", "advice_code": word})).advice, advice, "{word}");
        }
        for word in ["03", "21"] {
            let decline = with_brand("mastercard", "network_advice_code", word);
            assert_eq!((decline.code, decline.class()), (DeclineCode::DoNotTryAgain, DeclineClass::Hard), "{word}");
        }
        for word in ["01", "02", "24", "30"] {
            assert_eq!(with_brand("mastercard", "network_advice_code", word).class(), DeclineClass::Soft, "{word}");
        }
        for word in FINAL_AT_VISA {
            let decline = with_brand("visa", "network_decline_code", word);
            assert_eq!((decline.class(), decline.network_code.as_deref()), (DeclineClass::Hard, Some(*word)));
            // The same two digits are another network's own matter.
            assert_eq!(with_brand("mastercard", "network_decline_code", word).class(), DeclineClass::Soft, "{word}");
        }
        assert_eq!(with_brand("visa", "network_decline_code", "51").class(), DeclineClass::Soft);
    }

    fn seen(card: serde_json::Value) -> Option<CardSeen> {
        card_of(json!({"payment_method": {"id": "pm_1", "card": card}}))
    }

    fn card_of(error: serde_json::Value) -> Option<CardSeen> {
        card(&serde_json::from_value(error).unwrap(), CardMode::Live)
    }

    #[test]
    fn the_refused_card_is_known_again_here_and_at_another_account() {
        let shown = json!({"brand": "visa", "last4": "0002", "exp_month": 4, "exp_year": 2030, "country": "US",
            "funding": "credit", "fingerprint": "fp_here"});
        let mut elsewhere = shown.clone();
        elsewhere["fingerprint"] = json!("fp_there");
        let (here, there) = (seen(shown.clone()).unwrap(), seen(elsewhere).unwrap());
        assert_eq!(here.network, CardNetwork::Visa);
        assert!(here.face.is_some() && here.face == there.face && here.fingerprint != there.fingerprint);
        let mut other = shown;
        other["last4"] = json!("0003");
        assert_ne!(seen(other).unwrap().face, here.face);
        let told = format!("{here:?}");
        assert!(!told.contains("fp_here") && !told.contains("0002"), "{told}");
    }

    #[test]
    fn what_is_no_card_or_tells_little_is_no_reason_to_stumble() {
        assert_eq!(card_of(json!({"payment_method": {"id": "pm_1", "sepa_debit": {"last4": "3000"}}})), None);
        assert_eq!(card_of(json!({"code": "card_declined"})), None);
        let bare = seen(json!({"brand": "cartes_bancaires"})).unwrap();
        assert_eq!((bare.network, bare.fingerprint, bare.face), (CardNetwork::Other, None, None));
    }
}
