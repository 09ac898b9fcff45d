//! Stripe's test cards: what is printed on each, and what each does when money is asked of it.

/// One test card, named by its number, a PaymentMethod (`pm_card_…`) or a token (`tok_…`).
#[derive(Debug)]
pub(crate) struct TestCard {
    pub number: &'static str,
    pub method: &'static str,
    pub token: &'static str,
    pub brand: &'static str,
    pub funding: &'static str,
    pub country: &'static str,
    pub outcome: CardOutcome,
}

/// What a card does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CardOutcome {
    /// It pays.
    Succeeds,
    /// It can neither pay nor be saved.
    Declined(Decline),
    /// It can be saved to a customer, and pays nothing afterwards.
    DeclinedWhenCharged(Decline),
    /// Stripe's own fraud protection stops the charge before the bank is asked.
    Blocked,
    /// The customer must authenticate every time.
    Authenticates,
    /// The customer must authenticate unless the card was set up for later payments.
    AuthenticatesUnlessSetUp,
    /// The customer must authenticate, and the bank declines afterwards.
    AuthenticatesThenDeclined(Decline),
    /// It pays, and the holder disputes the payment for this reason.
    Disputed(&'static str),
    /// It pays, and the bank inquires without taking the money back.
    Inquired,
    /// It pays; a refund succeeds at first and fails later.
    RefundFails,
}

/// How a bank says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decline {
    pub code: &'static str,
    pub decline_code: &'static str,
    pub message: &'static str,
    /// The card network's own two digits.
    pub network_code: &'static str,
    /// What Stripe advises.
    pub advice: Option<&'static str>,
}

impl Decline {
    const fn of(
        code: &'static str,
        decline_code: &'static str,
        message: &'static str,
        network_code: &'static str,
        advice: &'static str,
    ) -> Self {
        Self { code, decline_code, message, network_code, advice: Some(advice) }
    }
}

const GENERIC: Decline = Decline::of("card_declined", "generic_decline", "Your card was declined.", "01", "try_again_later");
const NO_FUNDS: Decline =
    Decline::of("card_declined", "insufficient_funds", "Your card has insufficient funds.", "51", "try_again_later");
