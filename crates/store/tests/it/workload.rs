//! Random moves of the domain through the store: whatever happens, every change is accepted and `verify` is clean.

use crate::builders::*;
use crate::later::*;
use ducat_domain::payments::*;
use ducat_domain::*;
use ducat_store::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

crate::each_database::on_each_database! {
    no_random_course_of_payments_leaves_anything_for_verify_to_find
    a_surplus_that_pays_the_order_in_the_end_leaves_sound_books
}

/// One move. Numbers name one of the order's refunds or disputes.
#[derive(Clone, Debug)]
enum Act {
    See(Observed),
    Decline(u8),
    Fee(u8),
    /// A fee by the PSP's statement, which is negative where it is given back.
    Charged(u8, i64),
    Lost,
    Refused,
    Absent,
    Cancel,
    Expire,
    Retry,
    Claim,
    Capture(i64, bool),
    CaptureLost,
    CaptureRefused,
    Refund(i64),
    RefundLost(usize),
    RefundRefused(usize),
    /// `None` is one that was made at the PSP.
    SeeRefund(Option<usize>, RefundState),
    /// `None` is a new one. Where it stands, whether the money is withdrawn and returned, what it cost.
    SeeDispute(Option<usize>, DisputeStatus, bool, bool, Option<i64>),
    AnswerDispute(usize, bool),
    AnswerRefused(usize),
    Remind(usize),
}

fn sale() -> impl Strategy<Value = Act> {
    let observed = prop_oneof![
        Just(Observed::Open),
        Just(Observed::Processing),
        (1i64..=4999, 0i64..=4999).prop_map(|(m, c)| Observed::Held { authorized: eur(m), captured: eur(c.min(m)) }),
        (1i64..=4999).prop_map(held),
        (1i64..=4999).prop_map(|m| Observed::Captured(eur(m))),
        Just(Observed::Failed),
        Just(Observed::Canceled),
        Just(Observed::Expired),
    ];
    prop_oneof![
        8 => observed.prop_map(Act::See),
        1 => (0u8..3).prop_map(Act::Decline),
        1 => (0u8..3).prop_map(Act::Fee),
        1 => (3u8..6, -50i64..50).prop_map(|(n, minor)| Act::Charged(n, minor)),
        1 => Just(Act::Lost),
        1 => Just(Act::Refused),
        1 => Just(Act::Absent),
        1 => Just(Act::Cancel),
        1 => Just(Act::Expire),
        3 => Just(Act::Retry),
    ]
}

fn captures_and_refunds() -> impl Strategy<Value = Act> {
    let refund_state = proptest::sample::select(vec![RefundState::Pending, RefundState::Succeeded, RefundState::Failed]);
    prop_oneof![
        1 => Just(Act::Claim),
        3 => (1i64..=3000, any::<bool>()).prop_map(|(m, last)| Act::Capture(m, last)),
        1 => Just(Act::CaptureLost),
        1 => Just(Act::CaptureRefused),
        3 => (1i64..=1500).prop_map(Act::Refund),
        1 => (0usize..3).prop_map(Act::RefundLost),
        1 => (0usize..3).prop_map(Act::RefundRefused),
        4 => (proptest::option::weighted(0.8, 0usize..4), refund_state).prop_map(|(n, s)| Act::SeeRefund(n, s)),
    ]
}

fn disputes() -> impl Strategy<Value = Act> {
    let begun_or_lost = proptest::sample::select(vec![DisputeStatus::NeedsResponse, DisputeStatus::Lost]);
    let status = prop_oneof![proptest::sample::select(DisputeStatus::ALL), begun_or_lost];
    let which = proptest::option::weighted(0.85, 0usize..2);
    let seen = (which, status, any::<bool>(), any::<bool>(), proptest::option::of(-20i64..20));
    prop_oneof![
        4 => seen.prop_map(|(n, s, w, r, fee)| Act::SeeDispute(n, s, w, r, fee)),
        2 => (0usize..2, proptest::bool::weighted(0.3)).prop_map(|(n, evidence)| Act::AnswerDispute(n, evidence)),
        1 => prop_oneof![(0usize..2).prop_map(Act::AnswerRefused), (0usize..2).prop_map(Act::Remind)],
    ]
}

