//! Why a PSP said no, in our words, and what may be done next.

use serde::{Deserialize, Serialize};

/// A refusal by a PSP, the network or the bank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decline {
    /// Our stable code.
    pub code: DeclineCode,
    /// The PSP's own code, as it sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psp_code: Option<String>,
    /// The try it belongs to, by the PSP's id: the same refusal told twice is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psp_ref: Option<String>,
    /// What the PSP or the network advises, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<Advice>,
    /// The card network's own code, as the PSP passed it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_code: Option<String>,
}

impl Decline {
    /// A refusal of which nothing but our code is known.
    pub const fn of(code: DeclineCode) -> Self {
        Self { code, psp_code: None, psp_ref: None, advice: None, network_code: None }
    }

    /// A refusal with the PSP's own word for it.
    pub fn said(code: DeclineCode, psp_code: impl Into<String>) -> Self {
        Self { psp_code: Some(psp_code.into()), ..Self::of(code) }
    }

    /// What may be done next. The word that this is never to be tried again outweighs what the code alone would allow.
    pub fn class(&self) -> DeclineClass {
        match self.advice {
            Some(Advice::DoNotTryAgain) => DeclineClass::Hard,
            _ => self.code.class(),
        }
    }

    /// Whether both tell of one try. Details may come late, so a try that has an id is known by it.
    pub fn is_same_try(&self, other: &Self) -> bool {
        let known_by_id = self.psp_ref.is_some() && self.psp_ref == other.psp_ref && self.psp_code == other.psp_code;
        known_by_id || self == other
    }
}

/// What a PSP or a card network advises after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// What the customer typed is probably wrong.
    ConfirmCardData,
    /// Never again with this instrument.
    DoNotTryAgain,
    /// Later, perhaps.
    TryAgainLater,
}

impl Advice {
    /// The advice as text, as in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmCardData => "confirm_card_data",
            Self::DoNotTryAgain => "do_not_try_again",
            Self::TryAgainLater => "try_again_later",
        }
    }
}

/// What may be done after a decline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineClass {
    /// Never again with this instrument.
    Hard,
    /// Later, perhaps.
    Soft,
    /// The customer can mend it: another number, date or code.
    Fixable,
    /// The customer must be present and identify themselves.
    Authenticate,
    /// The machinery failed; the same key may be tried again.
    Technical,
}

macro_rules! decline_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $class:ident, $say:literal;)*) => {
        /// Our stable codes for declines.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum DeclineCode { $($(#[$doc])* $name,)* }

        impl DeclineCode {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as text, as in the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What may be done next.
            pub const fn class(self) -> DeclineClass {
                match self { $(Self::$name => DeclineClass::$class,)* }
            }

            /// One sentence for the customer; it gives no secret of the bank away.
            pub const fn for_customer(self) -> &'static str {
                match self { $(Self::$name => $say,)* }
            }
        }
    };
}

