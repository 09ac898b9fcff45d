//! A new session: checked as a whole, priced, made, and put on the agenda to expire.

use super::session::{self, KIND, Priced};
use super::shipping::Options;
use super::{discount, lines, options, rules};
use crate::stripe::context::Ctx;
use crate::stripe::errors::Answer;
use crate::stripe::routes::Args;
use crate::world::{Read, Task};

pub(super) fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    rules::check(ctx, params)?;
    options::custom_fields(params)?;
    let mut drafts = lines::read(ctx, params)?;
    let currency = drafts[0].currency.clone();
    let method_types = rules::method_types(params, &currency)?;
    let (discounts, coupon) = discount::apply(ctx, params, &mut drafts)?;
    let shipping = Options::read(ctx, params, &currency)?;
    let goods: i64 = drafts.iter().map(lines::Draft::total).fold(0, i64::saturating_add);
    lines::chargeable(goods.saturating_add(shipping.charged()), &currency)?;
    ctx.room_for(KIND)?;
    // Everything that could be refused was refused above; from here on things are made.
    let items = lines::make(ctx, drafts)?;
    let (shipping_options, shipping_cost) = shipping.make(ctx)?;
    let expires_at = rules::expires_at(params, ctx.now())?;
    let priced = Priced { currency, items, discounts, coupon, shipping_options, shipping_cost, method_types, expires_at };
    let session = session::new(ctx, params, priced)?;
    ctx.store(&session);
    ctx.account.plan(expires_at.saturating_mul(1_000), Task::ExpireSession(session.text("id").to_owned()));
    Ok(session)
}