/// What is kept beside a payment, as far as it belongs to its attempt.
struct Beside {
    capture: Option<Capture>,
    refunds: Vec<Refund>,
    disputes: Vec<Dispute>,
}

async fn beside(w: &World, payment: &Payment) -> Beside {
    let (merchant, order, attempt) = (payment.order.merchant, payment.order.id, payment.attempt.id);
    let mut refunds = w.store.refunds_of(merchant, order).await.unwrap();
    let mut disputes = w.store.disputes_of(merchant, order).await.unwrap();
    refunds.retain(|r| r.attempt == attempt);
    disputes.retain(|d| d.attempt == attempt);
    Beside { capture: w.store.open_capture(merchant, attempt).await.unwrap(), refunds, disputes }
}

/// What the act does to the payment, by the rules of the domain.
fn decide(w: &World, payment: Payment, beside: Beside, act: &Act, now: Timestamp) -> Option<(Moved, Write)> {
    let decline = |n: u8| Decline { psp_ref: Some(n.to_string()), ..Decline::of(DeclineCode::GenericDecline) };
    let later = at(9999);
    let Beside { capture, refunds, disputes } = beside;
    let word = match act {
        Act::See(state) => Some(seen(&payment, *state)),
        Act::Decline(n) => Some(Observation { decline: Some(decline(*n)), ..seen(&payment, Observed::Open) }),
        Act::Fee(n) => {
            let fee = Fee { psp_line: format!("{}_{n}", payment.attempt.id), amount: eur(i64::from(*n) * 10) };
            let state = Observed::Captured(eur(payment.attempt.captured.max(1)));
            Some(Observation { fees: vec![fee], ..seen(&payment, state) })
        }
        _ => None,
    };
    if let Some(word) = word {
        let moved = payment.observe(&word, now, later).ok().flatten()?;
        return Some((moved.concluding(capture), PaymentWrite::Move));
    }
    let refund = |n: &usize| refunds.get(*n % refunds.len().max(1)).cloned();
    let dispute = |n: &usize| disputes.get(*n % disputes.len().max(1)).cloned();
    let moved = match act {
        Act::See(_) | Act::Decline(_) | Act::Fee(_) => None,
        Act::Charged(n, minor) => {
            let fee = Fee { psp_line: format!("{}_{n}", payment.attempt.id), amount: eur(*minor) };
            payment.fees_told(&[fee], now)
        }
        Act::Lost => payment.registration_unknown(now, later),
        Act::Refused => payment.registration_refused(decline(0), now).ok(),
        Act::Absent => payment.registration_absent(decline(0), now).ok(),
        Act::Cancel => payment.request_cancel(now).ok().flatten(),
        Act::Expire => payment.expire(now),
        Act::Retry => {
            let next = (AttemptId::new(now, &w.dice), payment.attempt.psp_account, "stripe".to_owned());
            return payment.start_attempt(next, now, later).ok().map(|m| (m, PaymentWrite::AddAttempt as Write));
        }
        Act::Claim => payment.claim("webhook".into(), now).ok(),
        Act::Capture(minor, is_final) => {
            let new = NewCapture { id: CaptureId::new(now, &w.dice), amount: Some(*minor), is_final: *is_final, most: None };
            payment.request_capture(&new, now, later).ok()
        }
        Act::CaptureLost => payment.capture_unknown(capture?, now, later),
        Act::CaptureRefused => payment.capture_failed(capture?, decline(1), now),
        Act::Refund(minor) => payment.request_refund(w.new_refund(*minor), now, later).ok(),
        Act::RefundLost(n) => payment.refund_unknown(refund(n)?, now, later),
        Act::RefundRefused(n) => payment.refund_refused(refund(n)?, decline(1), now).unwrap(),
        Act::SeeRefund(n, state) => match n.as_ref().and_then(refund) {
            Some(refund) => {
                let word = refund_seen(&refund, *state);
                payment.refund_heard(refund, &word, now, later).ok().flatten()
            }
            None => {
                let id = RefundId::new(now, &w.dice);
                let (psp_refund, amount) = (format!("psp_{id}"), eur(7));
                let word = RefundSeen { psp_refund, ours: None, amount, state: *state, failure: None };
                payment.refund_found(id, &word, now, later).ok().flatten()
            }
        },
        Act::SeeDispute(n, status, withdrawn, returned, fee) => {
            let known = n.as_ref().and_then(dispute).ok_or(DisputeId::new(now, &w.dice));
            let name = known.as_ref().map_or_else(|id| id.to_string(), |d| d.psp_dispute.clone());
            let fee = fee.map(|minor| Fee { psp_line: format!("{name}_{minor}"), amount: eur(minor) });
            let evidence_submitted = *status == DisputeStatus::UnderReview;
            let word = dispute_seen(&name, *status, *withdrawn, *returned);
            let word = DisputeSeen { fees: Vec::from_iter(fee), evidence_submitted, ..word };
            payment.dispute_heard(known, &word, now).ok().flatten()
        }
        Act::AnswerDispute(n, evidence) => {
            let answer = if *evidence { DisputeAnswer::Evidence } else { DisputeAnswer::Acceptance };
            let fields = BTreeMap::from([("receipt".to_owned(), format!("{evidence}"))]);
            payment.answer_dispute(dispute(n)?, answer, fields, now).ok()
        }
        Act::AnswerRefused(n) => payment.answer_refused(dispute(n)?, decline(2), now),
        Act::Remind(n) => payment.remind_of_dispute(dispute(n)?, now),
    };
    moved.map(|m| (m, PaymentWrite::Move as Write))
}

