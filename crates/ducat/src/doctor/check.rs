//! One thing that was looked at.

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Well.
    Ok,
    /// It works, and may not for long or not for everybody.
    Warn,
    /// It must be mended.
    Fail,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One thing that was looked at, how it is, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub name: &'static str,
    pub state: State,
    pub detail: String,
    pub advice: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, state: State::Ok, detail: detail.into(), advice: None }
    }

    pub(super) fn warn(name: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, state: State::Warn, detail: detail.into(), advice: Some(advice.into()) }
    }

    pub(super) fn fail(name: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, state: State::Fail, detail: detail.into(), advice: Some(advice.into()) }
    }
}
