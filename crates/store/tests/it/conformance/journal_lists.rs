//! Lists of entries and statements of accounts, held against a model that filters and adds up a vector.

use crate::builders::*;
use ducat_domain::journal::{Account, Entry, EventRef, FiledEntry, Layer, Note, Transfer};
use ducat_domain::*;
use ducat_store::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const ENTRIES: usize = 60;
/// Three are booked in each second.
const SECONDS: i64 = 22;

/// The same store, which adds up so few lines at once that most sums are made of parts; of two, one keeps no balances.
fn adding_up(w: &World, at_once: u32) -> Store {
    let balances = if at_once.is_multiple_of(2) { Balances::Kept } else { Balances::Summed };
    w.store.clone().with_balances(balances).with_entries_at_once(at_once)
}

/// Entries of a shop, a millisecond apart, on a few accounts, one in two currencies; some of what they move is only held. Oldest first.
async fn booked(w: &World, shop: Shop) -> Vec<FiledEntry> {
    let mut all = Vec::new();
    for number in 0..ENTRIES {
        let moment = at(number as i64 / 3).plus(Duration::from_millis(number as u64 % 3));
        let currency: Currency = if w.dice.below(3) == 0 { "USD" } else { "EUR" }.parse().unwrap();
        let credit = match w.dice.below(6) {
            0 => Account::FxClearing,
            1 => Account::IncomeGatewayFee,
            _ => Account::MerchantPayable(shop.merchant),
        };
        let transfer = |layer, minor| Transfer {
            debit: Account::PspReceivable(shop.account),
            credit: credit.clone(),
            amount: Money::new(minor, currency),
            layer,
        };
        let mut transfers = vec![transfer(Layer::Posted, number as i64 + 1)];
        match w.dice.below(4) {
            0 => transfers.push(transfer(Layer::Pending, 7)),
            1 => transfers = vec![transfer(Layer::Pending, 9)],
            _ => {}
        }
        let id = EntryId::new(moment, &w.dice);
        let entry = Entry::transfer(EventRef::Correction(id), None, moment, &transfers).unwrap();
        let note = Some(Note { by: "till".into(), why: "left out".into() });
        let filed = FiledEntry { id, merchant: shop.merchant, entry, note };
        w.commit(Change { entries: vec![filed.clone()], ..Change::default() }).await;
        all.push(filed);
    }
    all
}

fn names(shop: Shop) -> Vec<String> {
    let accounts =
        [Account::PspReceivable(shop.account), Account::FxClearing, Account::IncomeGatewayFee, Account::MerchantPayable(shop.merchant)];
    accounts.iter().map(ToString::to_string).chain(["bank:none".to_owned()]).collect()
}

fn has_line_on(filed: &FiledEntry, account: &str) -> bool {
    filed.entry.postings().iter().any(|p| p.account.to_string() == account)
}

type Asked = ((usize, Option<i64>, Option<i64>), Option<(usize, bool)>, u32);

fn asked() -> impl Strategy<Value = Asked> {
    let moment = || proptest::option::weighted(0.4, 0..SECONDS);
    ((0usize..6, moment(), moment()), proptest::option::of((0..ENTRIES, any::<bool>())), 1u32..12)
}

pub async fn pages_of_entries_agree_with_a_model_in_both_directions(w: World) {
    let shop = w.shop().await;
    let all = booked(&w, shop).await;
    booked(&w, w.shop().await).await;
    for_all(300, &asked(), |((account, from, before), anchor, limit)| {
        let account = names(shop).get(account).cloned();
        let fits = |filed: &&FiledEntry| {
            account.as_ref().is_none_or(|account| has_line_on(filed, account))
                && from.is_none_or(|s| filed.entry.at() >= at(s))
                && before.is_none_or(|s| filed.entry.at() < at(s))
        };
        let mut wanted: Vec<EntryId> = all.iter().rev().filter(fits).map(|filed| filed.id).collect();
        let (page, goes_up) = match anchor {
            None => (PageAnchor::Newest, false),
            Some((i, false)) => (PageAnchor::After(all[i].id), false),
            Some((i, true)) => (PageAnchor::Before(all[i].id), true),
        };
        match page {
            PageAnchor::Newest => {}
            PageAnchor::After(id) => wanted.retain(|other| *other < id),
            PageAnchor::Before(id) => wanted.retain(|other| *other > id),
        }
        let has_more = wanted.len() > limit as usize;
        if goes_up && has_more {
            wanted.drain(..wanted.len() - limit as usize);
        }
        wanted.truncate(limit as usize);
        let filter = EntryFilter { order: None, account, created_gte: from.map(at), created_lt: before.map(at) };
        let found = wait(w.store.entries(shop.merchant, filter, page, limit)).unwrap();
        prop_assert_eq!((found.data.iter().map(|entry| entry.id).collect::<Vec<_>>(), found.has_more), (wanted, has_more));
        Ok(())
    });
}

