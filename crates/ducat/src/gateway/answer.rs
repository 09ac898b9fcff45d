//! What a gateway answered: the text as it came, and the same read.

use super::{Event, TalkError};
use ducat_connectors::HttpReply;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// An answer that is no refusal.
pub struct Answer {
    text: String,
}

impl Answer {
    pub(super) fn of(reply: HttpReply) -> Self {
        Self { text: String::from_utf8_lossy(&reply.body).into_owned() }
    }

    /// The body, untouched.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The body, read.
    pub fn json(&self) -> Result<Value, TalkError> {
        serde_json::from_str(&self.text).map_err(|e| TalkError::Unreadable(e.to_string()))
    }

    /// The body as an event.
    pub fn event(&self) -> Result<Event, TalkError> {
        let text = RawValue::from_string(self.text.clone()).map_err(|e| TalkError::Unreadable(e.to_string()))?;
        Event::read(text)
    }

    /// The rows of a list, each as the text that came.
    pub fn rows(&self) -> Result<Vec<Box<RawValue>>, TalkError> {
        #[derive(Deserialize)]
        struct Page {
            data: Vec<Box<RawValue>>,
        }
        let page: Page = serde_json::from_str(&self.text).map_err(|e| TalkError::Unreadable(e.to_string()))?;
        Ok(page.data)
    }
}
