//! What is read is what was written, in domain types.

use crate::builders::*;
use ducat_domain::journal::Layer;
use ducat_domain::payments::*;
use ducat_domain::*;
use ducat_store::{Balances, Store};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Text with everything that text can hold in every database: empty, quotes, letters of all scripts. PostgreSQL knows no NUL.
fn text() -> impl Strategy<Value = String> {
    let letter = any::<char>().prop_map(|c| if c == '\0' { '\u{1}' } else { c });
    let special = vec!["", "'; DROP TABLE payment_orders; --", "\"", "\\u0041", "\u{202e}👩‍👩‍👧", "null"];
    prop_oneof![
        3 => proptest::collection::vec(letter, 0..12).prop_map(String::from_iter),
        1 => proptest::sample::select(special).prop_map(str::to_owned),
    ]
}

/// Every moment up to the year 9999.
fn moment() -> impl Strategy<Value = Timestamp> {
    (0i64..253_402_300_800_000_000).prop_map(Timestamp::from_micros)
}

fn terms() -> impl Strategy<Value = Terms> {
    let currency = proptest::sample::select(Currency::all().collect::<Vec<_>>());
    let money = (prop_oneof![1i64..1_000_000, Just(i64::MAX)], currency).prop_map(|(minor, c)| Money::new(minor, c));
    let some = proptest::option::of(text());
    let line =
        (text(), any::<u32>(), any::<i64>()).prop_map(|(name, quantity, unit_amount)| LineItem { name, quantity, unit_amount });
    let customer =
        (proptest::option::of(text()), proptest::option::of(text())).prop_map(|(email, name)| Customer { email, name });
    let kinds = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let texts = (some, proptest::option::of(text()), proptest::option::of(text()), proptest::option::of(text()));
    let rest = (
        proptest::collection::vec(line, 0..4),
        proptest::option::of(customer),
        proptest::collection::btree_map(text(), text(), 0..4),
        moment(),
    );
    (text(), money, kinds, texts, rest).prop_map(
        |(reference, amount, (recc, card, manual, pos), (psp, description, success_url, cancel_url), rest)| {
            let (line_items, customer, metadata, expires_at): (_, _, BTreeMap<_, _>, _) = rest;
            Terms {
                reference,
                amount,
                payment_type: if recc { PaymentType::Recc } else { PaymentType::Sale },
                payment_method: if card { PaymentMethod::Card } else { PaymentMethod::Apm },
                capture: if manual { CaptureMode::Manual } else { CaptureMode::Automatic },
                psp,
                channel: if pos { Channel::Pos } else { Channel::Ecommerce },
                expires_at,
                description,
                line_items,
                customer,
                success_url,
                cancel_url,
                metadata,
            }
        },
    )
}

/// A database that cannot keep a NUL keeps a mark in its place: what others answered is not lost because of it.
pub async fn a_text_with_a_nul_is_kept_whole_or_with_a_mark(w: World) {
    let shop = w.shop().await;
    for text in ["\0", "a\0b"] {
        let in_json = Terms { description: Some(text.into()), ..w.terms() };
        for terms in [Terms { reference: text.into(), ..w.terms() }, in_json] {
            let whole = w.order_with(shop, terms).await;
            let found = w.store.payment(shop.merchant, whole.order.id).await.unwrap();
            let mut marked = whole.clone();
            let terms = Arc::make_mut(&mut marked.order.terms);
            terms.reference = terms.reference.replace('\0', "\u{fffd}");
            terms.description = terms.description.take().map(|text| text.replace('\0', "\u{fffd}"));
            assert!(found == Some(whole) || found == Some(marked), "{found:?}");
        }
    }
    w.assert_sound().await;
}

pub async fn terms_come_back_as_they_were_written(w: World) {
    let check = |terms: Terms| {
        wait(async {
            // A shop each, so that equal references do not meet.
            let shop = w.shop().await;
            let written = w.order_with(shop, terms.clone()).await;
            let found = w.store.payment_by_reference(shop.merchant, &terms.reference).await.unwrap();
            prop_assert_eq!(found, Some(written));
            Ok(())
        })
    };
    for_all(100, &terms(), check);
}

