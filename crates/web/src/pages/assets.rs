//! Styles, scripts and pictures, built into the program. Their addresses hold a hash of their content, so that browsers keep them for good.

use crate::problem::Problem;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
    hash: String,
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

static ASSETS: LazyLock<[Asset; 8]> = LazyLock::new(|| {
    [
        Asset::new("ducat.css", CSS, include_str!("../../assets/ducat.css")),
        Asset::new("ducat.js", SCRIPT, include_str!("../../assets/ducat.js")),
        Asset::new("docs.js", SCRIPT, include_str!("../../assets/docs.js")),
        Asset::new("coin.svg", PICTURE, include_str!("../../assets/coin.svg")),
        Asset::new("beans.svg", PICTURE, include_str!("../../assets/beans.svg")),
        Asset::new("dripper.svg", PICTURE, include_str!("../../assets/dripper.svg")),
        Asset::new("mug.svg", PICTURE, include_str!("../../assets/mug.svg")),
        Asset::new("filters.svg", PICTURE, include_str!("../../assets/filters.svg")),
    ]
});

impl Asset {
    fn new(name: &'static str, kind: &'static str, content: &'static str) -> Self {
        let hash = hex::encode(&Sha256::digest(content.as_bytes())[..8]);
        Self { name, kind, content, hash }
    }
}

/// The address of an asset.
pub(super) fn url(name: &str) -> String {
    let hash = ASSETS.iter().find(|asset| asset.name == name).map_or("none", |asset| &asset.hash);
    format!("/assets/{hash}/{name}")
}

/// `GET /assets/{hash}/{name}`. Under an old hash, which a page may still name while nodes are being replaced, the present content is
/// served, but not kept.
pub(super) async fn serve(Path((hash, name)): Path<(String, String)>) -> Result<Response, Problem> {
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or_else(|| Problem::not_found("asset"))?;
    let caching = if asset.hash == hash { "public, max-age=31536000, immutable" } else { "no-cache" };
    Ok(([(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, caching)], asset.content).into_response())
}

/// `GET /favicon.ico`, for browsers that ask without having read the page.
pub(super) async fn favicon() -> Result<Response, Problem> {
    super::see_other(&url("coin.svg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_together_is_small() {
        let total: usize = ASSETS.iter().map(|asset| asset.content.len()).sum();
        assert!(total < 50_000, "{total} bytes");
    }

    #[test]
    fn no_asset_reaches_out() {
        for asset in ASSETS.iter() {
            let reaches = asset.content.replace("http://www.w3.org/2000/svg", "").contains("://");
            assert!(!reaches, "{}", asset.name);
        }
    }
}
