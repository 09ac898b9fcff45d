//! How a file is sent to Stripe: as multipart/form-data with a fixed boundary, so that sending it again is the same request.

use crate::{EvidenceFile, Fault, HttpMethod, HttpRequest};

/// What stands between the parts. No file that is sent may hold it.
const BOUNDARY: &str = "ducat-7c1f0e9d5b3a48f2a6e4c8d0b2f19735";
const CONTENT_TYPE: &str = "multipart/form-data; boundary=ducat-7c1f0e9d5b3a48f2a6e4c8d0b2f19735";
/// What a person still reads of a file's name.
const NAME_LIMIT: usize = 100;

/// The request that gives Stripe a file as evidence, under a key.
pub(super) fn upload(file: &EvidenceFile, key: String) -> Result<HttpRequest, Fault> {
    if file.bytes.windows(BOUNDARY.len()).any(|window| window == BOUNDARY.as_bytes()) {
        return Err(Fault::Invalid("a file holds the text that marks its end"));
    }
    let (name, media_type) = (plain(&file.name), plain(&file.media_type));
    let mut body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\ndispute_evidence\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {media_type}\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(&file.bytes);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    Ok(HttpRequest { method: HttpMethod::Post, path: "/v1/files".into(), body, content_type: CONTENT_TYPE, key: Some(key) })
}

/// A text as it may stand in a header between quotes.
fn plain(text: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || "-_./ ".contains(c) { c } else { '_' };
    text.chars().take(NAME_LIMIT).map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, bytes: &[u8]) -> EvidenceFile {
        EvidenceFile { field: "receipt".into(), name: name.into(), media_type: "application/pdf".into(), bytes: bytes.to_vec() }
    }

    #[test]
    fn a_file_is_sent_with_its_name_and_kind_and_the_same_bytes_each_time() {
        let request = upload(&file("receipt.pdf", b"%PDF-1.7\r\n\x00\xff"), "k".into()).unwrap();
        assert_eq!((request.path.as_str(), request.key.as_deref()), ("/v1/files", Some("k")));
        assert!(request.content_type.ends_with(BOUNDARY));
        let text = String::from_utf8_lossy(&request.body);
        assert!(text.contains("name=\"purpose\"\r\n\r\ndispute_evidence\r\n"), "{text}");
        assert!(text.contains("filename=\"receipt.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF-1.7\r\n"), "{text}");
        assert!(request.body.windows(2).any(|pair| pair == b"\x00\xff"));
        assert!(text.ends_with(&format!("\r\n--{BOUNDARY}--\r\n")));
        assert_eq!(upload(&file("receipt.pdf", b"%PDF-1.7\r\n\x00\xff"), "k".into()).unwrap(), request);
    }

    #[test]
    fn a_name_cannot_end_its_header() {
        let request = upload(&file("a\"\r\nX: y.pdf", b"%PDF"), "k".into()).unwrap();
        assert!(String::from_utf8_lossy(&request.body).contains("filename=\"a___X_ y.pdf\"\r\n"));
    }

    #[test]
    fn a_file_that_holds_the_boundary_is_not_sent() {
        let wrong = format!("%PDF {BOUNDARY}");
        assert!(matches!(upload(&file("a.pdf", wrong.as_bytes()), "k".into()), Err(Fault::Invalid(_))));
    }
}
