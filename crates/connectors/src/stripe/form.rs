//! How requests to Stripe are written: form-encoded, nested by brackets.

use crate::{Fault, HttpMethod, HttpRequest};

/// Room for the fields of a registration without line items.
const USUAL_LENGTH: usize = 1024;

/// The fields of a request, in the order in which they were added: the same fields always give the same bytes.
pub(super) struct Form(String);

impl Form {
    pub(super) fn new() -> Self {
        Self(String::with_capacity(USUAL_LENGTH))
    }

    /// One more field.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.write(name);
        self.0.push('=');
        self.write(value);
        self
    }

    /// Nearly all of it is letters and digits, and taken as it is; the library would look at each of them on its own.
    fn write(&mut self, mut text: &str) {
        while !text.is_empty() {
            let (plain, rest) = text.split_at(text.bytes().take_while(|&b| is_plain(b)).count());
            let (other, rest) = rest.split_at(rest.find(|c: char| c.is_ascii() && is_plain(c as u8)).unwrap_or(rest.len()));
            self.0.push_str(plain);
            self.0.extend(form_urlencoded::byte_serialize(other.as_bytes()));
            text = rest;
        }
    }

    /// One more field, where there is a value.
    pub(super) fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// A request that acts, under a key.
    pub(super) fn post(self, path: &str, key: String) -> HttpRequest {
        HttpRequest {
            method: HttpMethod::Post,
            path: path.to_owned(),
            body: self.0.into_bytes(),
            content_type: "application/x-www-form-urlencoded",
            key: Some(key),
        }
    }

    /// A request that looks.
    pub(super) fn get(self, path: &str) -> HttpRequest {
        let query = self.0;
        let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        HttpRequest { method: HttpMethod::Get, path, body: Vec::new(), content_type: "", key: None }
    }
}

fn is_plain(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'*' | b'-' | b'.' | b'_')
}

/// An id as a part of a path. Stripe's ids hold nothing that a path could misread; what does is none of them.
pub(super) fn segment(id: &str) -> Result<&str, Fault> {
    let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if plain && !id.is_empty() { Ok(id) } else { Err(Fault::Invalid("this is no id of Stripe's")) }
}

/// The first `limit` characters: Stripe refuses longer texts, and a shorter name is better than no payment.
pub(super) fn clip(text: &str, limit: usize) -> &str {
    match text.char_indices().nth(limit) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_would_leave_its_path_is_refused() {
        assert_eq!(segment("cs_test_a1"), Ok("cs_test_a1"));
        for wrong in ["", "../refunds", "cs?x=1", "cs test", "cs/expire", "ü"] {
            assert!(segment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn fields_are_written_as_the_library_writes_them() {
        let ascii: String = (0..=127).map(char::from).collect();
        let fields = [
            ("metadata[a b]", "Käse & Brot + 2=ü"),
            ("", ""),
            ("x", &ascii),
            (&ascii, "*-._"),
            ("ende", "日本\u{1F600}"),
            ("ü", "aü"),
        ];
        let mut library = form_urlencoded::Serializer::new(String::new());
        let form = fields.iter().fold(Form::new(), |form, (name, value)| {
            library.append_pair(name, value);
            form.with(name, value)
        });
        assert_eq!(String::from_utf8(form.post("/", String::new()).body).unwrap(), library.finish());
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(clip("Käse", 2), "Kä");
        assert_eq!(clip("Käse", 9), "Käse");
    }
}
