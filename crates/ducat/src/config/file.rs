//! Settings from the file. It is flat: a name, an equals sign, a value.

use super::mistakes::nearest;
use super::settings::{Form, Setting};
use super::{Gathered, Given, Mistakes, Source, TABLE};
use toml::de::{DeTable, DeValue};

/// What the parser says of a name that stands in two lines.
const TWICE: &str = "duplicate key";

/// Takes what the file says; what it says wrong is noted with its line.
pub(super) fn gather(path: &str, text: &str, given: &mut Gathered, mistakes: &mut Mistakes) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let place = |offset: usize| format!("{path}:{}", line_of(text, offset));
    let broken: Vec<usize> = errors.iter().map(|e| line_of(text, e.span().map_or(0, |span| span.start))).collect();
    for (i, error) in errors.iter().enumerate() {
        // What follows from a mistake on the same line is no mistake of its own.
        if !broken[..i].contains(&broken[i]) {
            mistakes.add(format!("{path}:{}", broken[i]), unreadable(text, broken[i], error.message()));
        }
    }
    let mut entries: Vec<_> = table.into_inner().into_iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let line = line_of(text, key.span().start);
        // What recovery made of a broken line is nobody's word.
        if broken.contains(&line) {
            continue;
        }
        let name = key.get_ref().as_ref();
        let Some(setting) = TABLE.iter().find(|setting| setting.name == name) else {
            mistakes.add(place(key.span().start), unknown(name, value.get_ref()));
            continue;
        };
        match text_of(setting, value.get_ref()) {
            Ok(text) => {
                given.insert(setting.name, Given { text, source: Source::File { path: path.to_owned(), line } });
            }
            Err(wanted) => mistakes.add(place(key.span().start), format!("{name} must be {wanted}")),
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|&&byte| byte == b'\n').count()
}

/// What must stand in a line that is no TOML, where it names a setting; or what the language misses there.
fn unreadable(text: &str, line: usize, missed: &str) -> String {
    let name = text.lines().nth(line - 1).and_then(|line| line.split_once('=')).map(|(name, _)| name.trim());
    match TABLE.iter().find(|setting| Some(setting.name) == name) {
        Some(setting) if missed == TWICE => format!("{} is there twice: keep one of the lines", setting.name),
        Some(setting) => format!("{} must be {} ({missed})", setting.name, wanted(setting.form)),
        None => missed.to_owned(),
    }
}

fn unknown(name: &str, value: &DeValue<'_>) -> String {
    if let DeValue::Table(_) = value {
        return format!("[{name}] is no setting; settings are not grouped, write them one below the other");
    }
    match nearest(name) {
        Some(known) => format!("{name} is no setting; did you mean {known}?"),
        None => format!("{name} is no setting; ducat.example.toml lists them all"),
    }
}

/// The value as the environment would say it, or what it must be.
fn text_of(setting: &Setting, value: &DeValue<'_>) -> Result<String, &'static str> {
    match (setting.form, value) {
        (Form::Text | Form::Secret | Form::Database | Form::Switch, DeValue::String(text)) if !text.is_empty() => {
            Ok(text.to_string())
        }
        // The empty text is a value that got lost, and not the choice of what is taken without the line.
        (Form::Text | Form::Secret | Form::Database, DeValue::String(_)) => {
            Err("text that is not empty: leave the line out to set nothing")
        }
        (Form::Switch, DeValue::Boolean(on)) => Ok(if *on { "on" } else { "off" }.to_owned()),
        (Form::Number, DeValue::Integer(number)) => Ok(number.to_string()),
        (Form::List, DeValue::Array(items)) => {
            let texts: Option<Vec<&str>> = items.iter().map(|item| item.get_ref().as_str()).collect();
            texts.map(|texts| texts.join(",")).ok_or("a list of texts in quotes")
        }
        (form, _) => Err(wanted(form)),
    }
}

const fn wanted(form: Form) -> &'static str {
    match form {
        Form::Text | Form::Secret | Form::Database => "text in quotes",
        Form::Number => "a whole number without quotes",
        Form::Switch => "\"on\" or \"off\"",
        Form::List => "a list such as [\"10.0.0.0/8\"]",
    }
}
