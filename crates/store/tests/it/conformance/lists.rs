//! Lists by pages, held against a model that filters and slices a vector.

use super::{archive, over};
use crate::builders::*;
use ducat_domain::payments::*;
use ducat_domain::*;
use ducat_store::*;
use proptest::prelude::*;
use std::collections::HashSet;
use std::time::Duration;

/// Orders in every status that a few moves lead to, created a second apart, shared out between two shops. Newest first.
async fn stock(w: &World, shops: [Shop; 2]) -> Vec<Payment> {
    let mut all = Vec::new();
    for number in 0..60_i64 {
        let shop = shops[usize::from(w.dice.below(3) == 0)];
        let moved = w.opened(shop, w.terms());
        let mut payment = moved.payment;
        // Three in each second, a millisecond apart. An order's id begins with the moment of its creation.
        let created = at(number / 3).plus(Duration::from_millis(number.unsigned_abs() % 3));
        (payment.order.id, payment.order.created_at) = (PaymentOrderId::new(created, &w.dice), created);
        let moved = Moved { payment: payment.clone(), ..moved };
        w.commit(w.change(moved, PaymentWrite::Insert)).await;
        payment = match w.dice.below(9) {
            0 => payment,
            1 => w.see(payment, Observed::Open).await,
            2 => w.see(payment, Observed::Captured(eur(1))).await,
            3 => w.see(payment, Observed::Processing).await,
            4 => {
                let failed = w.see(payment, Observed::Failed).await;
                w.try_again(failed).await
            }
            5 => w.see(w.see(payment, held(100)).await, Observed::Canceled).await,
            6 => w.see(w.see(payment, Observed::Open).await, Observed::Expired).await,
            7 => refused(w, payment).await,
            // The money came after all: it is no failed order any more.
            _ => w.see(refused(w, payment).await, Observed::Captured(eur(4999))).await,
        };
        all.push(payment);
    }
    // Half of those that are over lie in the archive: a list shows no difference.
    let is_over = |p: &&Payment| p.order.status.is_terminal() && p.attempt.number == 1 && p.order.id.as_bytes()[15].is_multiple_of(2);
    over(w, &all.iter().filter(is_over).collect::<Vec<_>>()).await;
    for shop in shops {
        archive(w, shop).await;
    }
    all.reverse();
    all
}

async fn refused(w: &World, payment: Payment) -> Payment {
    w.settle(payment.registration_refused(Decline::of(DeclineCode::GenericDecline), w.now()).unwrap()).await
}

#[derive(Clone, Debug)]
struct Query {
    shop: usize,
    reference: Option<usize>,
    status: Option<OrderStatus>,
    from: Option<i64>,
    before: Option<i64>,
    /// Which order the page is anchored at, and whether it goes to the newer ones.
    anchor: Option<(usize, bool)>,
    limit: u32,
}

fn query() -> impl Strategy<Value = Query> {
    let filter = (
        proptest::option::weighted(0.1, 0usize..60),
        proptest::option::weighted(0.4, proptest::sample::select(OrderStatus::ALL)),
        proptest::option::weighted(0.3, 0i64..22),
        proptest::option::weighted(0.3, 0i64..22),
    );
    (0usize..2, filter, proptest::option::of((0usize..60, any::<bool>())), 0u32..12).prop_map(
        |(shop, (reference, status, from, before), anchor, limit)| Query { shop, reference, status, from, before, anchor, limit },
    )
}

fn expected(all: &[Payment], shop: Shop, q: &Query) -> Page<Payment> {
    let fits = |p: &&Payment| {
        let o = &p.order;
        o.merchant == shop.merchant
            && q.reference.is_none_or(|r| all[r].order.terms.reference == o.terms.reference)
            && q.status.is_none_or(|s| s == o.status)
            && q.from.is_none_or(|s| o.created_at >= at(s))
            && q.before.is_none_or(|s| o.created_at < at(s))
    };
    let limit = q.limit as usize;
    let newest_first = || all.iter().filter(fits).cloned();
    let (mut data, backwards): (Vec<Payment>, bool) = match q.anchor {
        None => (newest_first().collect(), false),
        Some((i, false)) => (newest_first().filter(|p| p.order.id < all[i].order.id).collect(), false),
        Some((i, true)) => (newest_first().filter(|p| p.order.id > all[i].order.id).collect(), true),
    };
    let has_more = data.len() > limit;
    if backwards && has_more {
        data.drain(..data.len() - limit);
    }
    data.truncate(limit);
    Page { data, has_more }
}