/// The part as the store has it.
async fn kept(w: &World, merchant: MerchantId, part: &Part) -> Option<Part> {
    match part {
        Part::Capture(c) => w.store.capture(merchant, c.id).await.unwrap().map(Part::Capture),
        Part::Refund(r) => w.store.refund(merchant, r.id).await.unwrap().map(Part::Refund),
        Part::Dispute(d) => w.store.dispute(merchant, d.id).await.unwrap().map(Part::Dispute),
    }
}

/// Ends the work on an order that has come to its end, and archives it unless something of it is open.
async fn put_away(w: &World, payment: &Payment) -> u64 {
    let (merchant, order) = (payment.order.merchant, payment.order.id);
    let attempts = w.store.attempts(merchant, order).await.unwrap();
    if !payment.order.status.is_terminal() || attempts.iter().any(|a| a.status.is_live()) {
        return 0;
    }
    crate::conformance::over(w, &[payment]).await;
    let before = PaymentOrderId::from_bytes((u128::from_be_bytes(*order.as_bytes()) - 1).to_be_bytes());
    w.store.archive(merchant, at(3 * HOUR), Some(before), 1).await.unwrap().moved
}

async fn no_random_course_of_payments_leaves_anything_for_verify_to_find(w: World) {
    let shops = [w.shop().await, w.shop().await];
    let (reached, most) = (Mutex::new(BTreeSet::new()), AtomicU64::new(0));
    // Some courses begin with money, so that what comes later has something to move.
    let with_money = |course: Vec<_>| {
        let states = [held(4999), Observed::Captured(eur(4999)), Observed::Captured(eur(3000))];
        let begins = states.into_iter().enumerate().map(|(order, state)| (order, 0, Act::See(state), 1));
        begins.chain(course).collect()
    };
    let course = |acts: BoxedStrategy<Act>| proptest::collection::vec((0usize..3, 0usize..4, acts, 0i64..(2 * HOUR)), 1..70);
    let everything = || prop_oneof![2 => sale(), 1 => captures_and_refunds(), 1 => disputes()];
    let courses = prop_oneof![
        course(sale().boxed()),
        course(everything().boxed()),
        course(prop_oneof![1 => sale(), 3 => captures_and_refunds()].boxed()).prop_map(with_money),
        course(prop_oneof![5 => disputes(), 1 => everything()].boxed()).prop_map(with_money),
    ];
    let check = |course: Vec<(usize, usize, Act, i64)>| {
        wait(async {
            let orders = [w.order(shops[0]).await, w.order(shops[1]).await, w.order(shops[0]).await]
                .map(|p| (p.order.merchant, p.order.id));
            let mut archived = 0;
            for (order, attempt, act, second) in course {
                let (merchant, order) = orders[order];
                let attempts = w.store.attempts(merchant, order).await.unwrap();
                // Only the PSP speaks of attempts that are past; the shop's own moves of the sale are about the latest.
                let payment = match act {
                    Act::Refused | Act::Absent | Act::Cancel | Act::Expire | Act::Retry => {
                        w.store.payment(merchant, order).await.unwrap().unwrap()
                    }
                    _ => w.store.payment_by_attempt(merchant, attempts[attempt % attempts.len()].id).await.unwrap().unwrap(),
                };
                let before = payment.clone();
                let beside = beside(&w, &payment).await;
                if let Some((moved, write)) = decide(&w, payment, beside, &act, at(second)) {
                    let (after, part) = (moved.payment.clone(), moved.part.clone());
                    reached.lock().unwrap().insert(moved.event.as_str());
                    let committed = w.store.commit(w.change(moved, write)).await;
                    prop_assert_eq!(committed, Ok(()), "{:?} on {:?}", act, before);
                    // What is over goes to the archive at once, and comes back with whatever else is heard of it.
                    archived += put_away(&w, &after).await;
                    prop_assert_eq!(w.store.payment_by_attempt(merchant, after.attempt.id).await.unwrap(), Some(after));
                    if let Some(part) = part {
                        prop_assert_eq!(kept(&w, merchant, &part).await, Some(part));
                    }
                }
            }
            most.fetch_max(archived, Ordering::Relaxed);
            let report = w.store.verify().await.unwrap();
            prop_assert_eq!(report.findings, Vec::new());
            Ok(())
        })
    };
    for_all(120, &courses, check);
    assert!(most.into_inner() > 5, "some courses lead to the archive and back again and again");
    // The courses reached everything that comes of payments, but for what an order begins with.
    let parts = ["payment_order.", "refund.", "dispute."];
    let mut missing: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    missing.retain(|kind| parts.iter().any(|part| kind.starts_with(part)) && !reached.lock().unwrap().contains(kind));
    assert_eq!(missing, ["payment_order.created"]);
}

/// Paid by the second attempt while the first holds money too; then the second is let go, and the first is taken after all.
async fn a_surplus_that_pays_the_order_in_the_end_leaves_sound_books(w: World) {
    let shop = w.shop().await;
    let first = w.see(w.see(w.order(shop).await, Observed::Open).await, Observed::Failed).await;
    let second = w.try_again(first.clone()).await;
    let second = w.see(second, held(4999)).await;
    let first = w.store.payment_by_attempt(shop.merchant, first.attempt.id).await.unwrap().unwrap();
    w.see(first.clone(), held(4999)).await;
    let second = w.store.payment_by_attempt(shop.merchant, second.attempt.id).await.unwrap().unwrap();
    w.see(second, Observed::Canceled).await;
    let first = w.store.payment_by_attempt(shop.merchant, first.attempt.id).await.unwrap().unwrap();
    w.see(first, Observed::Captured(eur(4999))).await;
    w.assert_sound().await;
}
