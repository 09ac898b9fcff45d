//! `GET /`: the shop.

use super::goods::{CURRENCIES, MAX_QUANTITY, PRODUCTS};
use super::shop;
use crate::app::App;
use crate::pages::wording::money;
use crate::pages::{assets, page};
use crate::problem::Problem;
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ducat_engine::merchants;

struct Offer {
    id: &'static str,
    name: &'static str,
    text: &'static str,
    picture: String,
    minor: i64,
    price: String,
    /// What the form begins with.
    quantity: u32,
}

struct Choice {
    code: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "shop.html")]
struct ShopPage {
    merchant: String,
    currency: String,
    exponent: u32,
    currencies: Vec<Choice>,
    offers: Vec<Offer>,
    total: String,
    max_quantity: u32,
    /// The form came without anything chosen.
    empty: bool,
}

pub(super) async fn show(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let shop = shop(&app)?;
    let merchant = merchants::get(&app.engine, shop.merchant).await?;
    let query = query.unwrap_or_default();
    let asked =
        |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name).map(|(_, value)| value.into_owned());
    let wanted = asked("currency").unwrap_or_else(|| shop.currency.code().to_owned());
    let currency = CURRENCIES.into_iter().find(|code| *code == wanted).unwrap_or(CURRENCIES[0]);
    let offers: Vec<Offer> = offers(currency);
    let total: i64 = offers.iter().map(|offer| offer.minor * i64::from(offer.quantity)).sum();
    page(&ShopPage {
        merchant: merchant.name,
        currency: currency.to_owned(),
        exponent: currency.parse().map_or(2, ducat_domain::Currency::exponent),
        currencies: CURRENCIES.map(|code| Choice { code, chosen: code == currency }).into(),
        total: money(total, currency),
        offers,
        max_quantity: MAX_QUANTITY,
        empty: asked("empty").is_some(),
    })
}

fn offers(currency: &str) -> Vec<Offer> {
    let offer = |(i, product): (usize, &'static super::goods::Product)| {
        let minor = product.price(currency)?;
        let (picture, price) = (assets::url(product.picture), money(minor, currency));
        // The first thing is in the basket already: one click to the checkout.
        let quantity = u32::from(i == 0);
        Some(Offer { id: product.id, name: product.name, text: product.text, picture, minor, price, quantity })
    };
    PRODUCTS.iter().enumerate().filter_map(offer).collect()
}
