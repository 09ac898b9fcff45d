//! Attacks on the archive, and by way of it.

use super::Scene;
use crate::builders::*;
use crate::conformance::{archive, over};
use crate::later::*;
use ducat_domain::payments::*;
use ducat_store::*;

/// A shop with an archived order that was paid, refunded in part and lost in a dispute (`{a}`, its attempt `{aa}`); among the living one that
/// is paid and over (`{p}`, `{pa}`), one that waits (`{o}`, `{oa}`) and one of which somebody asks something (`{q}`).
async fn scene(w: World) -> Scene {
    let shop = w.shop().await;
    let (a, _) = w.refunded(w.paid(shop).await, 1000).await;
    let (a, _) = w.disputed(a, &dispute_seen("dp_1", DisputeStatus::Lost, true, false)).await;
    over(&w, &[&a]).await;
    assert_eq!(archive(&w, shop).await, 1);
    let p = w.paid(shop).await;
    let o = w.see(w.order(shop).await, Observed::Open).await;
    let asks = dispute_seen("dp_2", DisputeStatus::InquiryNeedsResponse, false, false);
    let (q, _) = w.disputed(w.paid(shop).await, &asks).await;
    over(&w, &[&p, &q]).await;
    let mut scene = Scene::of(w, shop);
    for (order, attempt, payment) in [("{a}", "{aa}", a), ("{p}", "{pa}", p), ("{o}", "{oa}", o), ("{q}", "{qa}", q)] {
        scene.name(order, payment.order.id.as_bytes());
        scene.name(attempt, payment.attempt.id.as_bytes());
    }
    scene
}

super::attacks! { scene,
    only_what_is_over_goes_to_the_archive: [
        "DELETE FROM payment_orders WHERE id = {o}",
        "DELETE FROM payment_orders WHERE id = {q}",
        "DELETE FROM payment_orders",
        "INSERT INTO jobs VALUES ('attend', {p}, {m}, 1, 0); DELETE FROM payment_orders WHERE id = {p}",
        "UPDATE payment_orders SET amount_refunding = 1, version = version + 1 WHERE id = {p}; DELETE FROM payment_orders WHERE id = {p}",
        "UPDATE attempts SET open_disputes = 1 WHERE id = {pa}; DELETE FROM payment_orders WHERE id = {p}",
        "UPDATE attempts SET capturing = 1 WHERE id = {pa}; DELETE FROM payment_orders WHERE id = {p}",
    ]
    an_attempt_goes_where_its_order_goes: [
        "DELETE FROM attempts WHERE id = {pa}",
        "DELETE FROM attempts WHERE id = {oa}",
        "DELETE FROM archived_attempts WHERE id = {aa}",
        "DELETE FROM archived_attempts",
        "INSERT INTO attempts SELECT * FROM archived_attempts",
        "INSERT INTO archived_attempts SELECT * FROM attempts WHERE id = {pa}",
        "INSERT INTO archived_attempts (id, order_id, number, psp_account_id, psp, created_at, status, declines, authorized, captured, surplus,
           capturing, refunded, refunding, disputed, open_disputes, merchant_id)
         VALUES ({n}, {p}, 2, {s}, 'stripe', 1, 'failed', 0, 0, 0, 0, 0, 0, 0, 0, 0, {m})",
    ]
    what_is_archived_does_not_change_there: [
        "UPDATE archived_orders SET amount = 1",
        "UPDATE archived_orders SET amount_captured = 1, version = version + 1",
        "UPDATE OR REPLACE archived_orders SET reference = 'x'",
        "UPDATE archived_orders SET updated_at = 5",
        "UPDATE archived_attempts SET captured = 1",
        "UPDATE archived_attempts SET token = 'x'",
        "UPDATE archived_attempts SET order_id = {p}",
        "INSERT OR REPLACE INTO archived_orders SELECT * FROM archived_orders",
        "INSERT OR REPLACE INTO archived_attempts SELECT * FROM archived_attempts",
    ]
    nothing_is_in_two_places: [
        "INSERT INTO archived_orders SELECT * FROM payment_orders WHERE id = {p}",
        "INSERT INTO payment_orders SELECT * FROM archived_orders",
        "INSERT OR REPLACE INTO payment_orders SELECT * FROM archived_orders",
        "INSERT OR REPLACE INTO attempts SELECT * FROM archived_attempts",
    ]
    nothing_is_archived_that_never_lived: [
        "INSERT INTO archived_orders (merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version, updated_at,
           amount_authorized, amount_captured, amount_refunded, amount_disputed, paid_late, amount_refunding, status_version)
         SELECT merchant_id, {n}, 'other', 1, currency, details, expires_at, created_at, 'failed', 1, 1, 0, 0, 0, 0, 0, 0, 1
           FROM payment_orders WHERE id = {p}",
    ]
    what_is_taken_in_the_archive_is_taken_among_the_living: [
        "INSERT INTO payment_orders (merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version,
           updated_at, amount_authorized, amount_captured, amount_refunded, amount_disputed, paid_late)
         SELECT merchant_id, {n}, reference, 1, currency, details, expires_at, created_at, 'created', 1, 1, 0, 0, 0, 0, 0
           FROM archived_orders",
        "INSERT INTO payment_orders (merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version,
           updated_at, amount_authorized, amount_captured, amount_refunded, amount_disputed, paid_late)
         SELECT merchant_id, id, 'other', 1, currency, details, expires_at, created_at, 'created', 1, 1, 0, 0, 0, 0, 0
           FROM archived_orders",
        "INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, token, declines, authorized, captured, surplus)
         SELECT {m}, {n}, {p}, 2, psp_account_id, psp, 1, 'failed', token, 0, 0, 0, 0 FROM archived_attempts",
        "INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, declines, authorized, captured, surplus)
         VALUES ({m}, {n}, {p}, 2, {s}, 'stripe', 1, 'failed', 0, 0, 0, 0);
         UPDATE attempts SET token = (SELECT min(token) FROM archived_attempts) WHERE id = {n}",
        "INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, declines, authorized, captured, surplus)
         SELECT {m}, id, {p}, 2, psp_account_id, psp, 1, 'failed', 0, 0, 0, 0 FROM archived_attempts",
    ]
    /// Whoever has something to say of it brings it back first.
    nothing_new_is_said_of_an_order_in_the_archive: [
        "INSERT INTO refunds (id, merchant_id, order_id, attempt_id, psp_account_id, amount, currency, origin, status, check_at, created_at,
           updated_at) VALUES ({n}, {m}, {a}, {aa}, {s}, 1, 'EUR', 'api', 'pending', 1, 1, 1)",
        "INSERT INTO attempts (merchant_id, id, order_id, number, psp_account_id, psp, created_at, status, declines, authorized, captured, surplus)
         VALUES ({m}, {n}, {a}, 2, {s}, 'stripe', 1, 'failed', 0, 0, 0, 0)",
        "UPDATE disputes SET returned = 1 WHERE psp_dispute = 'dp_1'",
        "/* file */ UPDATE refunds SET status = 'failed'",
        "/* file */ INSERT INTO events SELECT NULL, {n}, {m}, {a}, 'payment_order', max(sequence) + 1, 'payment_order.failed', 1, '{}' FROM events WHERE subject_id = {a}",
    ]
}
