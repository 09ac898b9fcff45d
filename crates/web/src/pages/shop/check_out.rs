//! `POST /shop/checkout`: creates the order and sends the customer to its page.

use super::goods::{CURRENCIES, MAX_QUANTITY, PRODUCTS};
use super::{is_open, shop};
use crate::app::App;
use crate::pages::see_other;
use crate::problem::{Problem, catalogue as kinds};
use crate::reading::body::Patience;
use crate::settings::DemoShop;
use axum::extract::{Request, State};
use axum::response::Response;
use ducat_domain::payments::{CaptureMode, Channel, LineItem, PaymentMethod, PaymentType};
use ducat_domain::random_bytes;
use ducat_engine::payments::{self, NewOrder};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A form of four numbers is small.
const MAX_FORM: usize = 4096;

pub(super) async fn check_out(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let shop = shop(&app)?;
    let (parts, body) = request.into_parts();
    let patience = Patience { bytes: MAX_FORM, timeout: app.settings.limits.body_timeout };
    let form = app.bodies.read(&parts.headers, body, patience).await?;
    let basket = Basket::of(&form)?;
    if basket.lines.is_empty() {
        return see_other(&format!("/?currency={}&empty=1#basket", basket.currency));
    }
    if !is_open(&app, shop).await? {
        return Err(Problem::not_found("shop"));
    }
    let answer = payments::create(&app.engine, shop.merchant, order(&app, shop, basket), None).await?;
    let made: Made = serde_json::from_slice(&answer.body).map_err(|_| Problem::internal("an order has no id"))?;
    // A path, not the whole address: whoever came by another name of this host stays there.
    see_other(&format!("/pay/{}", made.id))
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

/// What was chosen.
struct Basket {
    currency: &'static str,
    lines: Vec<LineItem>,
}

impl Basket {
    fn of(form: &[u8]) -> Result<Self, Problem> {
        let fields: BTreeMap<_, _> = form_urlencoded::parse(form).into_owned().collect();
        let wanted = fields.get("currency").map_or(CURRENCIES[0], String::as_str);
        let refused = |name: &str, detail: &str| Problem::at(&kinds::INVALID_VALUE, name, detail);
        let currency = CURRENCIES.into_iter().find(|code| *code == wanted);
        let currency = currency.ok_or_else(|| refused("currency", "The shop sells in EUR, USD and JPY."))?;
        let mut lines = Vec::new();
        for product in &PRODUCTS {
            let text = fields.get(product.id).map_or("0", |text| text.trim());
            let quantity = if text.is_empty() { Some(0) } else { text.parse().ok() };
            let quantity: u32 = quantity
                .filter(|n| *n <= MAX_QUANTITY)
                .ok_or_else(|| refused(product.id, "Choose a whole number from 0 to 20 of each."))?;
            if let Some(unit_amount) = product.price(currency).filter(|_| quantity > 0) {
                lines.push(LineItem { name: product.name.to_owned(), quantity, unit_amount });
            }
        }
        Ok(Self { currency, lines })
    }
}

fn order(app: &App, shop: &DemoShop, basket: Basket) -> NewOrder {
    let base = &app.engine.settings().public_url;
    let random: [u8; 6] = random_bytes(app.engine.chance());
    NewOrder {
        reference: format!("demo-{}", hex::encode(random)),
        amount: basket.lines.iter().map(|line| line.unit_amount * i64::from(line.quantity)).sum(),
        currency: basket.currency.to_owned(),
        payment_type: PaymentType::Sale,
        payment_method: PaymentMethod::Apm,
        psp: shop.psp.clone(),
        capture: CaptureMode::Automatic,
        channel: Channel::Ecommerce,
        description: None,
        line_items: basket.lines,
        customer: None,
        success_url: Some(format!("{base}/shop/thanks?order={{PAYMENT_ORDER_ID}}")),
        cancel_url: Some(format!("{base}/shop/")),
        expires_in: None,
        metadata: BTreeMap::from([("shop".to_owned(), "demo".to_owned())]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basket_is_what_was_chosen_at_our_prices() {
        let basket = Basket::of(b"currency=JPY&beans=2&mug=&dripper=0&filters=1&beans_price=1").unwrap();
        let lines: Vec<_> = basket.lines.iter().map(|line| (line.quantity, line.unit_amount)).collect();
        assert_eq!((basket.currency, lines), ("JPY", vec![(2, 1980), (1, 780)]));
        assert!(Basket::of(b"beans=-1").is_err() && Basket::of(b"beans=21").is_err() && Basket::of(b"currency=XXX").is_err());
        assert!(Basket::of(b"").unwrap().lines.is_empty());
    }
}