const LOST: Decline = Decline::of("card_declined", "lost_card", "Your card was declined.", "41", "do_not_try_again");
const STOLEN: Decline = Decline::of("card_declined", "stolen_card", "Your card was declined.", "43", "do_not_try_again");
const TOO_OFTEN: Decline = Decline::of(
    "card_declined",
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    "61",
    "try_again_later",
);
const EXPIRED: Decline = Decline::of("expired_card", "expired_card", "Your card has expired.", "54", "do_not_try_again");
const BAD_CVC: Decline =
    Decline::of("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "82", "confirm_card_data");
const PROCESSING: Decline = Decline::of(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    "96",
    "try_again_later",
);
/// What a card that must authenticate answers when its holder is not there.
pub(crate) const AUTHENTICATION: Decline = Decline {
    code: "authentication_required",
    decline_code: "authentication_required",
    message: "Your card was declined. This transaction requires authentication.",
    network_code: "65",
    advice: None,
};
/// What Stripe's own fraud protection answers.
pub(crate) const FRAUDULENT: Decline = Decline {
    code: "card_declined",
    decline_code: "fraudulent",
    message: "Your card was declined.",
    network_code: "",
    advice: Some("do_not_try_again"),
};

use CardOutcome::{
    Authenticates, AuthenticatesThenDeclined, AuthenticatesUnlessSetUp, Blocked, Declined, DeclinedWhenCharged, Disputed,
    Inquired, RefundFails, Succeeds,
};

const fn card(
    number: &'static str,
    method: &'static str,
    token: &'static str,
    brand: &'static str,
    outcome: CardOutcome,
) -> TestCard {
    TestCard { number, method, token, brand, funding: "credit", country: "US", outcome }
}

const fn funded(card: TestCard, funding: &'static str) -> TestCard {
    TestCard { funding, ..card }
}

const fn issued_in(card: TestCard, country: &'static str) -> TestCard {
    TestCard { country, ..card }
}

static CARDS: &[TestCard] = &[
    card("4242424242424242", "pm_card_visa", "tok_visa", "visa", Succeeds),
    funded(card("4000056655665556", "pm_card_visa_debit", "tok_visa_debit", "visa", Succeeds), "debit"),
    card("5555555555554444", "pm_card_mastercard", "tok_mastercard", "mastercard", Succeeds),
    card("2223003122003222", "pm_card_mastercard_2series", "tok_mastercard_2series", "mastercard", Succeeds),
    funded(card("5200828282828210", "pm_card_mastercard_debit", "tok_mastercard_debit", "mastercard", Succeeds), "debit"),
    funded(card("5105105105105100", "pm_card_mastercard_prepaid", "tok_mastercard_prepaid", "mastercard", Succeeds), "prepaid"),
    card("378282246310005", "pm_card_amex", "tok_amex", "amex", Succeeds),
    card("371449635398431", "pm_card_amex_second", "tok_amex_second", "amex", Succeeds),
    card("6011111111111117", "pm_card_discover", "tok_discover", "discover", Succeeds),
    funded(card("6011981111111113", "pm_card_discover_debit", "tok_discover_debit", "discover", Succeeds), "debit"),
    card("3056930009020004", "pm_card_diners", "tok_diners", "diners", Succeeds),
    card("36227206271667", "pm_card_diners_14digits", "tok_diners_14digits", "diners", Succeeds),
    issued_in(card("3566002020360505", "pm_card_jcb", "tok_jcb", "jcb", Succeeds), "JP"),
    issued_in(card("6200000000000005", "pm_card_unionpay", "tok_unionpay", "unionpay", Succeeds), "CN"),
    issued_in(card("4000002760000016", "pm_card_de", "tok_de", "visa", Succeeds), "DE"),
    issued_in(card("4000008260000000", "pm_card_gb", "tok_gb", "visa", Succeeds), "GB"),
    issued_in(card("4000002500000003", "pm_card_fr", "tok_fr", "visa", Succeeds), "FR"),
    issued_in(card("4000000400000008", "pm_card_at", "tok_at", "visa", Succeeds), "AT"),
    issued_in(card("4000007560000009", "pm_card_ch", "tok_ch", "visa", Succeeds), "CH"),
    card("4000000000000077", "pm_card_bypassPending", "tok_bypassPending", "visa", Succeeds),
    card("4000000000000002", "pm_card_visa_chargeDeclined", "tok_visa_chargeDeclined", "visa", Declined(GENERIC)),
    card(
        "4000000000009995",
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "tok_visa_chargeDeclinedInsufficientFunds",
        "visa",
        Declined(NO_FUNDS),
    ),
    card("4000000000009987", "pm_card_visa_chargeDeclinedLostCard", "tok_visa_chargeDeclinedLostCard", "visa", Declined(LOST)),
    card(
        "4000000000009979",
        "pm_card_visa_chargeDeclinedStolenCard",
        "tok_visa_chargeDeclinedStolenCard",
        "visa",
        Declined(STOLEN),
    ),
    card(
        "4000000000006975",
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        "tok_visa_chargeDeclinedVelocityLimitExceeded",
        "visa",
        Declined(TOO_OFTEN),
    ),
    card("4000000000000069", "pm_card_chargeDeclinedExpiredCard", "tok_chargeDeclinedExpiredCard", "visa", Declined(EXPIRED)),
    card("4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", "tok_chargeDeclinedIncorrectCvc", "visa", Declined(BAD_CVC)),
    card(
        "4000000000000119",
        "pm_card_chargeDeclinedProcessingError",
        "tok_chargeDeclinedProcessingError",
        "visa",
        Declined(PROCESSING),
    ),
    card("4000000000000341", "pm_card_chargeCustomerFail", "tok_chargeCustomerFail", "visa", DeclinedWhenCharged(GENERIC)),
    card("4100000000000019", "pm_card_radarBlock", "tok_radarBlock", "visa", Blocked),
    card("4000000000009235", "pm_card_riskLevelElevated", "tok_riskLevelElevated", "visa", Succeeds),
    issued_in(
        card("4000002760003184", "pm_card_authenticationRequired", "tok_authenticationRequired", "visa", Authenticates),
        "DE",
    ),
    card("4000000000003220", "pm_card_threeDSecure2Required", "tok_threeDSecure2Required", "visa", Authenticates),
    card("4000000000003063", "pm_card_threeDSecureRequired", "tok_threeDSecureRequired", "visa", Authenticates),
    card(
        "4000008400001629",
        "pm_card_threeDSecureRequiredChargeDeclined",
        "tok_threeDSecureRequiredChargeDeclined",
        "visa",
        AuthenticatesThenDeclined(GENERIC),
    ),
    card(
        "4000008260003178",
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        "tok_authenticationRequiredChargeDeclinedInsufficientFunds",
        "visa",
        AuthenticatesThenDeclined(NO_FUNDS),
    ),
    issued_in(
        card(
            "4000002500003155",
            "pm_card_authenticationRequiredOnSetup",
            "tok_authenticationRequiredOnSetup",
            "visa",
            AuthenticatesUnlessSetUp,
        ),
        "FR",
    ),
    card(
        "4000003800000446",
        "pm_card_authenticationRequiredSetupForOffSession",
        "tok_authenticationRequiredSetupForOffSession",
        "visa",
        AuthenticatesUnlessSetUp,
    ),
    card("4000000000003055", "pm_card_threeDSecureOptional", "tok_threeDSecureOptional", "visa", Succeeds),
    card("4000000000000259", "pm_card_createDispute", "tok_createDispute", "visa", Disputed("fraudulent")),
    card(
        "4000000000002685",
        "pm_card_createDisputeProductNotReceived",
        "tok_createDisputeProductNotReceived",
        "visa",
        Disputed("product_not_received"),
    ),
    card("4000000000001976", "pm_card_createDisputeInquiry", "tok_createDisputeInquiry", "visa", Inquired),
    card("4000000000005126", "pm_card_refundFail", "tok_refundFail", "visa", RefundFails),
];

/// Other spellings still in use, and the card each means.
const OLDER: &[(&str, &str)] = &[
    ("chargeDeclined", "visa_chargeDeclined"),
    ("chargeDeclinedInsufficientFunds", "visa_chargeDeclinedInsufficientFunds"),
    ("chargeDeclinedLostCard", "visa_chargeDeclinedLostCard"),
    ("chargeDeclinedStolenCard", "visa_chargeDeclinedStolenCard"),
    ("chargeDeclinedVelocityLimitExceeded", "visa_chargeDeclinedVelocityLimitExceeded"),
    ("visa_chargeDeclinedExpiredCard", "chargeDeclinedExpiredCard"),
    ("visa_chargeDeclinedIncorrectCvc", "chargeDeclinedIncorrectCvc"),
    ("visa_chargeDeclinedProcessingError", "chargeDeclinedProcessingError"),
    ("chargeDeclinedFraudulent", "radarBlock"),
    ("visa_chargeDeclinedFraudulent", "radarBlock"),
    ("us", "visa"),
];

/// The card of this number, spaces and dashes aside. A number that is valid and in no list stands for the plain card of its brand, so
/// the last four digits to show are the number's own.
pub(crate) fn by_number(number: &str) -> Option<&'static TestCard> {
    let digits: String = number.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let listed = CARDS.iter().find(|c| c.number == digits);
    listed.or_else(|| is_valid(&digits).then(|| plain(&digits)).flatten())
}

