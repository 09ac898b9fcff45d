//! Somebody who presses Enter. Standard input is read only once there is a reason to, and never from the background, where the
//! terminal would stop the program.

use std::io::{BufRead, IsTerminal};
use tokio::sync::mpsc;

/// How many presses may wait.
const WAITING: usize = 4;

/// The wait for Enter.
#[derive(Default)]
pub struct Enter {
    presses: Option<mpsc::Receiver<()>>,
}

impl Enter {
    /// Heeds Enter from now on. Says whether somebody can be asked to press it who has not been asked yet.
    pub fn heed(&mut self) -> bool {
        if self.presses.is_some() || !in_foreground() {
            return false;
        }
        let (press, presses) = mpsc::channel(WAITING);
        self.presses = Some(presses);
        // A thread of its own: reading a terminal cannot be called off, and the program must be able to end meanwhile.
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                if line.is_err() || press.blocking_send(()).is_err() {
                    return;
                }
            }
        });
        true
    }

    /// Ends when Enter was pressed; never where nobody can.
    pub async fn pressed(&mut self) {
        let Some(presses) = &mut self.presses else { return std::future::pending().await };
        if presses.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Whether reading the terminal would not stop us: its foreground group is ours. Where the system does not tell, it is believed.
fn in_foreground() -> bool {
    if !std::io::stdin().is_terminal() {
        return true;
    }
    // proc_pid_stat(5): after the name in parentheses come state, parent, group, session, terminal, the terminal's foreground group.
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return true };
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().collect();
    match (fields.get(2), fields.get(5)) {
        (Some(group), Some(foreground)) => group == foreground,
        _ => true,
    }
}
