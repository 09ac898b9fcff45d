//! `multipart/form-data`, in which files are sent: small fields as texts, and one file, of which only what is needed later is kept.

use super::form::{self, Node};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A body in more parts than this is refused.
const MAX_PARTS: usize = 50;

/// The fields of a body; `file` becomes a tree of its name, size, kind and hash.
pub(crate) fn parse(content_type: &str, body: &[u8]) -> Result<BTreeMap<String, Node>, String> {
    let boundary = boundary_of(content_type).ok_or("Invalid multipart request: its Content-Type names no boundary.")?;
    let (mut texts, mut file) = (form_urlencoded::Serializer::new(String::new()), None);
    for (head, content) in parts(&format!("--{boundary}"), body)? {
        let name = parameter(&head, "name").ok_or("Invalid multipart request: a part has no name.")?;
        match parameter(&head, "filename") {
            Some(filename) if name == "file" => file = Some(described(&filename, content)),
            Some(_) => return Err(format!("Invalid multipart request: {name} cannot be a file.")),
            None => {
                texts.append_pair(&name, &String::from_utf8_lossy(content));
            }
        }
    }
    let mut fields = form::parse(texts.finish().as_bytes())?;
    if let Some(file) = file {
        fields.insert("file".into(), file);
    }
    Ok(fields)
}

fn described(filename: &str, content: &[u8]) -> Node {
    let facts = [
        ("filename", filename.to_owned()),
        ("size", content.len().to_string()),
        ("type", kind_of(content).to_owned()),
        ("sha256", hex::encode(Sha256::digest(content))),
    ];
    Node::Tree(facts.into_iter().map(|(name, fact)| (name.to_owned(), Node::Text(fact))).collect())
}

/// What the first bytes say; names and announced types may lie.
fn kind_of(content: &[u8]) -> &'static str {
    match content {
        [b'%', b'P', b'D', b'F', b'-', ..] => "pdf",
        [0xff, 0xd8, 0xff, ..] => "jpg",
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "png",
        _ => "",
    }
}

fn boundary_of(content_type: &str) -> Option<String> {
    let (kind, rest) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parameter(rest, "boundary").filter(|b| !b.is_empty())
}

/// A parameter of a header, with or without quotes. `name` is not found inside `filename`.
fn parameter(head: &str, name: &str) -> Option<String> {
    let mut rest = head;
    loop {
        let at = rest.find(name)?;
        let alone = rest[..at].chars().next_back().is_none_or(|c| matches!(c, ';' | ' ' | '\t' | '\n'));
        rest = &rest[at + name.len()..];
        let Some(value) = rest.strip_prefix('=').filter(|_| alone) else { continue };
        return Some(match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next().unwrap_or_default().to_owned(),
            None => value.split([';', '\r', '\n']).next().unwrap_or_default().trim().to_owned(),
        });
    }
}

/// Each part's head and content.
fn parts<'a>(mark: &str, body: &'a [u8]) -> Result<Vec<(String, &'a [u8])>, String> {
    let broken = || "Invalid multipart request: its parts do not end where they should.".to_owned();
    let start = find(body, mark.as_bytes()).ok_or_else(broken)?;
    let mut rest = &body[start + mark.len()..];
    let end = format!("\r\n{mark}");
    let mut found = Vec::new();
    while !rest.starts_with(b"--") {
        if found.len() >= MAX_PARTS {
            return Err(format!("Invalid multipart request: it has more than {MAX_PARTS} parts."));
        }
        let blank = find(rest, b"\r\n\r\n").ok_or_else(broken)?;
        let content = &rest[blank + 4..];
        let stop = find(content, end.as_bytes()).ok_or_else(broken)?;
        found.push((String::from_utf8_lossy(&rest[..blank]).into_owned(), &content[..stop]));
        rest = &content[stop + end.len()..];
    }
    Ok(found)
}

fn find(body: &[u8], wanted: &[u8]) -> Option<usize> {
    body.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=\"b-1\"";

    #[test]
    fn texts_and_the_file_are_told_apart() {
        let body = b"--b-1\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\ndispute_evidence\r\n--b-1\r\nContent-Disposition: form-data; filename=\"r.png\"; name=\"file\"\r\nContent-Type: application/pdf\r\n\r\n%PDF-1.7\r\n--b-\r\n--b-1--\r\n";
        let fields = parse(KIND, body).unwrap();
        assert_eq!(fields["purpose"], Node::Text("dispute_evidence".into()));
        let Node::Tree(file) = &fields["file"] else { panic!() };
        assert_eq!((&file["filename"], &file["type"]), (&Node::Text("r.png".into()), &Node::Text("pdf".into())));
        assert_eq!(file["size"], Node::Text("14".into()));
    }

    #[test]
    fn what_breaks_off_or_has_no_boundary_is_refused() {
        assert!(parse("multipart/form-data", b"").is_err());
        assert!(parse(KIND, b"").is_err());
        assert!(parse(KIND, b"--b-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb").is_err());
        assert!(parse(KIND, b"--b-1\r\nContent-Disposition: form-data\r\n\r\nb\r\n--b-1--").is_err());
        assert_eq!(parse(KIND, b"--b-1--"), Ok(BTreeMap::new()));
    }
}