decline_codes! {
    /// No reason given.
    GenericDecline = "generic_decline", Soft, "Your bank declined the payment. Try another card or ask your bank.";
    /// Not enough on the account.
    InsufficientFunds = "insufficient_funds", Soft, "There is not enough money on the card. Try another card.";
    /// Over the card's limit of use.
    LimitExceeded = "limit_exceeded", Soft, "The card's limit is reached. Try another card or try later.";
    /// The card was reported lost.
    LostCard = "lost_card", Hard, "Your bank declined the payment. Try another card.";
    /// The card was reported stolen.
    StolenCard = "stolen_card", Hard, "Your bank declined the payment. Try another card.";
    /// The account is closed, or the network says never again.
    DoNotTryAgain = "do_not_try_again", Hard, "This card cannot be used. Try another card.";
    /// The PSP or the bank suspects fraud.
    FraudSuspected = "fraud_suspected", Hard, "The payment was declined. Try another card.";
    /// The card has run out.
    ExpiredCard = "expired_card", Fixable, "The card has expired. Check the date or try another card.";
    /// The security code is wrong.
    IncorrectCvc = "incorrect_cvc", Fixable, "The security code is not right. Check it and try again.";
    /// The number is wrong.
    IncorrectNumber = "incorrect_number", Fixable, "The card number is not right. Check it and try again.";
    /// Other details are wrong: address, name, PIN.
    IncorrectDetails = "incorrect_details", Fixable, "Some details are not right. Check them and try again.";
    /// The card or method does not do this kind of payment.
    NotSupported = "not_supported", Fixable, "This card cannot make this payment. Try another one.";
    /// The bank wants the customer to identify themselves.
    AuthenticationRequired = "authentication_required", Authenticate, "Your bank wants to check that it is you. Try again and confirm.";
    /// The customer did not pass the check.
    AuthenticationFailed = "authentication_failed", Authenticate, "The check by your bank did not succeed. Try again.";
    /// The PSP or the bank failed on the way.
    ProcessingError = "processing_error", Technical, "The payment could not be processed. Try again in a moment.";
    /// The PSP refused our registration.
    RefusedByPsp = "refused_by_psp", Technical, "The payment provider refused. Please contact the shop.";
    /// Ours: too many tries were refused, and the order was closed because of it.
    TooManyDeclines = "too_many_declines", Hard, "Too many payments were declined. Please wait a while, or ask the shop for another way to pay.";
    /// Nothing is left that could be given back.
    AlreadyRefunded = "already_refunded", Hard, "The payment was refunded already.";
    /// The payer disputes the payment: its bank decides where the money goes.
    PaymentDisputed = "payment_disputed", Hard, "The payment is disputed. Answer the dispute instead of refunding it.";
    /// The payment is too old, or its method gives no money back.
    NotRefundable = "not_refundable", Hard, "This payment cannot be refunded any more. Pay the money back in another way.";
    /// The balance at the PSP does not cover the refund.
    BalanceTooLow = "balance_too_low", Soft, "The balance at the PSP does not cover the refund. Top it up and try again.";
    /// The card or account to which the money should go is gone.
    AccountClosed = "account_closed", Hard, "The card or account is closed. Pay the money back in another way.";
    /// The customer's bank did not take the money.
    RefundRejected = "refund_rejected", Hard, "The customer's bank did not take the refund. Pay the money back in another way.";
    /// Somebody called the refund off at the PSP.
    RefundCanceled = "refund_canceled", Fixable, "The refund was called off at the PSP.";
    /// The registration never reached the PSP.
    NotRegistered = "not_registered", Technical, "The payment could not be started. Try again.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_in_json_is_the_code_in_text() {
        for code in DeclineCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
        for advice in [Advice::ConfirmCardData, Advice::DoNotTryAgain, Advice::TryAgainLater] {
            assert_eq!(serde_json::to_value(advice).unwrap(), advice.as_str());
        }
    }

    #[test]
    fn the_advice_never_to_try_again_makes_every_decline_hard() {
        for code in DeclineCode::ALL {
            assert_eq!(Decline { advice: Some(Advice::DoNotTryAgain), ..Decline::of(*code) }.class(), DeclineClass::Hard);
            assert_eq!(Decline { advice: Some(Advice::TryAgainLater), ..Decline::of(*code) }.class(), code.class());
        }
    }

    #[test]
    fn a_try_is_known_by_its_id_even_where_its_details_come_late() {
        let early = Decline { psp_ref: Some("ch_1".into()), ..Decline::said(DeclineCode::GenericDecline, "do_not_honor") };
        let late = Decline { advice: Some(Advice::TryAgainLater), network_code: Some("05".into()), ..early.clone() };
        assert!(early.is_same_try(&late) && late.is_same_try(&early));
        assert!(!early.is_same_try(&Decline { psp_ref: Some("ch_2".into()), ..early.clone() }));
        assert!(!early.is_same_try(&Decline::of(DeclineCode::GenericDecline)));
    }

    #[test]
    fn a_decline_that_was_kept_before_there_was_advice_is_still_read() {
        let kept = r#"{"code":"lost_card","psp_code":"lost_card","psp_ref":"ch_1"}"#;
        let read: Decline = serde_json::from_str(kept).unwrap();
        assert_eq!((read.code, read.advice, read.network_code), (DeclineCode::LostCard, None, None));
    }

    #[test]
    fn the_documentation_lists_every_code_with_its_class() {
        let page = include_str!("../../../../docs/declines.md");
        for code in DeclineCode::ALL {
            let class = serde_json::to_value(code.class()).unwrap();
            let row = format!("| `{}` | {} | ", code.as_str(), class.as_str().unwrap());
            assert!(page.contains(&row), "docs/declines.md has no row that begins with {row}");
        }
    }
}