pub async fn statements_agree_with_a_model_page_after_page(w: World) {
    let shop = w.shop().await;
    let all = booked(&w, shop).await;
    booked(&w, w.shop().await).await;
    let euro: Currency = "EUR".parse().unwrap();
    for_all(150, &asked(), |((account, from, to), in_parts, limit)| {
        let store = in_parts.map_or_else(|| w.store.clone(), |(at_once, _)| adding_up(&w, at_once as u32));
        let Some(account) = names(shop).get(account).cloned() else { return Ok(()) };
        let moved = |filed: &FiledEntry| {
            let lines = filed.entry.postings().iter().filter(|p| {
                p.layer == Layer::Posted && p.account.to_string() == account && p.amount.currency == euro
            });
            lines.map(|p| p.amount.minor).sum::<i64>()
        };
        let is_before = |filed: &&FiledEntry| from.is_some_and(|s| filed.entry.at() < at(s));
        let opening: i64 = all.iter().filter(is_before).map(moved).sum();
        let is_within =
            |filed: &&FiledEntry| from.is_none_or(|s| filed.entry.at() >= at(s)) && to.is_none_or(|s| filed.entry.at() < at(s));
        let wanted: Vec<(EntryId, i64)> =
            all.iter().filter(is_within).map(|filed| (filed.id, moved(filed))).filter(|(_, amount)| *amount != 0).collect();
        let mut ask =
            StatementAsk { account: account.clone(), currency: euro, from: from.map(at), to: to.map(at), after: None };
        let (mut balance, mut read) = (opening, Vec::new());
        loop {
            let page = wait(store.statement(shop.merchant, ask.clone(), limit)).unwrap();
            let Some(page) = page else {
                prop_assert!(!all.iter().any(|filed| has_line_on(filed, &account)), "{} is there", account);
                return Ok(());
            };
            prop_assert_eq!(page.opening, balance);
            balance += page.lines.iter().map(|line| line.amount).sum::<i64>();
            read.extend(page.lines.iter().map(|line| (line.id, line.amount)));
            prop_assert_eq!(page.has_more, read.len() < wanted.len());
            if !page.has_more {
                break;
            }
            ask.after = page.lines.last().map(|line| line.id);
        }
        prop_assert_eq!(read, wanted);
        Ok(())
    });
    let unknown = StatementAsk {
        account: names(shop)[0].clone(),
        currency: euro,
        from: None,
        to: None,
        after: Some(EntryId::new(w.now(), &w.dice)),
    };
    assert_eq!(w.store.statement(shop.merchant, unknown, 9).await.unwrap(), None);
}

pub async fn what_lay_on_accounts_at_a_moment_agrees_with_a_model(w: World) {
    let shop = w.shop().await;
    let all = booked(&w, shop).await;
    booked(&w, w.shop().await).await;
    let asked = (0..SECONDS, 0u64..4, proptest::option::of(0u32..300));
    for_all(150, &asked, |(second, millis, in_parts)| {
        let moment = at(second).plus(Duration::from_millis(millis));
        let mut lay = BTreeMap::new();
        for posting in all.iter().filter(|filed| filed.entry.at() <= moment).flat_map(|filed| filed.entry.postings()) {
            let (posted, pending) = lay.entry((posting.account.to_string(), posting.amount.currency)).or_insert((0, 0));
            *if posting.layer == Layer::Posted { posted } else { pending } += posting.amount.minor;
        }
        let store = in_parts.map_or_else(|| w.store.clone(), |at_once| adding_up(&w, at_once));
        let found = wait(store.balances_at(shop.merchant, moment)).unwrap();
        let found: BTreeMap<_, _> = found.into_iter().map(|b| ((b.account, b.currency), (b.posted, b.pending))).collect();
        prop_assert_eq!(found, lay);
        Ok(())
    });
}
