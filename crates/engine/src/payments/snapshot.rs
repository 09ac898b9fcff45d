//! The moving part of an order as it was right after a change. Together with what never changes (the order's terms, what the attempt is,
//! the event that tells of the change) it is the whole order: the API's answer and the event's data are made from it in the same way.

use crate::Error;
use crate::captures::CaptureView;
use crate::disputes::DisputeView;
use crate::refunds::RefundView;
use ducat_domain::payments::{Attempt, AttemptStatus, Claim, Decline, Fee, OrderStatus, Part, Payment};
use ducat_domain::{AttemptId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What moves. Kept as JSON with each event; left out is what is at its default, and what the event's own row says: version and time. Old
/// events say more, and what they repeat of other rows is not read any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub status: OrderStatus,
    /// Where it is more than what is captured.
    #[serde(default, skip_serializing_if = "is_zero")]
    authorized: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub captured: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refunded: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub disputed: i64,
    #[serde(default, skip_serializing_if = "is_false")]
    pub paid_late: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refunding: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// Where the status came with an earlier version than this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_version: Option<u32>,
    /// Only old events say it. The oldest of those say nothing of the status's version.
    #[serde(default, skip_serializing)]
    version: Option<u32>,
    pub attempt: AttemptSnapshot,
    /// The capture, refund or dispute that the change was about, as the API shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispute: Option<Value>,
}

/// The attempt that the change was about: which of its order's, and what moves of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AttemptSnapshot {
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub number: u16,
    /// Where it is not the one that goes with the order's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<AttemptStatus>,
    /// Whether the PSP's id for the registration was known, where the status does not say so. Which it is, the attempt says: an attempt is
    /// registered once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registered: Option<bool>,
    /// Only old events say it.
    #[serde(default, skip_serializing)]
    id: Option<AttemptId>,
    /// Old events say this instead.
    #[serde(default, skip_serializing)]
    token: Option<String>,
    /// The address of the PSP's page, with [`TOKEN`] in place of the PSP's id for the registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redirect_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline: Option<Decline>,
    #[serde(default, skip_serializing_if = "no_declines")]
    pub declines: u16,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "moment")]
    pub check_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub surplus: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fees: Vec<Fee>,
}

/// What no address contains: braces are not for them.
const TOKEN: &str = "{token}";

/// A moment as microseconds since 1970. Old events say it as text.
mod moment {
    use ducat_domain::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said {
        Micros(i64),
        Text(Timestamp),
    }

    #[expect(clippy::ref_option, reason = "what serde calls")]
    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, s: S) -> Result<S::Ok, S::Error> {
        at.map(Timestamp::as_micros).serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Timestamp>, D::Error> {
        let said = Option::<Said>::deserialize(d)?;
        Ok(said.map(|said| match said {
            Said::Micros(micros) => Timestamp::from_micros(micros),
            Said::Text(at) => at,
        }))
    }
}

/// Most orders are paid by their first attempt.
const fn first() -> u16 {
    1
}

fn is_first(number: &u16) -> bool {
    *number == first()
}

fn is_zero(n: &i64) -> bool {
    *n == 0
}

fn no_declines(n: &u16) -> bool {
    *n == 0
}

/// The status of an attempt with which its order mostly has this one. Never changed: events leave it out.
const fn usual_with(order: OrderStatus) -> AttemptStatus {
    match order {
        OrderStatus::Created => AttemptStatus::Registering,
        OrderStatus::Pending => AttemptStatus::RequiresAction,
        OrderStatus::Processing => AttemptStatus::Processing,
        OrderStatus::Authorized => AttemptStatus::Authorized,
        OrderStatus::Succeeded => AttemptStatus::Captured,
        OrderStatus::Failed => AttemptStatus::Failed,
        OrderStatus::Canceled => AttemptStatus::Canceled,
        OrderStatus::Expired => AttemptStatus::Expired,
    }
}

/// Nearly always it is known then, and not before.
fn is_past_registration(status: AttemptStatus) -> bool {
    !matches!(status, AttemptStatus::Registering | AttemptStatus::Unknown)
}

fn is_false(b: &bool) -> bool {
    !b
}

impl Snapshot {
    pub(super) fn of(payment: &Payment, part: Option<&Part>) -> Result<Self, Error> {
        let mut snapshot = Self::alone(payment);
        let shown = |view: serde_json::Result<Value>| view.map(Some).map_err(|e| Error::Internal(e.to_string()));
        match part {
            None => {}
            Some(Part::Capture(c)) => snapshot.capture = shown(serde_json::to_value(CaptureView::of(c)))?,
            Some(Part::Refund(r)) => snapshot.refund = shown(serde_json::to_value(RefundView::of(r)))?,
            Some(Part::Dispute(d)) => snapshot.dispute = shown(serde_json::to_value(DisputeView::of(d)))?,
        }
        Ok(snapshot)
    }

