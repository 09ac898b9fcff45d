//! Every read of the store, called once: for those who look at the statements that reads send.

use crate::*;
use ducat_domain::payments::{OrderStatus, PspToken};
use ducat_domain::webhooks::DeliveryState;
use ducat_domain::*;

/// The id of everything that is asked for.
pub(crate) const ASKED: [u8; 16] = [7; 16];

macro_rules! reads {
    ($store:ident: $($name:ident($($value:expr),*);)*) => {{
        $($store.$name($($value),*).await.unwrap();)*
        [$(stringify!($name)),*]
    }};
}

/// Calls every read. A statement is read only of the account `bank:main`, and the lines of entries only where there is one.
pub(crate) async fn every_read(store: &Store) {
    let bytes = ASKED;
    let (merchant, account, order) =
        (MerchantId::from_bytes(bytes), PspAccountId::from_bytes(bytes), PaymentOrderId::from_bytes(bytes));
    let (attempt, refund, dispute) = (AttemptId::from_bytes(bytes), RefundId::from_bytes(bytes), DisputeId::from_bytes(bytes));
    let (capture, payout, exception) =
        (CaptureId::from_bytes(bytes), PayoutId::from_bytes(bytes), ExceptionId::from_bytes(bytes));
    let (event, entry) = (EventId::from_bytes(bytes), EntryId::from_bytes(bytes));
    let (endpoint, delivery) = (WebhookEndpointId::from_bytes(bytes), DeliveryId::from_bytes(bytes));
    let now = Timestamp::from_seconds(9);
    let token = PspToken("cs_1".into());
    let by_time = OrderFilter { created_gte: Some(now), created_lt: Some(now), ..OrderFilter::default() };
    let by_status = OrderFilter { status: Some(OrderStatus::Pending), ..OrderFilter::default() };
    let by_end = OrderFilter { created_gte: Some(now), status: Some(OrderStatus::Canceled), ..OrderFilter::default() };
    let by_reference = OrderFilter { reference: Some("order-1".into()), ..OrderFilter::default() };
    let of_order = || PartFilter { order: Some(order), status: None };
    let in_status = || PartFilter { order: None, status: Some("pending") };
    let entries_of_order = EntryFilter { order: Some(order), account: Some("bank:main".into()), ..EntryFilter::default() };
    let on_account = || EntryFilter { account: Some("bank:main".into()), created_gte: Some(now), ..EntryFilter::default() };
    let of_a_time = EntryFilter { created_gte: Some(now), created_lt: Some(now), ..EntryFilter::default() };
    let key = DeclineKey::Card([7; 32]);
    let asked = vec![DeclinesAsked { key, since: now, limit: 9 }];
    let ask =
        |from, after| StatementAsk { account: "bank:main".into(), currency: "EUR".parse().unwrap(), from, to: Some(now), after };
    let of_event = DeliveryFilter { state: None, event: Some(event) };
    let dead = DeliveryFilter { state: Some(DeliveryState::Dead), event: None };
    let told = reads! { store:
        payment(merchant, order); payment_by_attempt(merchant, attempt); payment_by_token(merchant, account, &token);
        payment_by_psp_payment(merchant, account, "pi_1"); payment_by_reference(merchant, "order-1");
        idempotency(merchant, "key"); next_job_at(); next_job_beside(&[]); api_key([0; 32]); merchant(merchant); psp_account(account);
        event(merchant, event); some_events(merchant, vec![event; 9]);
        payments(merchant, OrderFilter::default(), PageAnchor::Newest, 9);
        payments(merchant, by_time, PageAnchor::After(order), 9);
        payments(merchant, by_status, PageAnchor::Before(order), 9);
        payments(merchant, by_reference, PageAnchor::Newest, 9);
        payments(merchant, by_end, PageAnchor::Newest, 9);
        attempts(merchant, order); attempted(merchant, vec![order; 9]); merchant_of_order(order);
        archive(merchant, now, Some(order), 9);
        events(merchant, EventCursor::Start, Vec::new(), 9);
        events(merchant, EventCursor::Newest, vec!["refund.created".into()], 9);
        events(merchant, EventCursor::Start, vec!["dispute.won".into(), "dispute.lost".into(), "payout.paid".into()], 9);
        events(merchant, EventCursor::Newest, vec!["payment_order.succeeded".into(), "dispute.lost".into()], 9);
        events(merchant, EventCursor::After(event), Vec::new(), 9);
        events_of(merchant, Subject::Payout(payout)); api_keys(merchant); merchants(); psp_accounts(merchant);
        entries_of(merchant, order); balances(merchant); entry(merchant, entry); is_booked(merchant, "cap:1".into());
        balances_at(merchant, now); books(merchant); close_books(merchant, now); entries(merchant, EntryFilter::default(), PageAnchor::Newest, 9);
        entries(merchant, entries_of_order, PageAnchor::After(entry), 9);
        entries(merchant, on_account(), PageAnchor::After(entry), 9); entries(merchant, on_account(), PageAnchor::Before(entry), 9);
        entries(merchant, of_a_time, PageAnchor::Newest, 9);
        statement(merchant, ask(None, None), 9); statement(merchant, ask(Some(now), None), 9);
        statement(merchant, ask(None, Some(entry)), 9);
        capture(merchant, capture); open_capture(merchant, attempt); captures_of(merchant, order);
        refund(merchant, refund); refund_by_psp(merchant, account, "re_1"); refunds_of(merchant, order);
        refunds(merchant, of_order(), PageAnchor::Newest, 9); refunds(merchant, in_status(), PageAnchor::After(refund), 9);
        dispute(merchant, dispute); dispute_by_psp(merchant, account, "dp_1"); disputes_of(merchant, order);
        dispute_files(merchant, dispute);
        disputes(merchant, of_order(), PageAnchor::Before(dispute), 9); disputes(merchant, in_status(), PageAnchor::Newest, 9);
        psp_cursor(merchant, account); known_psp_lines(merchant, account, vec!["txn_1".into()]);
        payout(merchant, payout); payout_by_psp(merchant, account, "po_1");
        payouts(merchant, in_status(), PageAnchor::Newest, 9);
        exception(merchant, exception); exceptions(merchant, PageAnchor::After(exception), 9);
        declines(merchant, asked); was_refused_for_good(merchant, key);
        refused_cards(merchant, DeclineKey::Order([7; 32])); visit(merchant, order);
        webhook_endpoints(merchant); webhook_endpoint(merchant, endpoint); endpoints_at_work();
        events_past(merchant, 5, 9); whole_events_past(merchant, 5, 9); events_between(merchant, None, now, now, 9); events_between(merchant, Some(event), now, now, 9);
        open_replays(merchant, endpoint); waiting_deliveries(merchant, endpoint, 9); has_deliveries_before(now); has_keys_before(now);
        has_declines_before(crate::ForgetDeclines { ordinary: now, is_final: now });
        deliveries(merchant, endpoint, DeliveryFilter::default(), PageAnchor::Newest, 9);
        deliveries(merchant, endpoint, of_event, PageAnchor::Newest, 9);
        deliveries(merchant, endpoint, dead, PageAnchor::After(delivery), 9);
        delivery(merchant, endpoint, delivery); tries_of(merchant, delivery);
    };
    // Sums of many lines are added up in parts.
    let in_parts = store.clone().with_entries_at_once(0);
    in_parts.balances_at(merchant, now).await.unwrap();
    in_parts.statement(merchant, ask(Some(now), None), 9).await.unwrap();
    // No read is left out: what the files offer is what was called.
    let files = [
        include_str!("reads/declines.rs"),
        include_str!("reads/events.rs"),
        include_str!("reads/idempotency.rs"),
        include_str!("reads/jobs.rs"),
        include_str!("reads/journal.rs"),
        include_str!("reads/merchants.rs"),
        include_str!("reads/parts.rs"),
        include_str!("reads/payments.rs"),
        include_str!("reads/settlement.rs"),
        include_str!("reads/sums.rs"),
        include_str!("reads/webhooks.rs"),
    ];
    for name in files.iter().flat_map(|file| file.split("pub async fn ").skip(1)).filter_map(|text| text.split(['(', '<']).next())
    {
        assert!(told.contains(&name), "{name} is to be called here");
    }
}
