//! Products: what is sold.

use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::payment_methods::part;
use super::routes::{Args, Route};
use super::{changed, deleted, lists, metadata, prices, search};
use crate::world::{Read, shown};
use serde_json::{Map, Value, json};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/products", "products.list", "list:product", list),
    Route::new("POST", "/v1/products", "products.create", "product", create),
    Route::new("GET", "/v1/products/search", "products.search", "list:product", find),
    Route::new("GET", "/v1/products/{id}", "products.retrieve", "product", retrieve),
    Route::new("POST", "/v1/products/{id}", "products.update", "product", update),
    Route::new("DELETE", "/v1/products/{id}", "products.delete", "product", delete),
];

const MAX_IMAGES: usize = 8;
const PLAIN: &[&str] = &[
    "active",
    "description",
    "name",
    "package_dimensions",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "unit_label",
    "url",
];

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    let mut price = Map::new();
    if let Value::Object(given) = part(params, "default_price_data") {
        price.clone_from(given);
        prices::check_amount(&price, "default_price_data")?;
    }
    let mut product = fresh(ctx, params)?;
    ctx.store_and_emit(&product, "product.created");
    if !price.is_empty() {
        let made = prices::make(ctx, &price, product.text("id"))?;
        let before = product.clone();
        product["default_price"] = made["id"].clone();
        return changed(ctx, &before, product, "product.updated");
    }
    Ok(shown(&product))
}

/// A new product from checked parameters, not stored yet.
pub(crate) fn fresh(ctx: &Ctx<'_>, params: &Map<String, Value>) -> Answer {
    ctx.room_for("product")?;
    let id = match params.some("id") {
        Some(id) if ctx.account.get("product", id).is_some() => {
            return Err(ApiError::invalid(format!("Product already exists: {id}")).code("resource_already_exists").param("id"));
        }
        Some(id) => id.to_owned(),
        None => ctx.id("prod"),
    };
    let mut product = json!({
        "id": id, "object": "product", "active": true, "created": ctx.now(), "default_price": null, "description": null, "images": [],
        "livemode": false, "marketing_features": [], "metadata": metadata::fresh(params), "name": "", "package_dimensions": null,
        "shippable": null, "statement_descriptor": null, "tax_code": null, "unit_label": null, "updated": ctx.now(), "url": null,
    });
    apply(&mut product, params)?;
    Ok(product)
}

fn apply(product: &mut Value, params: &Map<String, Value>) -> Result<(), ApiError> {
    if params.get("name").is_some_and(Value::is_null) {
        return Err(ApiError::invalid("You passed an empty string for 'name'. A product must have one.")
            .code("parameter_invalid_empty")
            .param("name"));
    }
    metadata::assign(product, params, PLAIN);
    for name in ["images", "marketing_features"] {
        if let Some(given) = params.get(name) {
            product[name] = if given.is_null() { json!([]) } else { given.clone() };
        }
    }
    if product["images"].as_array().is_some_and(|i| i.len() > MAX_IMAGES) {
        return Err(ApiError::invalid(format!("A product can have up to {MAX_IMAGES} images.")).param("images"));
    }
    Ok(())
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.load("product", args.id()).map(|p| shown(&p))
}

fn update(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let before = ctx.load("product", args.id())?;
    let mut after = before.clone();
    apply(&mut after, &args.params)?;
    if let Some(price) = args.params.some("default_price") {
        let found = ctx.load_param("price", price, "default_price")?;
        if found.text("product") != args.id() {
            let text = format!("The price {price} does not belong to the product {}.", args.id());
            return Err(ApiError::invalid(text).param("default_price"));
        }
        after["default_price"] = json!(price);
    }
    metadata::merge(&mut after, &args.params)?;
    if after != before {
        after["updated"] = json!(ctx.now());
    }
    changed(ctx, &before, after, "product.updated")
}

fn delete(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let id = args.id();
    let product = ctx.load("product", id)?;
    if ctx.account.table("price").newest_first().any(|(_, p)| p.text("product") == id) {
        let text = "This product cannot be deleted because it has one or more user-created prices.";
        return Err(ApiError::invalid(text));
    }
    ctx.account.remove("product", id);
    let gone = deleted("product", id);
    ctx.store(&json!({ "id": id, "object": "deleted", "was": gone }));
    ctx.emit("product.deleted", &product);
    Ok(gone)
}

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    let ids = params.get("ids").and_then(Value::as_array);
    let asked = |p: &Value| ids.is_none_or(|ids| ids.contains(&p["id"]));
    lists::page(ctx, args, "product", "/v1/products", |p| asked(p) && lists::same(params, p, &["active", "shippable", "url"]))
}

fn find(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    search::page(ctx, args, "product", "/v1/products/search")
}