/// The card of this test PaymentMethod or token.
pub(crate) fn by_name(name: &str) -> Option<&'static TestCard> {
    let found = CARDS.iter().find(|c| c.method == name || c.token == name);
    found.or_else(|| {
        let word = name.strip_prefix("pm_card_").or_else(|| name.strip_prefix("tok_"))?;
        let (_, now) = OLDER.iter().find(|(then, _)| *then == word)?;
        CARDS.iter().find(|c| c.token.strip_prefix("tok_") == Some(now))
    })
}

/// Whether the digits can be a card number at all: as long as one, and right by the Luhn sum.
pub(crate) fn is_valid(digits: &str) -> bool {
    if !(12..=19).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let sum: u32 = digits.bytes().rev().enumerate().map(|(i, b)| luhn(u32::from(b - b'0'), i % 2 == 1)).sum();
    sum.is_multiple_of(10)
}

fn luhn(digit: u32, doubled: bool) -> u32 {
    match (doubled, digit * 2) {
        (false, _) => digit,
        (true, twice) if twice > 9 => twice - 9,
        (true, twice) => twice,
    }
}

/// The plain card of the brand whose numbers begin like this one.
fn plain(digits: &str) -> Option<&'static TestCard> {
    let first = |n: usize| digits.get(..n).and_then(|d| d.parse::<u32>().ok()).unwrap_or_default();
    let number = match (first(1), first(2), first(4)) {
        (4, ..) => "4242424242424242",
        (_, 51..=55, _) | (_, _, 2221..=2720) => "5555555555554444",
        (_, 34 | 37, _) => "378282246310005",
        (_, 35, _) => "3566002020360505",
        (_, 30 | 36 | 38 | 39, _) => "3056930009020004",
        (_, 62 | 81, _) => "6200000000000005",
        (_, 64 | 65, _) | (_, _, 6011) => "6011111111111117",
        _ => return None,
    };
    CARDS.iter().find(|c| c.number == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_number_is_valid_and_every_name_is_its_own() {
        for (i, card) in CARDS.iter().enumerate() {
            assert!(is_valid(card.number), "{}", card.number);
            assert!(CARDS[..i].iter().all(|c| c.number != card.number && c.method != card.method && c.token != card.token));
        }
        assert!(!is_valid("4242424242424241"));
    }

    #[test]
    fn older_spellings_still_find_their_card() {
        assert_eq!(by_name("pm_card_chargeDeclined").map(|c| c.number), Some("4000000000000002"));
        assert_eq!(by_name("tok_chargeCustomerFail").map(|c| c.number), Some("4000000000000341"));
        assert_eq!(by_name("tok_visa").map(|c| c.number), Some("4242424242424242"));
        assert!(OLDER.iter().all(|(then, _)| by_name(&format!("tok_{then}")).is_some()));
        assert!(by_name("pm_card_nobody").is_none());
    }

    #[test]
    fn an_unlisted_valid_number_is_the_plain_card_of_its_brand() {
        assert_eq!(by_number("4111 1111 1111 1111").map(|c| (c.brand, c.outcome)), Some(("visa", Succeeds)));
        assert_eq!(by_number("5454-5454-5454-5454").map(|c| c.brand), Some("mastercard"));
        assert!(by_number("4111111111111112").is_none());
    }
}
