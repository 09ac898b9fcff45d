//! Attacks on what comes after the sale: captures, refunds, disputes with their evidence, claims.

use super::Scene;
use crate::builders::*;
use crate::later::*;
use ducat_domain::payments::*;
use ducat_store::*;

/// Holds: `{h}` (attempt `{ha}`) with an open capture `{co}`; `{k}` (`{ka}`) with one that succeeded in part `{cs}` and one that failed `{cf}`.
/// Payments: `{p}` (`{pa}`) with refunds that succeeded `{rs}`, failed `{rf}` and is on its way `{ro}`, claimed; `{d}` (`{da}`) with an open
/// dispute `{do}` and a lost one `{dl}`, each with a file; `{q}` (`{qa}`) untouched. Another merchant `{om}` with an account `{os}` and a
/// payment `{op}` (`{opa}`).
async fn scene(w: World) -> Scene {
    let (shop, other) = (w.shop().await, w.shop().await);
    let (h, open) = w.capturing(w.held(shop).await, 1000, false).await;
    let (k, capture) = w.capturing(w.held(shop).await, 1000, false).await;
    let (k, taken) = w.see_capture(k, capture, Observed::Held { authorized: eur(4999), captured: eur(1000) }).await;
    let (k, capture) = w.capturing(k, 500, false).await;
    let Some(Part::Capture(failed)) = refuse_capture(&w, k.clone(), capture).await else { panic!() };
    let (p, succeeded) = w.refunded(w.claimed(w.paid(shop).await).await, 1000).await;
    let (p, refund) = w.refunding(p, 500).await;
    let (p, gone) = w.see_refund(p, refund, RefundState::Failed).await;
    let (p, pending) = w.refunding(p, 700).await;
    let d = w.paid(shop).await;
    let (d, lost) = w.disputed(d, &dispute_seen("dp_1", DisputeStatus::NeedsResponse, true, false)).await;
    let (lost_file, open_file) = (w.evidence(&lost, "receipt", b"%PDF"), w.evidence(&lost, "customer_signature", b"%PDF"));
    w.commit(Change { dispute_files: vec![(shop.merchant, lost_file.clone())], ..Change::default() }).await;
    let fees = vec![Fee { psp_line: "txn_d".into(), amount: eur(1500) }];
    let word = DisputeSeen { fees, ..dispute_seen("dp_1", DisputeStatus::Lost, true, false) };
    let (d, lost) = w.see_dispute(d, lost, &word).await;
    let (d, disputed) = w.disputed(d, &dispute_seen("dp_2", DisputeStatus::NeedsResponse, true, false)).await;
    let open_file = DisputeFile { dispute: disputed.id, ..open_file };
    w.commit(Change { dispute_files: vec![(shop.merchant, open_file.clone())], ..Change::default() }).await;
    let (q, theirs) = (w.paid(shop).await, w.paid(other).await);
    let fee = Fee { psp_line: "txn_q".into(), amount: eur(30) };
    let q = w.settle(q.fees_told(&[fee], w.now()).unwrap()).await;

    let mut scene = Scene::of(w, shop);
    scene.name("{om}", other.merchant.as_bytes());
    scene.name("{os}", other.account.as_bytes());
    let payments = [
        ("{h}", "{ha}", h),
        ("{k}", "{ka}", k),
        ("{p}", "{pa}", p),
        ("{d}", "{da}", d),
        ("{q}", "{qa}", q),
        ("{op}", "{opa}", theirs),
    ];
    for (order, attempt, payment) in payments {
        scene.name(order, payment.order.id.as_bytes());
        scene.name(attempt, payment.attempt.id.as_bytes());
    }
    let captures = [("{co}", open.id), ("{cs}", taken.id), ("{cf}", failed.id)];
    let refunds = [("{rs}", succeeded.id), ("{rf}", gone.id), ("{ro}", pending.id)];
    captures.iter().for_each(|(name, id)| scene.name(name, id.as_bytes()));
    refunds.iter().for_each(|(name, id)| scene.name(name, id.as_bytes()));
    [("{do}", disputed.id), ("{dl}", lost.id)].iter().for_each(|(name, id)| scene.name(name, id.as_bytes()));
    [("{fo}", open_file.id), ("{fl}", lost_file.id)].iter().for_each(|(name, id)| scene.name(name, id.as_bytes()));
    scene
}

