//! Files that speak for the merchant. Kept until the dispute is decided, and sent to the PSP with the evidence.

use super::own;
use crate::payments::check_text;
use crate::{Engine, Error, Problem};
use ducat_connectors::{EvidenceError, EvidenceRules};
use ducat_domain::payments::{Dispute, Payment};
use ducat_domain::{DisputeFileId, DisputeId, MerchantId};
use ducat_store::{Change, DisputeFile};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The longest name of a file, in characters.
const MAX_NAME: usize = 200;

/// A file as it comes in.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// What it shows: the name of the PSP's field.
    pub field: String,
    /// Its name.
    pub name: String,
    /// The media type that it is declared as.
    pub media_type: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A file, without what is in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "DisputeFile")]
pub struct FileView {
    /// `df_…`
    pub id: String,
    /// Always `dispute_file`.
    pub object: &'static str,
    /// `dp_…`
    pub dispute: String,
    /// What it shows.
    pub field: String,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// How many bytes it has.
    pub size: u32,
    /// Whether its bytes are still kept: they are forgotten once the dispute is decided.
    pub kept: bool,
    /// RFC 3339.
    pub created_at: String,
}

impl FileView {
    fn of(f: &DisputeFile) -> Self {
        Self {
            id: f.id.to_string(),
            object: "dispute_file",
            dispute: f.dispute.to_string(),
            field: f.field.clone(),
            name: f.name.clone(),
            media_type: f.media_type.clone(),
            size: f.size,
            kept: f.bytes.is_some(),
            created_at: f.created_at.to_string(),
        }
    }
}

/// Keeps a file. It takes the place of the one that showed the same, so that asking twice keeps one.
pub async fn add_file(engine: &Engine, merchant: MerchantId, id: DisputeId, new: NewFile) -> Result<FileView, Error> {
    check_text("name", &new.name, 1, MAX_NAME).map_err(Error::Invalid)?;
    let of = own(engine, merchant, id).await?;
    awaits_answer(&of.dispute)?;
    let rules = rules(&of.payment)?;
    rules.check_file(&new.field, &new.media_type, new.bytes.len()).map_err(|e| refused(&e, "field"))?;
    if sniffed(&new.bytes) != Some(new.media_type.as_str()) {
        let detail = format!("must be the {} that its Content-Type says: its first bytes are not", new.media_type);
        return Err(Error::Invalid(Problem::field("evidence_refused", "body", detail)));
    }
    let now = engine.now();
    let file = DisputeFile {
        id: DisputeFileId::new(now, engine.chance()),
        dispute: id,
        field: new.field,
        name: new.name,
        media_type: new.media_type,
        size: u32::try_from(new.bytes.len()).map_err(|_| Error::Internal("a file beyond every limit".into()))?,
        bytes: Some(new.bytes),
        created_at: now,
    };
    let view = FileView::of(&file);
    engine.store().commit(Change { dispute_files: vec![(merchant, file)], ..Change::default() }).await?;
    Ok(view)
}

/// The files of a dispute, by field.
pub async fn files(engine: &Engine, merchant: MerchantId, id: DisputeId) -> Result<Vec<FileView>, Error> {
    own(engine, merchant, id).await?;
    Ok(engine.store().dispute_files(merchant, id).await?.iter().map(FileView::of).collect())
}

/// Whether the PSP would take these texts.
pub(super) fn check_texts(payment: &Payment, texts: &BTreeMap<String, String>) -> Result<(), Error> {
    rules(payment)?
        .check_texts(texts)
        .map_err(|e| refused(&e, &e.field().map_or("/fields".into(), |field| format!("/fields/{field}"))))
}

fn awaits_answer(dispute: &Dispute) -> Result<(), Error> {
    if dispute.status.awaits_answer() {
        return Ok(());
    }
    let detail = format!("a dispute that is {} takes no files", dispute.status.as_str());
    Err(Error::Conflict(Problem::new("dispute_state", detail)))
}

/// What the PSP takes is data of its connector.
fn rules(payment: &Payment) -> Result<&'static EvidenceRules, Error> {
    let spec = ducat_connectors::connector(&payment.attempt.psp).map(|connector| connector.spec());
    spec.and_then(|spec| spec.evidence.as_ref()).ok_or_else(|| {
        let title = spec.map_or("the PSP", |spec| spec.title);
        Error::Conflict(Problem::new(
            "dispute_state",
            format!("{title} takes no evidence through its interface; answer in its dashboard"),
        ))
    })
}

fn refused(e: &EvidenceError, at: &str) -> Error {
    Error::Invalid(Problem::field("evidence_refused", at, e.to_string()))
}

/// What the first bytes say that it is. A name or a header can say anything.
fn sniffed(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 3] =
        [(b"%PDF-", "application/pdf"), (b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png")];
    MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, media_type)| *media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_first_bytes_say() {
        assert_eq!(sniffed(b"%PDF-1.7 ..."), Some("application/pdf"));
        assert_eq!(sniffed(b"\x89PNG\r\n\x1a\n...."), Some("image/png"));
        assert_eq!(sniffed(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        for other in [&b""[..], b"%PDF", b"MZ\x90", b"<html>", b" %PDF-"] {
            assert_eq!(sniffed(other), None);
        }
    }
}