    /// What was held at the PSP at the most: at least what was taken.
    pub(super) fn authorized(&self) -> i64 {
        self.authorized.max(self.captured)
    }

    /// The version that the order's status came with, in an event of this version.
    pub(super) fn status_version(&self, version: u32) -> Option<u32> {
        let is_old = self.version.is_some();
        self.status_version.or((!is_old).then_some(version))
    }

    /// The payment without anything beside it.
    pub(super) fn alone(payment: &Payment) -> Self {
        let o = &payment.order;
        Self {
            status: o.status,
            authorized: if o.amount_authorized == o.amount_captured { 0 } else { o.amount_authorized },
            captured: o.amount_captured,
            refunded: o.amount_refunded,
            disputed: o.amount_disputed,
            paid_late: o.paid_late,
            cancel_requested_at: o.cancel_requested_at,
            refunding: o.amount_refunding,
            claim: o.claim.clone(),
            status_version: Some(o.status_version).filter(|came_with| *came_with != o.version),
            version: None,
            attempt: AttemptSnapshot::of(&payment.attempt).beside(o.status),
            capture: None,
            refund: None,
            dispute: None,
        }
    }
}

impl AttemptSnapshot {
    pub(super) fn of(a: &Attempt) -> Self {
        Self {
            number: a.number,
            status: Some(a.status),
            registered: Some(a.token.is_some()).filter(|known| *known != is_past_registration(a.status)),
            id: None,
            token: None,
            redirect_url: a.redirect_url.as_ref().map(|url| match &a.token {
                Some(token) if !token.0.is_empty() => url.replace(token.0.as_str(), TOKEN),
                _ => url.clone(),
            }),
            decline: a.decline.clone(),
            declines: a.declines,
            check_at: a.check_at,
            surplus: a.surplus,
            fees: a.fees.clone(),
        }
    }

    /// Without the status, where it goes with the order's.
    fn beside(mut self, order: OrderStatus) -> Self {
        self.status = self.status.filter(|status| *status != usual_with(order));
        self
    }

    /// The attempt's status, in an event with this status of the order.
    pub(super) fn status(&self, order: OrderStatus) -> AttemptStatus {
        self.status.unwrap_or(usual_with(order))
    }

    /// The address of the PSP's page, where it could be used.
    pub(super) fn redirect_url(&self, attempt: &Attempt, order: OrderStatus) -> Option<String> {
        let url = self.redirect_url.as_deref()?;
        Some(self.token_of(attempt, order).map_or_else(|| url.to_owned(), |token| url.replace(TOKEN, token)))
    }

