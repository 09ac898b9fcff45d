//! What is wrong with the configuration, where, and what was probably meant.

use super::{Source, TABLE};
use std::fmt;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line of the file, or the variable.
    pub place: String,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// All of them, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Notes one.
    pub(super) fn add(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.0.push(Mistake { place: place.into(), what: what.into() });
    }

    /// Notes one about a setting. A variable says by itself which one.
    pub(super) fn refuse(&mut self, name: &str, source: &Source, what: &str) {
        match source {
            Source::Default => self.add(name, what),
            Source::File { .. } => self.add(source.to_string(), format!("{name} {what}")),
            Source::Environment(variable) => self.add(variable, what),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.0.len() == 1 { "mistake" } else { "mistakes" };
        write!(f, "{} {noun} in the configuration:", self.0.len())?;
        self.iter().try_for_each(|mistake| write!(f, "\n  {}: {}", mistake.place, mistake.what))
    }
}

impl std::error::Error for Mistakes {}

/// The setting whose name is nearest, if any is near.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase().replace('-', "_");
    let near = |known: &&'static str| distance(&name, known) <= 1 + known.len() / 4;
    TABLE.iter().map(|setting| setting.name).filter(near).min_by_key(|known| distance(&name, known))
}

/// How many letters must be put in, taken out or changed to make one text of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        row[0] = left;
        for (j, other) in b.iter().enumerate() {
            let change = corner + usize::from(letter != *other);
            corner = row[j + 1];
            left = change.min(left + 1).min(corner + 1);
            row[j + 1] = left;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_what_was_meant() {
        assert_eq!(nearest("lisen"), Some("listen"));
        assert_eq!(nearest("stripe-apikey"), Some("stripe_api_key"));
        assert_eq!(nearest("colour_of_the_sea"), None);
    }

    #[test]
    fn distance_counts_letters() {
        assert_eq!((distance("", "abc"), distance("abc", "abc"), distance("kitten", "sitting")), (3, 0, 3));
    }
}
