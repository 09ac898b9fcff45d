//! Captures, refunds and disputes beside their orders: what is read is what was written, once, and within its order.

use crate::builders::*;
use crate::later::*;
use ducat_domain::payments::*;
use ducat_domain::*;
use ducat_store::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

async fn refusal(w: &World, change: Change) -> CommitError {
    w.store.commit(change).await.expect_err("the store let this pass")
}

pub async fn a_capture_comes_back_as_it_was_written_all_its_life(w: World) {
    let shop = w.shop().await;
    let (payment, first) = w.capturing(w.held(shop).await, 1000, false).await;
    let attempt = payment.attempt.id;
    assert_eq!(w.store.capture(shop.merchant, first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(w.store.open_capture(shop.merchant, attempt).await.unwrap(), Some(first.clone()));
    let lost = payment.capture_unknown(first, w.now(), at(95)).unwrap();
    let Some(Part::Capture(lost_capture)) = lost.part.clone() else { panic!() };
    let payment = w.settle(lost).await;
    assert_eq!(w.store.open_capture(shop.merchant, attempt).await.unwrap(), Some(lost_capture.clone()));
    let state = Observed::Held { authorized: eur(4999), captured: eur(1000) };
    let (payment, first) = w.see_capture(payment, lost_capture, state).await;
    assert_eq!((first.status, first.check_at), (CaptureStatus::Succeeded, None));
    assert_eq!(w.store.open_capture(shop.merchant, attempt).await.unwrap(), None);
    let (payment, second) = w.capturing(payment, 500, true).await;
    let failed = payment.capture_failed(second, Decline::of(DeclineCode::GenericDecline), w.now()).unwrap();
    let Some(Part::Capture(second)) = failed.part.clone() else { panic!() };
    let payment = w.settle(failed).await;
    assert_eq!(w.store.captures_of(shop.merchant, payment.order.id).await.unwrap(), vec![first, second.clone()]);
    assert!(second.failure.is_some() && second.is_final);
    assert_eq!(w.store.payment(shop.merchant, payment.order.id).await.unwrap(), Some(payment));
    w.assert_sound().await;
}

pub async fn a_refund_comes_back_as_it_was_written_all_its_life(w: World) {
    let shop = w.shop().await;
    let (payment, first) = w.refunding(w.paid(shop).await, 700).await;
    assert_eq!(w.store.refund(shop.merchant, first.id).await.unwrap(), Some(first.clone()));
    let lost = payment.refund_unknown(first, w.now(), at(95)).unwrap();
    let Some(Part::Refund(first)) = lost.part.clone() else { panic!() };
    let payment = w.settle(lost).await;
    assert_eq!(w.store.refund(shop.merchant, first.id).await.unwrap(), Some(first.clone()));
    let (payment, first) = w.see_refund(payment, first, RefundState::Succeeded).await;
    let name = first.psp_refund.clone().unwrap();
    assert_eq!(w.store.refund_by_psp(shop.merchant, shop.account, &name).await.unwrap(), Some(first.clone()));
    let (payment, first) = w.see_refund(payment, first, RefundState::Failed).await;
    let (payment, second) = w.refunded(payment, 300).await;
    assert_eq!(w.store.refunds_of(shop.merchant, payment.order.id).await.unwrap(), vec![first, second]);
    assert_eq!((payment.order.amount_refunded, payment.order.amount_refunding), (300, 0));
    assert_eq!(w.store.payment(shop.merchant, payment.order.id).await.unwrap(), Some(payment));
    w.assert_sound().await;
}

pub async fn a_dispute_comes_back_as_it_was_written_all_its_life(w: World) {
    let shop = w.shop().await;
    let word = dispute_seen("dp_1", DisputeStatus::NeedsResponse, true, false);
    let (payment, dispute) = w.disputed(w.paid(shop).await, &word).await;
    assert_eq!(w.store.dispute(shop.merchant, dispute.id).await.unwrap(), Some(dispute.clone()));
    let reminded = payment.remind_of_dispute(dispute, w.now()).unwrap();
    let Some(Part::Dispute(dispute)) = reminded.part.clone() else { panic!() };
    let payment = w.settle(reminded).await;
    let fields = BTreeMap::from([("receipt".to_owned(), "thé \"100 %\"".to_owned())]);
    let answered = payment.answer_dispute(dispute, DisputeAnswer::Evidence, fields, w.now()).unwrap();
    let Some(Part::Dispute(dispute)) = answered.part.clone() else { panic!() };
    let payment = w.settle(answered).await;
    assert_eq!(w.store.dispute(shop.merchant, dispute.id).await.unwrap(), Some(dispute.clone()));
    let refused = payment.answer_refused(dispute, Decline::of(DeclineCode::GenericDecline), w.now()).unwrap();
    let Some(Part::Dispute(dispute)) = refused.part.clone() else { panic!() };
    let payment = w.settle(refused).await;
    assert_eq!(w.store.dispute_by_psp(shop.merchant, shop.account, "dp_1").await.unwrap(), Some(dispute.clone()));
    let fees = vec![Fee { psp_line: "txn_1".into(), amount: eur(1500) }, Fee { psp_line: "txn_2".into(), amount: eur(-1500) }];
    let won = DisputeSeen { fees, evidence_submitted: true, ..dispute_seen("dp_1", DisputeStatus::Won, true, true) };
    let (payment, dispute) = w.see_dispute(payment, dispute, &won).await;
    let told = (dispute.status, dispute.withdrawn, dispute.returned, dispute.fees.len(), dispute.evidence.len());
    assert_eq!(told, (DisputeStatus::Won, true, true, 2, 1));
    let (payment, second) = w.disputed(payment, &dispute_seen("dp_2", DisputeStatus::InquiryNeedsResponse, false, false)).await;
    assert_eq!(w.store.disputes_of(shop.merchant, payment.order.id).await.unwrap(), vec![dispute, second]);
    assert_eq!(w.store.payment(shop.merchant, payment.order.id).await.unwrap(), Some(payment));
    w.assert_sound().await;
}

pub async fn evidence_is_replaced_by_field_and_forgotten_once_decided(w: World) {
    let shop = w.shop().await;
    let word = dispute_seen("dp_1", DisputeStatus::NeedsResponse, true, false);
    let (payment, dispute) = w.disputed(w.paid(shop).await, &word).await;
    let keep = |files: Vec<DisputeFile>| {
        w.commit(Change { dispute_files: files.into_iter().map(|file| (shop.merchant, file)).collect(), ..Change::default() })
    };
    let (receipt, letter) = (w.evidence(&dispute, "receipt", &[0, 255, 0]), w.evidence(&dispute, "letter", b"%PDF"));
    keep(vec![receipt, letter.clone()]).await;
    let better = w.evidence(&dispute, "receipt", &[1; 2000]);
    keep(vec![better.clone()]).await;
    assert_eq!(w.store.dispute_files(shop.merchant, dispute.id).await.unwrap(), vec![letter.clone(), better.clone()]);
    let (_, dispute) = w.see_dispute(payment, dispute, &dispute_seen("dp_1", DisputeStatus::Lost, true, false)).await;
    w.commit(Change { forget_files: vec![(shop.merchant, dispute.id)], ..Change::default() }).await;
    let forgotten = [letter, better].map(|file| DisputeFile { bytes: None, ..file });
    assert_eq!(w.store.dispute_files(shop.merchant, dispute.id).await.unwrap(), forgotten);
    let late = Change { dispute_files: vec![(shop.merchant, w.evidence(&dispute, "receipt", b"late"))], ..Change::default() };
    assert!(matches!(refusal(&w, late).await, CommitError::Refused(_)));
}

pub async fn a_claim_and_the_psp_s_payment_come_back(w: World) {
    let shop = w.shop().await;
    let paid = w.claimed(w.paid(shop).await).await;
    assert_eq!(paid.order.claim.as_ref().map(|c| c.by.as_str()), Some("webhook"));
    let name = paid.attempt.psp_payment.clone().unwrap();
    assert_eq!(w.store.payment_by_psp_payment(shop.merchant, shop.account, &name).await.unwrap(), Some(paid));
    let other = w.shop().await;
    assert_eq!(w.store.payment_by_psp_payment(other.merchant, other.account, &name).await.unwrap(), None);
}

pub async fn a_part_is_written_once(w: World) {
    let shop = w.shop().await;
    let taken = CommitError::Taken(Unique::Part);
    let (held, capture) = w.capturing(w.held(shop).await, 100, false).await;
    let merchant = shop.merchant;
    let second = Part::Capture(Capture { id: CaptureId::new(w.now(), &w.dice), ..capture });
    assert_eq!(refusal(&w, Change { parts: vec![PartWrite { merchant, part: second }], ..Change::default() }).await, taken);
    assert_eq!(w.store.captures_of(shop.merchant, held.order.id).await.unwrap().len(), 1);

    let (paid, refund) = w.refunded(w.paid(shop).await, 100).await;
    let id = RefundId::new(w.now(), &w.dice);
    let moved = paid.refund_found(id, &refund_seen(&refund, RefundState::Succeeded), w.now(), at(90)).unwrap().unwrap();
    assert_eq!(refusal(&w, w.change(moved, PaymentWrite::Move)).await, taken);
    let word = dispute_seen("dp_1", DisputeStatus::NeedsResponse, true, false);
    let (paid, _) = w.disputed(w.paid(shop).await, &word).await;
    let moved = paid.dispute_heard(Err(DisputeId::new(w.now(), &w.dice)), &word, w.now()).unwrap().unwrap();
    assert_eq!(refusal(&w, w.change(moved, PaymentWrite::Move)).await, taken);
    w.assert_sound().await;
}

pub async fn a_part_beside_a_lost_race_is_not_written(w: World) {
    let shop = w.shop().await;
    let paid = w.paid(shop).await;
    let (mine, theirs) = (w.new_refund(4000), w.new_refund(4000));
    let first = paid.clone().request_refund(mine.clone(), w.now(), at(90)).unwrap();
    let late = paid.request_refund(theirs.clone(), w.now(), at(90)).unwrap();
    let paid = w.settle(first).await;
    assert_eq!(refusal(&w, w.change(late, PaymentWrite::Move)).await, CommitError::Stale);
    assert_eq!(w.store.refund(shop.merchant, theirs.id).await.unwrap(), None);
    assert_eq!(w.store.refunds_of(shop.merchant, paid.order.id).await.unwrap().len(), 1);
    w.assert_sound().await;
}

pub async fn a_part_stays_within_its_merchant_and_its_attempt_s_sums(w: World) {
    let (shop, other) = (w.shop().await, w.shop().await);
    let paid = w.paid(shop).await;
    let mut moved = w.change(paid.clone().request_refund(w.new_refund(10), w.now(), at(90)).unwrap(), PaymentWrite::Move);
    moved.parts[0].merchant = other.merchant;
    assert!(matches!(refusal(&w, moved).await, CommitError::Refused(_)));
    // A refund that its attempt does not count is none.
    let moved = w.change(paid.request_refund(w.new_refund(10), w.now(), at(90)).unwrap(), PaymentWrite::Move);
    assert!(matches!(refusal(&w, Change { parts: moved.parts, ..Change::default() }).await, CommitError::Refused(_)));
    w.assert_sound().await;
}

pub async fn pages_of_refunds_and_disputes_agree_with_a_model(w: World) {
    let shops = [w.shop().await, w.shop().await];
    let mut orders = Vec::new();
    let (mut refunds, mut disputes) = (Vec::new(), Vec::new());
    for number in 0..12 {
        let shop = shops[usize::from(number % 3 == 0)];
        let (payment, refund) = w.refunding(w.paid(shop).await, 100).await;
        refunds.push((shop.merchant, refund));
        let (payment, refund) = w.refunded(payment, 50).await;
        refunds.push((shop.merchant, refund));
        let status = if number % 2 == 0 { DisputeStatus::NeedsResponse } else { DisputeStatus::Lost };
        let (payment, dispute) = w.disputed(payment, &dispute_seen(&format!("dp_{number}"), status, false, false)).await;
        disputes.push((shop.merchant, dispute));
        orders.push(payment.order.id);
    }
    let anchor = proptest::option::of((0usize..12, any::<bool>()));
    let query = (0usize..2, proptest::option::weighted(0.3, 0usize..12), 0usize..3, anchor, 0u32..9);
    let check = |(shop, order, status, anchor, limit): (usize, Option<usize>, usize, Option<(usize, bool)>, u32)| {
        let (merchant, order) = (shops[shop].merchant, order.map(|i| orders[i]));
        let status_of = |all: [Option<&'static str>; 3]| all[status];
        let filter = PartFilter { order, status: status_of([None, Some("pending"), Some("succeeded")]) };
        let fits = |r: &Refund| order.is_none_or(|o| r.order == o) && filter.status.is_none_or(|s| s == r.status.as_str());
        let mine = refunds.iter().filter(|(m, r)| *m == merchant && fits(r)).map(|(_, r)| r.clone());
        let at = anchor.map(|(i, newer)| (refunds[i].1.id, newer));
        let page = wait(w.store.refunds(merchant, filter.clone(), page_anchor(at), limit)).unwrap();
        prop_assert_eq!(page, expected(mine.collect(), |r| r.id, at, limit));

        let filter = PartFilter { order, status: status_of([None, Some("needs_response"), Some("lost")]) };
        let fits = |d: &Dispute| order.is_none_or(|o| d.order == o) && filter.status.is_none_or(|s| s == d.status.as_str());
        let mine = disputes.iter().filter(|(m, d)| *m == merchant && fits(d)).map(|(_, d)| d.clone());
        let at = anchor.map(|(i, newer)| (disputes[i].1.id, newer));
        let page = wait(w.store.disputes(merchant, filter.clone(), page_anchor(at), limit)).unwrap();
        prop_assert_eq!(page, expected(mine.collect(), |d| d.id, at, limit));
        Ok(())
    };
    for_all(200, &query, check);
}

/// An anchor, and whether the page goes to the newer ones from there.
pub fn page_anchor<Id>(at: Option<(Id, bool)>) -> PageAnchor<Id> {
    match at {
        None => PageAnchor::Newest,
        Some((id, false)) => PageAnchor::After(id),
        Some((id, true)) => PageAnchor::Before(id),
    }
}

/// The page of these rows that a list gives.
pub fn expected<T, Id: Ord + Copy>(mut rows: Vec<T>, id: impl Fn(&T) -> Id, at: Option<(Id, bool)>, limit: u32) -> Page<T> {
    rows.sort_by_key(|row| std::cmp::Reverse(id(row)));
    let limit = limit as usize;
    match at {
        Some((anchor, true)) => rows.retain(|row| id(row) > anchor),
        Some((anchor, false)) => rows.retain(|row| id(row) < anchor),
        None => {}
    }
    let has_more = rows.len() > limit;
    if has_more && at.is_some_and(|(_, newer)| newer) {
        rows.drain(..rows.len() - limit);
    }
    rows.truncate(limit);
    Page { data: rows, has_more }
}