fn attempt() -> impl Strategy<Value = (Attempt, bool)> {
    let advice = proptest::option::of(proptest::sample::select(vec![Advice::ConfirmCardData, Advice::DoNotTryAgain]));
    let word = || proptest::option::of(text());
    let decline = (proptest::sample::select(DeclineCode::ALL), word(), word(), advice, word())
        .prop_map(|(code, psp_code, psp_ref, advice, network_code)| Decline { code, psp_code, psp_ref, advice, network_code });
    let fee = (text(), any::<i64>()).prop_map(|(psp_line, minor)| Fee { psp_line, amount: eur(minor) });
    let money = (0i64..=i64::MAX, any::<i64>()).prop_map(|(a, b)| (a, if a == 0 { 0 } else { b.rem_euclid(a) }));
    (
        proptest::sample::select(AttemptStatus::ALL),
        (text(), proptest::option::of(text()), proptest::option::of(text()), proptest::option::of(decline)),
        (any::<u16>(), moment(), money, any::<bool>(), any::<bool>()),
        proptest::collection::vec(fee, 0..3),
    )
        .prop_map(|(status, (token, psp_payment, redirect_url, decline), (declines, check, money, surplus, late), fees)| {
            let attempt = Attempt {
                id: AttemptId::from_bytes([0; 16]),
                psp_account: PspAccountId::from_bytes([0; 16]),
                psp: String::new(),
                number: 1,
                created_at: at(0),
                status,
                token: Some(PspToken(token)),
                psp_payment,
                redirect_url,
                decline,
                declines,
                check_at: Some(check),
                authorized: money.0,
                captured: money.1,
                capturing: i64::from(declines),
                refunded: money.1 / 3,
                refunding: money.1 - money.1 / 3,
                disputed: money.0,
                open_disputes: declines,
                surplus,
                fees,
            };
            (attempt, late)
        })
}

pub async fn an_attempt_comes_back_as_it_was_written(w: World) {
    let check = |(given, late): (Attempt, bool)| {
        wait(async {
            let shop = w.shop().await;
            let mut payment = w.order(shop).await;
            let Attempt { id, psp_account, psp, created_at, .. } = payment.attempt;
            payment.attempt = Attempt { id, psp_account, psp, created_at, ..given };
            let order = &mut payment.order;
            order.version = 2;
            order.paid_late = late;
            order.paid_by = late.then_some(id);
            order.cancel_requested_at = (!late).then(|| at(77));
            (order.amount_authorized, order.amount_captured) = (payment.attempt.authorized, payment.attempt.captured);
            let written = ducat_store::PaymentWrite::Move(payment.clone());
            w.commit(ducat_store::Change { payments: vec![written], ..Default::default() }).await;
            prop_assert_eq!(w.store.payment_by_attempt(shop.merchant, id).await.unwrap(), Some(payment.clone()));
            let token = payment.attempt.token.clone().unwrap();
            prop_assert_eq!(w.store.payment_by_token(shop.merchant, shop.account, &token).await.unwrap(), Some(payment));
            Ok(())
        })
    };
    for_all(100, &attempt(), check);
}

pub async fn entries_and_balances_come_back_as_they_were_booked(w: World) {
    let shop = w.shop().await;
    let held = w.see(w.order(shop).await, held(4999)).await;
    let fee = Fee { psp_line: "txn_1".into(), amount: Money::new(130, "JPY".parse().unwrap()) };
    let paid = w.see_all(held.clone(), Observed::Captured(eur(4000)), vec![fee]).await;
    let entries = w.store.entries_of(shop.merchant, paid.order.id).await.unwrap();
    let mut refs: Vec<_> = entries.iter().map(|e| e.event_ref.clone()).collect();
    assert_eq!(refs.remove(0), format!("auth:{}", paid.attempt.id), "oldest first");
    refs.sort();
    assert_eq!(refs, [format!("cap:{}", paid.attempt.id), format!("fee:{}:txn_1", shop.account)]);
    let payable = format!("merchant:{}:payable", shop.merchant);
    let of_payable: Vec<_> =
        entries.iter().flat_map(|e| &e.postings).filter(|p| p.account == payable).map(|p| (p.amount, p.layer)).collect();
    assert_eq!(of_payable, [(eur(-4999), Layer::Pending), (eur(-4000), Layer::Posted), (eur(4999), Layer::Pending)]);
    let receivable = format!("psp:{}:receivable", shop.account);
    let balances = w.store.balances(shop.merchant).await.unwrap();
    let told: Vec<_> = balances.iter().map(|b| (b.account.as_str(), b.currency.code(), b.posted, b.pending)).collect();
    let wanted = [
        ("expense:psp_fee", "JPY", 130, 0),
        (payable.as_str(), "EUR", -4000, 0),
        (receivable.as_str(), "EUR", 4000, 0),
        (receivable.as_str(), "JPY", -130, 0),
    ];
    assert_eq!(told, wanted);
    w.assert_sound().await;
}

