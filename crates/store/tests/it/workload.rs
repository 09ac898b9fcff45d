//! Random moves of the domain through the store: whatever happens, every change is accepted and `verify` is clean.

use crate::builders::*;
use ducat_domain::payments::*;
use ducat_domain::*;
use ducat_store::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Act {
    See(Observed),
    Decline(u8),
    Fee(u8),
    Lost,
    Refused,
    Absent,
    Cancel,
    Expire,
    Retry,
}

fn act() -> impl Strategy<Value = Act> {
    let observed = prop_oneof![
        Just(Observed::Open),
        Just(Observed::Processing),
        (1i64..=4999).prop_map(held),
        (1i64..=4999).prop_map(|m| Observed::Captured(eur(m))),
        Just(Observed::Failed),
        Just(Observed::Canceled),
        Just(Observed::Expired),
    ];
    prop_oneof![
        8 => observed.prop_map(Act::See),
        1 => (0u8..3).prop_map(Act::Decline),
        2 => (0u8..3).prop_map(Act::Fee),
        1 => Just(Act::Lost),
        1 => Just(Act::Refused),
        1 => Just(Act::Absent),
        1 => Just(Act::Cancel),
        1 => Just(Act::Expire),
        3 => Just(Act::Retry),
    ]
}

/// What the act does to the payment, by the rules of the domain.
fn decide(w: &World, payment: Payment, act: &Act, now: Timestamp) -> Option<(Moved, Write)> {
    let decline = |n: u8| Decline { psp_ref: Some(n.to_string()), ..Decline::of(DeclineCode::GenericDecline) };
    let later = at(9999);
    let moved = match act {
        Act::See(state) => {
            let word = seen(&payment, *state);
            payment.observe(&word, now, later).ok().flatten()
        }
        Act::Decline(n) => {
            let word = Observation { decline: Some(decline(*n)), ..seen(&payment, Observed::Open) };
            payment.observe(&word, now, later).ok().flatten()
        }
        Act::Fee(n) => {
            let fee = Fee { psp_line: format!("{}_{n}", payment.attempt.id), amount: eur(i64::from(*n) * 10) };
            let state = Observed::Captured(eur(payment.attempt.captured.max(1)));
            let word = Observation { fees: vec![fee], ..seen(&payment, state) };
            payment.observe(&word, now, later).ok().flatten()
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
    };
    moved.map(|m| (m, PaymentWrite::Move as Write))
}

#[test]
fn no_random_course_of_payments_leaves_anything_for_verify_to_find() {
    run(async {
        let w = World::sqlite(WriterMode::Thread);
        let shops = [w.shop().await, w.shop().await];
        let courses = proptest::collection::vec((0usize..3, 0usize..4, act(), 0i64..(2 * HOUR)), 1..60);
        let check = |course: Vec<(usize, usize, Act, i64)>| {
            wait(async {
                let orders = [w.order(shops[0]).await, w.order(shops[1]).await, w.order(shops[0]).await].map(|p| p.order.id);
                for (order, attempt, act, second) in course {
                    let attempts = w.store.attempts(orders[order]).await.unwrap();
                    // Only the PSP speaks of attempts that are past; the shop's own moves are about the latest.
                    let payment = match act {
                        Act::See(_) | Act::Decline(_) | Act::Fee(_) | Act::Lost => {
                            w.store.payment_by_attempt(attempts[attempt % attempts.len()].id).await.unwrap().unwrap()
                        }
                        _ => w.store.payment(orders[order]).await.unwrap().unwrap(),
                    };
                    let before = payment.clone();
                    if let Some((moved, write)) = decide(&w, payment, &act, at(second)) {
                        let after = moved.payment.clone();
                        let committed = w.store.commit(w.change(moved, write)).await;
                        prop_assert_eq!(committed, Ok(()), "{:?} on {:?}", act, before);
                        prop_assert_eq!(w.store.payment_by_attempt(after.attempt.id).await.unwrap(), Some(after));
                    }
                }
                let report = w.store.verify().await.unwrap();
                prop_assert_eq!(report.findings, Vec::new());
                Ok(())
            })
        };
        for_all(60, &courses, check);
        let idle = |table: &str| table == "inbox" || table.starts_with("webhook_");
        assert!(w.store.verify().await.unwrap().checked.iter().all(|(table, rows)| *rows > 0 || idle(table)));
    });
}

/// Paid by the second attempt while the first holds money too; then the second is let go, and the first is taken after all.
#[test]
fn a_surplus_that_pays_the_order_in_the_end_leaves_sound_books() {
    run(async {
        let w = World::sqlite(WriterMode::Caller);
        let shop = w.shop().await;
        let first = w.see(w.see(w.order(shop).await, Observed::Open).await, Observed::Failed).await;
        let second = w.try_again(first.clone()).await;
        let second = w.see(second, held(4999)).await;
        let first = w.store.payment_by_attempt(first.attempt.id).await.unwrap().unwrap();
        w.see(first.clone(), held(4999)).await;
        let second = w.store.payment_by_attempt(second.attempt.id).await.unwrap().unwrap();
        w.see(second, Observed::Canceled).await;
        let first = w.store.payment_by_attempt(first.attempt.id).await.unwrap().unwrap();
        w.see(first, Observed::Captured(eur(4999))).await;
        w.assert_sound().await;
    });
}
