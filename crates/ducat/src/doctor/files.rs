//! The data folder, the disk below it, and who may read the secrets.

use super::check::Check;
use crate::config::{Config, Source};
use crate::{files, wiring};
use std::io;
use std::path::Path;

/// The check of the key that encrypts credentials.
const KEY: &str = "master key";

pub(super) async fn look(config: &Config) -> Vec<Check> {
    [Some(folder(&config.data_dir)), Some(master_key(config).await), settings_file(config)].into_iter().flatten().collect()
}

/// Writing is tried, for rights alone do not tell of a full or read-only disk.
fn folder(path: &Path) -> Check {
    const NAME: &str = "data folder";
    let shown = path.display();
    if !path.is_dir() {
        return match unmakeable(path) {
            None => Check::ok(NAME, format!("{shown} is not there yet; `ducat serve` makes it")),
            Some(e) => Check::fail(
                NAME,
                format!("data_dir: the folder {shown} cannot be made: {e}"),
                "Name one that the gateway's user may make, or make it for that user.",
            ),
        };
    }
    let probe = path.join(".doctor");
    let written = files::write_private(&probe, &[0; 4096]);
    // What could not be written cannot be removed either; the write says why.
    let _ = std::fs::remove_file(&probe);
    match written {
        Ok(()) => Check::ok(NAME, format!("{shown} can be written")),
        Err(e) => Check::fail(
            NAME,
            format!("data_dir: {shown}: {e}"),
            "Give the gateway's user the right to write there, and room on the disk.",
        ),
    }
}

/// Why a folder that is not there cannot be made. That is tried in the nearest one that is there, and leaves nothing behind.
pub(super) fn unmakeable(path: &Path) -> Option<io::Error> {
    if path.is_dir() {
        return None;
    }
    let nearest = path.ancestors().find(|folder| folder.symlink_metadata().is_ok()).unwrap_or(Path::new(""));
    let probe = nearest.join(format!(".ducat-doctor-{}", std::process::id()));
    std::fs::create_dir(&probe).and_then(|()| std::fs::remove_dir(&probe)).err()
}

async fn master_key(config: &Config) -> Check {
    if config.master_key.is_some() {
        return Check::ok(KEY, "from the configuration");
    }
    let path = wiring::master_key_path(config);
    let shown = path.display();
    match files::is_open_to_others(&path) {
        Ok(false) => Check::ok(KEY, format!("{shown}, for its owner alone")),
        Ok(true) => Check::fail(KEY, format!("{shown} can be read by others"), format!("Run: chmod 600 {shown}")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => missing_key(config, &format!("{shown} is not there")).await,
        Err(e) => lost_key(&format!("{shown}: {e}")),
    }
}

/// Whether a missing key is a lost one: only where something was encrypted with it.
async fn missing_key(config: &Config, what: &str) -> Check {
    match wiring::is_new(config).await {
        Ok(true) => Check::ok(KEY, "not there yet; the first start makes it"),
        Ok(false) => lost_key(what),
        Err(_) => Check::warn(
            KEY,
            format!("{what}, and the database does not tell whether it is needed"),
            "Look at the database below first, then run `ducat doctor` again.",
        ),
    }
}

fn lost_key(what: &str) -> Check {
    Check::fail(KEY, what, "Bring the file back from your copy, or set DUCAT_MASTER_KEY: without it no credential can be read.")
}

/// A file with secrets in it is as secret as they are.
fn settings_file(config: &Config) -> Option<Check> {
    const NAME: &str = "settings file";
    let with_secret = config.origins.iter().filter(|origin| origin.is_secret);
    let path = with_secret.into_iter().find_map(|origin| match &origin.source {
        Source::File { path, .. } => Some(path),
        _ => None,
    })?;
    match files::is_open_to_others(Path::new(path)) {
        Ok(true) => {
            Some(Check::warn(NAME, format!("{path} holds secrets and can be read by others"), format!("Run: chmod 600 {path}")))
        }
        _ => Some(Check::ok(NAME, format!("{path}, for its owner alone"))),
    }
}
