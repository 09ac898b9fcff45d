//! Files that prove something in a dispute. Of what is uploaded only the name, the size, the kind and the hash are kept.

use super::context::Ctx;
use super::errors::{Answer, ApiError};
use super::lists;
use super::routes::{Args, Route};
use crate::world::{Read, list as list_of};
use serde_json::{Value, json};

pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/files", "files.list", "list:file", list),
    Route::new("POST", PATH, "files.create", "file", create),
    Route::new("GET", "/v1/files/{id}", "files.retrieve", "file", retrieve),
];

/// Where files are sent to.
pub(crate) const PATH: &str = "/v1/files";
/// Larger files are refused.
const MAX_BYTES: i64 = 5 * 1024 * 1024;
const PURPOSE: &str = "dispute_evidence";

fn create(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    let params = &args.params;
    let Some(file @ Value::Object(_)) = params.get("file") else {
        let text = "Invalid file: send its content as a part of a multipart/form-data request.";
        return Err(ApiError::invalid(text).param("file"));
    };
    if params.text("purpose") != PURPOSE {
        return Err(ApiError::invalid(format!("This sandbox takes files with the purpose `{PURPOSE}` only.")).param("purpose"));
    }
    if params.has("file_link_data") {
        return Err(ApiError::invalid("This sandbox makes no file links.").param("file_link_data"));
    }
    let size: i64 = file.text("size").parse().unwrap_or_default();
    if size < 1 {
        return Err(ApiError::invalid("The file is empty.").param("file"));
    }
    if size > MAX_BYTES {
        let text = format!("The file is {size} bytes long; a file with the purpose `{PURPOSE}` can have up to {MAX_BYTES}.");
        return Err(ApiError::invalid(text).param("file"));
    }
    let Some(kind) = file.some("type") else {
        let text = format!("Invalid file: a file with the purpose `{PURPOSE}` must be a PDF, JPEG or PNG.");
        return Err(ApiError::invalid(text).param("file"));
    };
    ctx.room_for("file")?;
    let id = ctx.id("file");
    let made = json!({
        "id": id, "object": "file", "created": ctx.now(), "expires_at": null, "filename": file["filename"],
        "links": list_of(&format!("/v1/file_links?file={id}"), Vec::new(), false), "purpose": PURPOSE, "size": size, "title": null,
        "type": kind, "url": null, "_sha256": file["sha256"],
    });
    ctx.store_and_emit(&made, "file.created");
    Ok(made)
}

fn retrieve(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    ctx.load("file", args.id())
}

fn list(ctx: &mut Ctx<'_>, args: &Args) -> Answer {
    lists::page(ctx, args, "file", PATH, |f| lists::same(&args.params, f, &["purpose"]))
}