    /// The PSP's id for the registration, as far as it was known then.
    pub(super) fn token_of<'a>(&'a self, attempt: &'a Attempt, order: OrderStatus) -> Option<&'a str> {
        if self.id.is_some() {
            return self.token.as_deref();
        }
        let was_known = self.registered.unwrap_or_else(|| is_past_registration(self.status(order)));
        attempt.token.as_ref().filter(|_| was_known).map(|token| token.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ducat_domain::payments::PspToken;
    use ducat_domain::{PspAccountId, Timestamp};

    fn attempt(status: AttemptStatus, token: Option<&str>) -> Attempt {
        let bytes = [7; 16];
        Attempt {
            id: AttemptId::from_bytes(bytes),
            psp_account: PspAccountId::from_bytes(bytes),
            psp: "stripe".into(),
            number: 2,
            created_at: Timestamp::from_seconds(1),
            status,
            token: token.map(|token| PspToken(token.to_owned())),
            psp_payment: None,
            redirect_url: None,
            decline: None,
            declines: 0,
            check_at: None,
            authorized: 0,
            captured: 0,
            capturing: 0,
            refunded: 0,
            refunding: 0,
            disputed: 0,
            open_disputes: 0,
            surplus: false,
            fees: Vec::new(),
        }
    }

    fn kept(attempt: &Attempt) -> String {
        serde_json::to_string(&AttemptSnapshot::of(attempt)).unwrap()
    }

    #[test]
    fn an_attempt_is_kept_without_what_its_row_says_for_ever() {
        let registered = attempt(AttemptStatus::Captured, Some("cs_1"));
        assert_eq!(kept(&registered), r#"{"number":2,"status":"captured"}"#);
        assert_eq!(kept(&attempt(AttemptStatus::Registering, None)), r#"{"number":2,"status":"registering"}"#);
        let refused = attempt(AttemptStatus::Failed, None);
        assert_eq!(kept(&refused), r#"{"number":2,"status":"failed","registered":false}"#);
        let first = Attempt { number: 1, ..registered };
        assert_eq!(kept(&first), r#"{"status":"captured"}"#);
        assert_eq!(serde_json::from_str::<AttemptSnapshot>(&kept(&first)).unwrap().number, 1);
    }

    #[test]
    fn an_attempt_s_status_is_kept_where_it_does_not_go_with_the_order_s() {
        let kept = |status, order| {
            let snapshot = AttemptSnapshot::of(&attempt(status, Some("cs_1"))).beside(order);
            let text = serde_json::to_string(&snapshot).unwrap();
            let back: AttemptSnapshot = serde_json::from_str(&text).unwrap();
            assert_eq!(back.status(order), status);
            text
        };
        assert_eq!(kept(AttemptStatus::Captured, OrderStatus::Succeeded), r#"{"number":2}"#);
        assert_eq!(kept(AttemptStatus::Failed, OrderStatus::Succeeded), r#"{"number":2,"status":"failed"}"#);
    }

    #[test]
    fn a_token_that_came_later_was_not_known_then() {
        let now = attempt(AttemptStatus::Captured, Some("cs_1"));
        for (status, token) in [
            (AttemptStatus::Registering, None),
            (AttemptStatus::Unknown, None),
            (AttemptStatus::Unknown, Some("cs_1")),
            (AttemptStatus::Failed, None),
            (AttemptStatus::RequiresAction, Some("cs_1")),
        ] {
            let then: AttemptSnapshot = serde_json::from_str(&kept(&attempt(status, token))).unwrap();
            assert_eq!(then.token_of(&now, OrderStatus::Pending), token, "{status:?}");
        }
    }

    #[test]
    fn the_page_s_address_is_kept_without_the_token_and_comes_back_with_it() {
        for (url, as_kept) in [
            ("https://psp.example/pay/cs_1#a", r#""redirect_url":"https://psp.example/pay/{token}#a""#),
            ("https://psp.example/pay", r#""redirect_url":"https://psp.example/pay""#),
        ] {
            let open = Attempt {
                redirect_url: Some(url.into()),
                check_at: Some(Timestamp::from_seconds(2)),
                ..attempt(AttemptStatus::RequiresAction, Some("cs_1"))
            };
            let kept = kept(&open);
            assert!(kept.contains(as_kept) && kept.contains(r#""check_at":2000000"#), "{kept}");
            let then: AttemptSnapshot = serde_json::from_str(&kept).unwrap();
            let now = attempt(AttemptStatus::Captured, Some("cs_1"));
            assert_eq!((then.redirect_url(&now, OrderStatus::Pending).as_deref(), then.check_at), (Some(url), open.check_at));
        }
    }

    #[test]
    fn what_is_held_is_said_where_it_is_more_than_what_is_taken() {
        let read = |text: &str| serde_json::from_str::<Snapshot>(text).unwrap().authorized();
        assert_eq!(read(r#"{"status":"succeeded","captured":5,"attempt":{"status":"captured"}}"#), 5);
        assert_eq!(read(r#"{"status":"succeeded","authorized":9,"captured":5,"attempt":{"status":"captured"}}"#), 9);
        assert_eq!(read(r#"{"status":"created","attempt":{"status":"registering"}}"#), 0);
    }

    #[test]
    fn old_events_are_read() {
        let old = r#"{"version":3,"status":"pending","updated_at":"2026-11-21T10:00:00Z","status_version":2,"attempt":{
            "id":"pa_06axqp2m00e008000000000000","number":2,"psp":"stripe","psp_account":"psp_06axqp2m00e008000000000000",
            "status":"requires_action","token":"cs_0","redirect_url":"https://psp.example/cs_0","check_at":"2026-11-21T10:00:01Z"}}"#;
        let then: Snapshot = serde_json::from_str(old).unwrap();
        assert_eq!(then.attempt.check_at, Some(Timestamp::from_seconds(1_795_255_201)));
        let now = attempt(AttemptStatus::Captured, Some("cs_1"));
        assert_eq!((then.status_version(3), then.attempt.token_of(&now, OrderStatus::Pending)), (Some(2), Some("cs_0")));
        assert_eq!(then.attempt.redirect_url(&now, OrderStatus::Pending).as_deref(), Some("https://psp.example/cs_0"));
        let oldest = old.replace(r#""status_version":2,"#, "").replace(r#","token":"cs_0""#, "");
        let then: Snapshot = serde_json::from_str(&oldest).unwrap();
        assert_eq!((then.status_version(3), then.attempt.token_of(&now, OrderStatus::Pending)), (None, None));
        let today: Snapshot = serde_json::from_str(r#"{"status":"pending","attempt":{"number":2,"status":"unknown"}}"#).unwrap();
        assert_eq!(today.status_version(3), Some(3));
    }
}