pub async fn what_lies_on_accounts_is_the_same_whether_it_is_kept_or_summed(mut w: World) {
    let shop = w.shop().await;
    let pay = async |w: &World| drop(w.see(w.order(shop).await, Observed::Captured(eur(4999))).await);
    let told = async |store: &Store| store.balances(shop.merchant).await.unwrap();
    w.store.agree_on_balances().await.unwrap();
    pay(&w).await;
    let (kept, summed) = (w.store.clone(), w.store.clone().with_balances(Balances::Summed));

    // Who was told otherwise changes nothing.
    let refused = summed.agree_on_balances().await.unwrap_err().to_string();
    assert!(refused.contains("balances are kept on this database") && refused.contains("`ducat migrate --balances summed`"), "{refused}");
    assert_eq!(told(&kept).await, told(&summed).await);
    w.assert_sound().await;

    w.store = summed.clone();
    w.store.settle_balances().await.unwrap();
    assert!(kept.agree_on_balances().await.is_err());
    pay(&w).await;
    let sums = told(&summed).await;
    assert!(sums.len() == 2 && sums.iter().all(|b| b.posted.abs() == 2 * 4999), "{sums:?}");
    assert!(told(&kept).await.iter().all(|b| b.posted == 0), "none is stored any more");
    w.assert_sound().await;

    // Who keeps them while somebody else does not has a part of them, which is found, and made anew when it is agreed on again.
    w.store = kept.clone();
    pay(&w).await;
    for store in [&kept, &summed] {
        assert!(!store.verify().await.unwrap().findings.is_empty());
    }
    kept.settle_balances().await.unwrap();
    kept.agree_on_balances().await.unwrap();
    pay(&w).await;
    let balances = told(&kept).await;
    assert!(balances.len() == 2 && balances.iter().all(|b| b.posted.abs() == 4 * 4999), "{balances:?}");
    assert_eq!(balances, told(&summed).await);
    w.assert_sound().await;
}

pub async fn nothing_is_found_under_unknown_ids(w: World) {
    let (now, store) = (w.now(), &w.store);
    let order = PaymentOrderId::new(now, &w.dice);
    let merchant = MerchantId::new(now, &w.dice);
    assert_eq!(store.payment(merchant, order).await.unwrap(), None);
    assert_eq!(store.payment_by_attempt(merchant, AttemptId::new(now, &w.dice)).await.unwrap(), None);
    assert_eq!(store.merchant(merchant).await.unwrap(), None);
    assert_eq!(store.psp_account(PspAccountId::new(now, &w.dice)).await.unwrap(), None);
    assert_eq!(store.api_key([0; 32]).await.unwrap(), None);
    assert_eq!(store.event(merchant, EventId::new(now, &w.dice)).await.unwrap(), None);
    assert_eq!(store.idempotency(merchant, "").await.unwrap(), None);
    assert_eq!(store.next_job_at().await.unwrap(), None);
    assert_eq!(
        (store.attempts(merchant, order).await.unwrap(), store.entries_of(merchant, order).await.unwrap()),
        (Vec::new(), Vec::new())
    );
    assert_eq!(store.events_of(merchant, Subject::PaymentOrder(order)).await.unwrap(), Vec::new());
    w.assert_sound().await;
}