async fn refuse_capture(w: &World, payment: Payment, capture: Capture) -> Option<Part> {
    let decline = Decline::of(DeclineCode::GenericDecline);
    let moved = payment.capture_failed(capture, decline, w.now()).unwrap();
    let part = moved.part.clone();
    w.settle(moved).await;
    part
}

super::attacks! { scene,
    a_capture_stays_what_it_is: [
        "UPDATE captures SET amount = 1 WHERE id = {co}",
        "UPDATE captures SET total = 4999 WHERE id = {co}",
        "UPDATE captures SET currency = 'USD' WHERE id = {co}",
        "UPDATE captures SET is_final = 1 WHERE id = {co}",
        "UPDATE captures SET order_id = {q} WHERE id = {co}",
        "UPDATE captures SET attempt_id = {qa} WHERE id = {co}",
        "UPDATE captures SET merchant_id = {om} WHERE id = {co}",
        "UPDATE captures SET psp_account_id = {os} WHERE id = {co}",
        "UPDATE captures SET created_at = 0 WHERE id = {co}",
        "UPDATE OR REPLACE captures SET id = {cs} WHERE id = {co}",
        "DELETE FROM captures WHERE id = {co}",
        "DELETE FROM captures",
        "INSERT OR REPLACE INTO captures SELECT * FROM captures WHERE id = {cs}",
        "INSERT INTO captures SELECT * FROM captures WHERE id = {cs} ON CONFLICT DO UPDATE SET status = 'failed'",
    ]
    a_capture_ends_once: [
        "UPDATE captures SET status = 'failed' WHERE id = {cs}",
        "UPDATE captures SET status = 'pending', check_at = 1 WHERE id = {cf}",
        "UPDATE captures SET status = 'succeeded' WHERE id = {cf}",
        "UPDATE captures SET failure = NULL WHERE id = {cf}",
        "UPDATE captures SET updated_at = 0 WHERE id = {cs}",
        "UPDATE OR REPLACE captures SET status = 'unknown', check_at = 1 WHERE id = {cs}",
        "UPDATE captures SET status = 'nonsense' WHERE id = {co}",
    ]
    a_capture_succeeds_only_with_its_money: [
        "UPDATE captures SET status = 'succeeded', check_at = NULL WHERE id = {co}",
        "UPDATE captures SET check_at = NULL WHERE id = {co}",
    ]
    a_second_capture_under_way_is_refused: [
        "INSERT INTO captures SELECT {n}, merchant_id, order_id, attempt_id, psp_account_id, amount, currency, total, is_final, status,
           failure, check_at, created_at, updated_at FROM captures WHERE id = {co}",
        "INSERT OR REPLACE INTO captures SELECT {n}, merchant_id, order_id, attempt_id, psp_account_id, amount, currency, total, is_final,
           'unknown', failure, check_at, created_at, updated_at FROM captures WHERE id = {co}",
    ]
    a_capture_that_its_attempt_does_not_know_is_refused: [
        "INSERT INTO captures VALUES ({n}, {m}, {k}, {ka}, {s}, 100, 'EUR', 1100, 0, 'pending', NULL, 1, 1, 1)",
        "INSERT INTO captures VALUES ({n}, {m}, {k}, {ka}, {s}, 100, 'EUR', 1000, 0, 'succeeded', NULL, NULL, 1, 1)",
        "UPDATE attempts SET capturing = 1100 WHERE id = {ka};
         INSERT INTO captures VALUES ({n}, {m}, {k}, {ka}, {s}, 1100, 'EUR', 1000, 0, 'pending', NULL, 1, 1, 1)",
        "UPDATE attempts SET capturing = 1100 WHERE id = {ka};
         INSERT INTO captures VALUES ({n}, {m}, {k}, {ka}, {s}, 0, 'EUR', 1100, 0, 'pending', NULL, 1, 1, 1)",
        "UPDATE attempts SET capturing = 1100 WHERE id = {ka};
         INSERT INTO captures VALUES ({n}, {m}, {k}, {ka}, {s}, 100, 'EUR', 1100, 0, 'pending', NULL, NULL, 1, 1)",
    ]
    a_capture_stays_within_its_merchant_order_and_currency: [
        "UPDATE attempts SET capturing = 100; INSERT INTO captures VALUES ({n}, {om}, {k}, {ka}, {s}, 100, 'EUR', 100, 0, 'pending', NULL, 1, 1, 1)",
        "UPDATE attempts SET capturing = 100; INSERT INTO captures VALUES ({n}, {m}, {op}, {opa}, {os}, 100, 'EUR', 100, 0, 'pending', NULL, 1, 1, 1)",
        "UPDATE attempts SET capturing = 100; INSERT INTO captures VALUES ({n}, {m}, {q}, {ka}, {s}, 100, 'EUR', 100, 0, 'pending', NULL, 1, 1, 1)",
        "UPDATE attempts SET capturing = 100; INSERT INTO captures VALUES ({n}, {m}, {k}, {ka}, {os}, 100, 'EUR', 100, 0, 'pending', NULL, 1, 1, 1)",
        "UPDATE attempts SET capturing = 100; INSERT INTO captures VALUES ({n}, {m}, {k}, {ka}, {s}, 100, 'USD', 100, 0, 'pending', NULL, 1, 1, 1)",
        "UPDATE attempts SET capturing = 100; INSERT INTO captures VALUES ({n}, {m}, {k}, {n}, {s}, 100, 'EUR', 100, 0, 'pending', NULL, 1, 1, 1)",
    ]
    a_refund_stays_what_it_is: [
        "UPDATE refunds SET amount = 1 WHERE id = {ro}",
        "UPDATE refunds SET currency = 'USD' WHERE id = {ro}",
        "UPDATE refunds SET reason = NULL WHERE id = {ro}",
        "UPDATE refunds SET origin = 'psp' WHERE id = {ro}",
        "UPDATE refunds SET order_id = {q} WHERE id = {ro}",
        "UPDATE refunds SET attempt_id = {qa} WHERE id = {ro}",
        "UPDATE refunds SET merchant_id = {om} WHERE id = {ro}",
        "UPDATE refunds SET psp_account_id = {os} WHERE id = {ro}",
        "UPDATE refunds SET created_at = 0 WHERE id = {ro}",
        "UPDATE OR REPLACE refunds SET id = {rs} WHERE id = {ro}",
        "DELETE FROM refunds WHERE id = {ro}",
        "DELETE FROM refunds",
        "INSERT OR REPLACE INTO refunds SELECT * FROM refunds WHERE id = {rs}",
        "/* file */ INSERT INTO refunds SELECT * FROM refunds WHERE id = {rs} ON CONFLICT DO UPDATE SET status = 'failed'",
    ]
    a_refund_that_ended_moves_only_as_its_psp_says: [
        "UPDATE refunds SET status = 'pending', check_at = 1 WHERE id = {rs}",
        "UPDATE refunds SET status = 'unknown', check_at = 1 WHERE id = {rf}",
        "UPDATE refunds SET status = 'succeeded' WHERE id = {rf}",
        "UPDATE refunds SET failure = '{}' WHERE id = {rf}",
        "UPDATE refunds SET updated_at = 0 WHERE id = {rs}",
        "UPDATE refunds SET status = 'nonsense' WHERE id = {ro}",
        "UPDATE refunds SET status = 'succeeded', psp_refund = NULL WHERE id = {ro}",
        "UPDATE refunds SET check_at = NULL WHERE id = {ro}",
    ]
    no_more_is_given_back_than_the_attempt_says: [
        "INSERT INTO refunds VALUES ({n}, {m}, {p}, {pa}, {s}, 1, 'EUR', NULL, 'api', 'pending', NULL, NULL, 1, 1, 1)",
        "INSERT INTO refunds VALUES ({n}, {m}, {q}, {qa}, {s}, 1, 'EUR', NULL, 'psp', 'succeeded', 're_1', NULL, NULL, 1, 1)",
        "UPDATE attempts SET refunding = captured - refunded WHERE id = {pa};
         INSERT INTO refunds VALUES ({n}, {m}, {p}, {pa}, {s}, 4000, 'EUR', NULL, 'api', 'pending', NULL, NULL, 1, 1, 1)",
        "UPDATE attempts SET refunding = captured + 1 WHERE id = {qa}",
        "UPDATE attempts SET refunded = captured, refunding = 1 WHERE id = {qa}",
        "UPDATE attempts SET refunded = -1 WHERE id = {qa}",
        "UPDATE attempts SET refunding = -1 WHERE id = {qa}",
        "UPDATE attempts SET disputed = -1 WHERE id = {qa}",
        "UPDATE attempts SET capturing = -1 WHERE id = {qa}",
        "UPDATE attempts SET open_disputes = -1 WHERE id = {qa}",
        "UPDATE payment_orders SET amount_refunding = amount_captured + 1, version = version + 1 WHERE id = {q}",
        "UPDATE payment_orders SET amount_refunding = amount_captured, version = version + 1 WHERE id = {p}",
        "UPDATE payment_orders SET amount_refunding = -1, version = version + 1 WHERE id = {q}",
        "UPDATE payment_orders SET amount_disputed = -1, version = version + 1 WHERE id = {q}",
    ]
    a_refund_is_known_once_at_its_psp: [
        "UPDATE refunds SET psp_refund = 'other' WHERE id = {rs}",
        "UPDATE refunds SET psp_refund = 're_1' WHERE id = {ro}; UPDATE refunds SET psp_refund = NULL WHERE id = {ro}",
        "UPDATE refunds SET psp_refund = (SELECT psp_refund FROM refunds WHERE id = {rs}) WHERE id = {ro}",
        "UPDATE OR REPLACE refunds SET psp_refund = (SELECT psp_refund FROM refunds WHERE id = {rs}) WHERE id = {ro}",
        "INSERT INTO refunds SELECT {n}, merchant_id, order_id, attempt_id, psp_account_id, 1, currency, reason, origin, 'failed', psp_refund,
           failure, check_at, created_at, updated_at FROM refunds WHERE id = {rs}",
        "INSERT OR REPLACE INTO refunds SELECT {n}, merchant_id, order_id, attempt_id, psp_account_id, 1, currency, reason, origin, 'failed',
           psp_refund, failure, check_at, created_at, updated_at FROM refunds WHERE id = {rs}",
    ]
    a_refund_stays_within_its_merchant_order_and_currency: [
        "INSERT INTO refunds VALUES ({n}, {om}, {q}, {qa}, {s}, 1, 'EUR', NULL, 'api', 'failed', NULL, NULL, NULL, 1, 1)",
        "INSERT INTO refunds VALUES ({n}, {m}, {op}, {opa}, {os}, 1, 'EUR', NULL, 'api', 'failed', NULL, NULL, NULL, 1, 1)",
        "INSERT INTO refunds VALUES ({n}, {m}, {q}, {pa}, {s}, 1, 'EUR', NULL, 'api', 'failed', NULL, NULL, NULL, 1, 1)",
        "INSERT INTO refunds VALUES ({n}, {m}, {q}, {qa}, {os}, 1, 'EUR', NULL, 'api', 'failed', NULL, NULL, NULL, 1, 1)",
        "INSERT INTO refunds VALUES ({n}, {m}, {q}, {qa}, {s}, 1, 'USD', NULL, 'api', 'failed', NULL, NULL, NULL, 1, 1)",
        "INSERT INTO refunds VALUES ({n}, {m}, {q}, {qa}, {s}, 0, 'EUR', NULL, 'api', 'failed', NULL, NULL, NULL, 1, 1)",
        "INSERT INTO refunds VALUES ({n}, {m}, {q}, {qa}, {s}, 1, 'EUR', NULL, 'mine', 'failed', NULL, NULL, NULL, 1, 1)",
    ]
    a_dispute_stays_what_it_is: [
        "UPDATE disputes SET amount = 1 WHERE id = {do}",
        "UPDATE disputes SET currency = 'USD' WHERE id = {do}",
        "UPDATE disputes SET reason = 'other' WHERE id = {do}",
        "UPDATE disputes SET psp_dispute = 'other' WHERE id = {do}",
        "UPDATE disputes SET order_id = {q} WHERE id = {do}",
        "UPDATE disputes SET attempt_id = {qa} WHERE id = {do}",
        "UPDATE disputes SET merchant_id = {om} WHERE id = {do}",
        "UPDATE disputes SET psp_account_id = {os} WHERE id = {do}",
        "UPDATE disputes SET opened_at = 0 WHERE id = {do}",
        "UPDATE disputes SET created_at = 0 WHERE id = {do}",
        "UPDATE OR REPLACE disputes SET id = {dl} WHERE id = {do}",
        "UPDATE OR REPLACE disputes SET psp_dispute = 'dp_1' WHERE id = {do}",
        "DELETE FROM disputes WHERE id = {do}",
        "DELETE FROM disputes",
        "INSERT OR REPLACE INTO disputes SELECT * FROM disputes WHERE id = {dl}",
        "INSERT INTO disputes SELECT * FROM disputes WHERE id = {dl} ON CONFLICT DO UPDATE SET status = 'won'",
    ]
    a_dispute_is_decided_once: [
        "UPDATE disputes SET status = 'won' WHERE id = {dl}",
        "UPDATE disputes SET status = 'needs_response' WHERE id = {dl}",
        "UPDATE disputes SET withdrawn = 0 WHERE id = {do}",
        "UPDATE disputes SET returned = 1 WHERE id = {dl}; UPDATE disputes SET returned = 0 WHERE id = {dl}",
        "UPDATE disputes SET status = 'nonsense' WHERE id = {do}",
        "UPDATE disputes SET answer = 'maybe' WHERE id = {do}",
        "/* file */ UPDATE disputes SET withdrawn = 2 WHERE id = {do}",
    ]
    what_a_psp_charged_is_only_added_to: [
        "UPDATE disputes SET fees = NULL WHERE id = {dl}",
        "UPDATE disputes SET fees = '[]' WHERE id = {dl}",
        "UPDATE disputes SET fees = json_replace(fees, '$[0].amount.minor', 1) WHERE id = {dl}",
        "UPDATE attempts SET fees = NULL WHERE id = {qa}",
        "UPDATE attempts SET fees = json_replace(fees, '$[0].amount.minor', 1) WHERE id = {qa}",
        "UPDATE attempts SET psp_payment = 'pi_other' WHERE id = {qa}",
        "UPDATE attempts SET psp_payment = NULL WHERE id = {qa}",
    ]
    a_dispute_is_known_once_at_its_psp_and_takes_what_its_attempt_says: [
        "INSERT INTO disputes (id, merchant_id, order_id, attempt_id, psp_account_id, psp_dispute, amount, currency, reason, status, withdrawn,
           returned, answers, opened_at, created_at, updated_at) VALUES ({n}, {m}, {q}, {qa}, {s}, 'dp_1', 1, 'EUR', 'other', 'won', 0, 0, 0, 1, 1, 1)",
        "INSERT OR REPLACE INTO disputes (id, merchant_id, order_id, attempt_id, psp_account_id, psp_dispute, amount, currency, reason, status,
           withdrawn, returned, answers, opened_at, created_at, updated_at)
         VALUES ({n}, {m}, {q}, {qa}, {s}, 'dp_1', 1, 'EUR', 'other', 'won', 0, 0, 0, 1, 1, 1)",
        "INSERT INTO disputes (id, merchant_id, order_id, attempt_id, psp_account_id, psp_dispute, amount, currency, reason, status, withdrawn,
           returned, answers, opened_at, created_at, updated_at) VALUES ({n}, {m}, {q}, {qa}, {s}, 'dp_9', 1, 'EUR', 'other', 'lost', 1, 0, 0, 1, 1, 1)",
        "INSERT INTO disputes (id, merchant_id, order_id, attempt_id, psp_account_id, psp_dispute, amount, currency, reason, status, withdrawn,
           returned, answers, opened_at, created_at, updated_at) VALUES ({n}, {m}, {q}, {qa}, {s}, 'dp_9', 1, 'EUR', 'other', 'needs_response', 0,
           0, 0, 1, 1, 1); UPDATE disputes SET withdrawn = 1 WHERE id = {n}",
    ]
    a_dispute_stays_within_its_merchant_order_and_currency: [
        "INSERT INTO disputes (id, merchant_id, order_id, attempt_id, psp_account_id, psp_dispute, amount, currency, reason, status, withdrawn,
           returned, answers, opened_at, created_at, updated_at) VALUES ({n}, {om}, {q}, {qa}, {s}, 'dp_9', 1, 'EUR', 'other', 'won', 0, 0, 0, 1, 1, 1)",
        "INSERT INTO disputes (id, merchant_id, order_id, attempt_id, psp_account_id, psp_dispute, amount, currency, reason, status, withdrawn,
           returned, answers, opened_at, created_at, updated_at) VALUES ({n}, {m}, {op}, {opa}, {os}, 'dp_9', 1, 'EUR', 'other', 'won', 0, 0, 0, 1, 1, 1)",
        "INSERT INTO disputes (id, merchant_id, order_id, attempt_id, psp_account_id, psp_dispute, amount, currency, reason, status, withdrawn,
           returned, answers, opened_at, created_at, updated_at) VALUES ({n}, {m}, {q}, {pa}, {s}, 'dp_9', 1, 'EUR', 'other', 'won', 0, 0, 0, 1, 1, 1)",
        "INSERT INTO disputes (id, merchant_id, order_id, attempt_id, psp_account_id, psp_dispute, amount, currency, reason, status, withdrawn,
           returned, answers, opened_at, created_at, updated_at) VALUES ({n}, {m}, {q}, {qa}, {os}, 'dp_9', 1, 'EUR', 'other', 'won', 0, 0, 0, 1, 1, 1)",
        "INSERT INTO disputes (id, merchant_id, order_id, attempt_id, psp_account_id, psp_dispute, amount, currency, reason, status, withdrawn,
           returned, answers, opened_at, created_at, updated_at) VALUES ({n}, {m}, {q}, {qa}, {s}, 'dp_9', 1, 'USD', 'other', 'won', 0, 0, 0, 1, 1, 1)",
    ]
    evidence_is_forgotten_and_not_forged: [
        "UPDATE dispute_files SET bytes = x'25504446' WHERE id = {fo}",
        "UPDATE dispute_files SET bytes = x'00000000' WHERE id = {fl}",
        "UPDATE dispute_files SET name = 'other.pdf', bytes = NULL WHERE id = {fo}",
        "UPDATE dispute_files SET field = 'receipt', bytes = NULL WHERE id = {fo}",
        "UPDATE dispute_files SET dispute_id = {dl}, bytes = NULL WHERE id = {fo}",
        "UPDATE dispute_files SET size = 9, bytes = NULL WHERE id = {fo}",
        "UPDATE OR REPLACE dispute_files SET id = {fl} WHERE id = {fo}",
        "UPDATE dispute_files SET bytes = NULL WHERE id = {fo}; UPDATE dispute_files SET bytes = x'25504446' WHERE id = {fo}",
        "DELETE FROM dispute_files WHERE id = {fl}",
        "INSERT INTO dispute_files VALUES ({n}, {dl}, 'other', 'x', 'application/pdf', 1, x'00', 1)",
        "INSERT INTO dispute_files VALUES ({n}, {do}, 'other', 'x', 'application/pdf', 2, x'00', 1)",
        "INSERT INTO dispute_files VALUES ({n}, {do}, 'other', 'x', 'application/pdf', 0, x'', 1)",
        "INSERT INTO dispute_files VALUES ({n}, {n}, 'other', 'x', 'application/pdf', 1, x'00', 1)",
        "INSERT INTO dispute_files VALUES ({n}, {do}, 'customer_signature', 'x', 'application/pdf', 1, x'00', 1)",
        "INSERT OR REPLACE INTO dispute_files VALUES ({n}, {do}, 'customer_signature', 'x', 'application/pdf', 1, x'00', 1)",
        "INSERT OR REPLACE INTO dispute_files VALUES ({fl}, {do}, 'other', 'x', 'application/pdf', 1, x'00', 1)",
    ]
    an_order_with_money_is_claimed_once: [
        "UPDATE payment_orders SET claim = NULL, version = version + 1 WHERE id = {p}",
        "UPDATE payment_orders SET claim = json_replace(claim, '$.by', 'me'), version = version + 1 WHERE id = {p}",
        "UPDATE payment_orders SET claim = 'me', version = version + 1 WHERE id = {q}",
        "INSERT INTO payment_orders (merchant_id, id, reference, amount, currency, details, expires_at, created_at, status, version, updated_at,
           amount_authorized, amount_captured, amount_refunded, amount_disputed, paid_late)
           VALUES ({m}, {n}, 'x', 1, 'EUR', '{}', 1, 1, 'pending', 1, 1, 0, 0, 0, 0, 0);
         UPDATE payment_orders SET claim = '{}', version = version + 1 WHERE id = {n}",
    ]
}
