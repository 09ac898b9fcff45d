//! What the configuration takes, and what it says about mistakes.

use super::*;

fn environment(pairs: &[(&str, &str)]) -> impl Iterator<Item = (OsString, OsString)> {
    pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect::<Vec<_>>().into_iter()
}

fn with_file(text: &str, pairs: &[(&str, &str)]) -> Result<Config, Mistakes> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ducat.toml");
    std::fs::write(&path, text).unwrap();
    load(Some(&path), environment(pairs)).map_err(|mistakes| {
        let mut told = Mistakes::default();
        mistakes.iter().for_each(|m| told.add(m.place.replace(&*path.display().to_string(), "ducat.toml"), m.what.clone()));
        told
    })
}

#[test]
fn every_default_is_a_value_that_can_be_taken() {
    let config = with_file("", &[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.sandbox_port, 12_111);
    assert!(config.origins.iter().all(|origin| origin.source == Source::Default));
}

#[test]
fn the_environment_wins_over_the_file_and_an_empty_variable_is_none() {
    let file = "listen = \"127.0.0.1:1\"\nsandbox = false\nsandbox_port = 1_000\n";
    let config =
        with_file(file, &[("DUCAT_LISTEN", "127.0.0.1:2"), ("DUCAT_SANDBOX", ""), ("HOME", "x"), ("DUCAT_BIN", "x")]).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.sandbox, Some(values::Toggle::Off));
    assert_eq!(config.sandbox_port, 1_000);
}

#[test]
fn an_address_of_the_database_that_got_lost_is_no_choice_of_a_file() {
    let told = with_file("", &[("DUCAT_DATABASE_URL", "")]).unwrap_err().to_string();
    assert!(told.contains("DUCAT_DATABASE_URL: is empty: give the address, or leave the variable out"), "{told}");
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let file = "listne = \"127.0.0.1:1\"\npsp_timeout_ms = \"10\"\npublic_url = \"pay\"\n\n[stripe]\nkey = 1\n";
    let pairs = [
        ("DUCAT_LOG_FORMAT", "xml"),
        ("DUCAT_LISTEM", "x"),
        ("DUCAT_DATABASE_URL", "mysql://ducat:hidden@db/ducat"),
        ("DUCAT_SANDBOX_PORT", "99999"),
    ];
    let told = with_file(file, &pairs).unwrap_err().to_string();
    assert_eq!(
        told,
        "8 mistakes in the configuration:
  ducat.toml:1: listne is no setting; did you mean listen?
  ducat.toml:2: psp_timeout_ms must be a whole number without quotes
  ducat.toml:5: [stripe] is no setting; settings are not grouped, write them one below the other
  DUCAT_LISTEM: is no setting; did you mean DUCAT_LISTEN?
  ducat.toml:3: public_url must be an address such as https://pay.example.com
  DUCAT_DATABASE_URL: must be sqlite: and a path, such as sqlite:/var/lib/ducat/ducat.db, or the address of a server, such as postgres://ducat:password@db.example.com/ducat
  DUCAT_SANDBOX_PORT: must be a whole number from 0 to 65535
  DUCAT_LOG_FORMAT: must be pretty or json"
    );
}

#[test]
fn a_file_that_is_no_toml_is_told_with_its_line() {
    let told =
        with_file("# fine\nlisten = \nlisten = \"127.0.0.1:1\"\n", &[("DUCAT_LOG_FORMAT", "xml")]).unwrap_err().to_string();
    assert!(told.contains("ducat.toml:2:") && told.contains("DUCAT_LOG_FORMAT"), "{told}");
}

#[test]
fn a_value_that_is_no_toml_is_told_with_the_name_of_its_setting_and_what_it_must_be() {
    let told = with_file("drain_ms = x\nlisten = 127.0.0.1:1\nstripe_api_key = sk_test\nsandbox = off\n", &[]).unwrap_err();
    let told: Vec<String> = told.iter().map(|mistake| format!("{}: {}", mistake.place, mistake.what)).collect();
    let wanted = [
        "ducat.toml:1: drain_ms must be a whole number without quotes (",
        "ducat.toml:2: listen must be text in quotes (",
        "ducat.toml:3: stripe_api_key must be text in quotes (",
        "ducat.toml:4: sandbox must be \"on\" or \"off\" (",
    ];
    assert_eq!(told.len(), wanted.len(), "{told:#?}");
    assert!(told.iter().zip(wanted).all(|(told, wanted)| told.starts_with(wanted)), "{told:#?}");
}