pub async fn pages_of_orders_agree_with_a_model_in_both_directions(w: World) {
    let shops = [w.shop().await, w.shop().await];
    let all = stock(&w, shops).await;
    let met: HashSet<OrderStatus> = all.iter().map(|p| p.order.status).collect();
    assert!([OrderStatus::Failed, OrderStatus::Canceled, OrderStatus::Succeeded].iter().all(|status| met.contains(status)), "{met:?}");
    let check = |q: Query| {
        let anchor = match q.anchor {
            None => PageAnchor::Newest,
            Some((i, false)) => PageAnchor::After(all[i].order.id),
            Some((i, true)) => PageAnchor::Before(all[i].order.id),
        };
        let filter = OrderFilter {
            reference: q.reference.map(|i| all[i].order.terms.reference.clone()),
            status: q.status,
            created_gte: q.from.map(at),
            created_lt: q.before.map(at),
        };
        let shop = shops[q.shop];
        let page = wait(w.store.payments(shop.merchant, filter, anchor, q.limit)).unwrap();
        prop_assert_eq!(page, expected(&all, shop, &q));
        Ok(())
    };
    for_all(400, &query(), check);
}

pub async fn a_walk_over_all_pages_sees_each_order_once(w: World) {
    let shops = [w.shop().await, w.shop().await];
    let all: Vec<Payment> = stock(&w, shops).await.into_iter().filter(|p| p.order.merchant == shops[0].merchant).collect();
    let (mut down, mut anchor) = (Vec::new(), PageAnchor::Newest);
    loop {
        let page = w.store.payments(shops[0].merchant, OrderFilter::default(), anchor, 7).await.unwrap();
        down.extend(page.data);
        if !page.has_more {
            break;
        }
        anchor = PageAnchor::After(down.last().unwrap().order.id);
    }
    assert_eq!(down, all);
    let mut up: Vec<Payment> = vec![all.last().unwrap().clone()];
    loop {
        let anchor = PageAnchor::Before(up[0].order.id);
        let page = w.store.payments(shops[0].merchant, OrderFilter::default(), anchor, 7).await.unwrap();
        up.splice(0..0, page.data);
        if !page.has_more {
            break;
        }
    }
    assert_eq!(up, all);
}

pub async fn orders_by_id_are_found_with_each_attempt_and_unknown_ids_left_out(w: World) {
    let shop = w.shop().await;
    let (one, other) = (w.order(shop).await, w.order(shop).await);
    let failed = w.see(w.see(other.clone(), Observed::Open).await, Observed::Failed).await;
    let again = w.try_again(failed.clone()).await;
    let unknown = PaymentOrderId::new(w.now(), &w.dice);
    let ids = vec![other.order.id, unknown, one.order.id];
    let mut found = w.store.attempted(shop.merchant, ids.clone()).await.unwrap();
    found.sort_by_key(|p| p.attempt.id);
    // Each attempt stands beside its order as that is now.
    let first = Payment { order: again.order.clone(), ..failed };
    let mut wanted = vec![one, first, again];
    wanted.sort_by_key(|p| p.attempt.id);
    assert_eq!(found, wanted);
    assert_eq!(w.store.attempted(shop.merchant, Vec::new()).await.unwrap(), Vec::new());
    let stranger = w.shop().await;
    assert_eq!(w.store.attempted(stranger.merchant, ids).await.unwrap(), Vec::new());
}

pub async fn keys_accounts_and_merchants_are_listed(w: World) {
    let (shop, other) = (w.shop().await, w.shop().await);
    let keys = [w.api_key(shop), w.api_key(other), w.api_key(shop)];
    w.commit(Change { api_keys: keys.to_vec(), ..Change::default() }).await;
    assert_eq!(w.store.api_keys(shop.merchant).await.unwrap(), vec![keys[2].clone(), keys[0].clone()]);
    let second = w.psp_account(Shop { account: PspAccountId::new(w.now(), &w.dice), ..shop }, at(3));
    w.commit(Change { psp_accounts: vec![second.clone()], ..Change::default() }).await;
    let accounts = w.store.psp_accounts(shop.merchant).await.unwrap();
    assert_eq!(accounts.iter().map(|a| a.id).collect::<Vec<_>>(), vec![shop.account, second.id]);
    let merchants = w.store.merchants().await.unwrap();
    assert_eq!(merchants.iter().map(|m| m.id).collect::<Vec<_>>(), vec![shop.merchant, other.merchant]);
}
