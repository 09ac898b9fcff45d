//! The table as a file that can be copied to `ducat.toml`: every setting with its meaning, none of them set.

use super::settings::{Form, Setting, TABLE};

const HEAD: &str = "\
# Every setting of Ducat. Copy this file to ducat.toml in the folder where `ducat serve` runs, and take the # from what you
# want to change. Each setting can also be given as a variable of the environment: DUCAT_ and its name in capitals, which
# wins over the file. `ducat doctor` shows where each value came from.
";

/// The file `ducat.example.toml`.
pub fn example() -> String {
    let mut text = HEAD.to_owned();
    let mut group = "";
    for setting in TABLE {
        if setting.group != group {
            group = setting.group;
            text.push_str(&format!("\n## {group}\n"));
        }
        text.push('\n');
        for line in setting.help {
            text.push_str(&format!("#{line}\n"));
        }
        text.push_str(&format!("# {} = {}\n", setting.name, sample(setting)));
    }
    text
}

fn sample(setting: &Setting) -> String {
    let text = if setting.default.is_empty() { setting.sample } else { setting.default };
    match setting.form {
        Form::Number => text.to_owned(),
        Form::List => format!("[\"{text}\"]"),
        Form::Text | Form::Secret | Form::Database | Form::Switch => format!("\"{text}\""),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_file_is_the_table() {
        let kept = include_str!("../../../../ducat.example.toml");
        assert!(kept == super::example(), "ducat.example.toml is old; write it anew with: ducat settings > ducat.example.toml");
    }
}