#[test]
fn empty_text_in_the_file_is_refused_like_an_address_of_the_database_that_got_lost() {
    let file = "data_dir = \"\"\ndatabase_url = \"\"\nstripe_api_key = \"\"\nsandbox = \"\"\ntrusted_proxies = []\n";
    let told = with_file(file, &[]).unwrap_err().to_string();
    assert_eq!(
        told,
        "4 mistakes in the configuration:
  ducat.toml:1: data_dir must be text that is not empty: leave the line out to set nothing
  ducat.toml:2: database_url must be text that is not empty: leave the line out to set nothing
  ducat.toml:3: stripe_api_key must be text that is not empty: leave the line out to set nothing
  ducat.toml:4: sandbox must be \"on\" or \"off\""
    );
}

#[test]
fn a_setting_that_is_there_twice_is_told_so() {
    let told = with_file("drain_ms = 1\nlisten = \"127.0.0.1:1\"\ndrain_ms = 2\n", &[]).unwrap_err().to_string();
    assert_eq!(told, "1 mistake in the configuration:\n  ducat.toml:3: drain_ms is there twice: keep one of the lines");
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    let told =
        with_file("", &[("DUCAT_STRIPE_API_BASE", "http://127.0.0.1:1"), ("DUCAT_LEASE_MS", "500")]).unwrap_err().to_string();
    assert!(told.contains("DUCAT_LEASE_MS: must be longer") && told.contains("DUCAT_STRIPE_API_BASE: is of no use"), "{told}");
}

#[test]
fn of_two_settings_that_do_not_go_together_the_one_that_was_set_is_named_once_with_its_place() {
    let or = "or work is taken away while a PSP still has time to answer";
    let told = |text: &str, pairs: &[(&str, &str)]| with_file(text, pairs).unwrap_err().iter().next().unwrap().clone();
    let timeout = told("", &[("DUCAT_PSP_TIMEOUT_MS", "50000")]);
    assert_eq!(timeout.place, "DUCAT_PSP_TIMEOUT_MS");
    assert_eq!(timeout.what, format!("must be shorter than lease_ms, which is 45000, {or}"));
    let timeout = told("\npsp_timeout_ms = 50000\n", &[]);
    assert_eq!(timeout.place, "ducat.toml:2");
    assert_eq!(timeout.what, format!("psp_timeout_ms must be shorter than lease_ms, which is 45000, {or}"));
    let lease = told("lease_ms = 5000\n", &[("DUCAT_PSP_TIMEOUT_MS", "50000")]);
    assert_eq!(lease.place, "ducat.toml:1");
    assert_eq!(lease.what, format!("lease_ms must be longer than psp_timeout_ms, which is 50000, {or}"));
}

#[test]
fn a_named_file_must_be_there() {
    assert!(load(Some(Path::new("/nowhere/ducat.toml")), environment(&[])).unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn no_secret_is_shown_by_origins_or_debug() {
    let config = with_file(
        "database_url = \"postgres://ducat:verysecret@db:5432/ducat\"\n",
        &[
            ("DUCAT_STRIPE_API_KEY", "sk_live_verysecret"),
            ("DUCAT_MASTER_KEY", &"ab".repeat(32)),
            ("DUCAT_CACHE_URL", "redis://:verysecret@cache"),
        ],
    )
    .unwrap();
    let told = format!("{config:?}");
    assert!(!told.contains("verysecret") && !told.contains("abab") && told.contains("redis://cache:6379/0"), "{told}");
    let database = config.origins.iter().find(|origin| origin.setting.name == "database_url").unwrap();
    assert_eq!((database.shown.as_str(), database.is_secret), ("postgres://ducat:…@db:5432/ducat", true));
}
