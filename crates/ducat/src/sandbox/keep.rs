//! Writes the sandbox's world down. While it is small, an answer that tells of a change waits until the change is in the file, so that
//! even a program that is killed finds it again; a large world is written less often, and nobody waits for it.

use crate::files;
use ducat_sandbox::{Keeper, Sandbox};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Writing that takes longer than this is not waited for.
const QUICK: Duration = Duration::from_millis(100);
/// Of the time in which the world changes, at most one part in so many is spent on writing a large one.
const SHARE: u32 = 10;
/// How often time alone (webhooks, sessions that lapse) is given a chance to have changed something.
const IDLE: Duration = Duration::from_secs(5);

/// Asks for the world to be written down, and hears when it is.
pub(super) struct Ask {
    wanted: watch::Sender<u64>,
    written: watch::Receiver<u64>,
}

impl Keeper for Ask {
    fn keep(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut mine = 0;
        self.wanted.send_modify(|count| {
            *count += 1;
            mine = *count;
        });
        let mut written = self.written.clone();
        Box::pin(async move {
            // Too slow, or nobody writes any more: the answer goes out all the same.
            let _ = tokio::time::timeout(QUICK, written.wait_for(|count| *count >= mine)).await;
        })
    }
}

/// Writes the world into the file whenever it is asked to, and a last time when `stop` ends.
pub(super) fn into_file(
    sandbox: Arc<Sandbox>,
    path: PathBuf,
    stop: impl Future<Output = ()> + Send + 'static,
) -> (Arc<Ask>, impl Future<Output = ()> + Send) {
    let (wanted, asked) = watch::channel(0);
    let (tell, written) = watch::channel(0);
    (Arc::new(Ask { wanted, written }), write(File { sandbox, path, world: Vec::new() }, asked, tell, stop))
}

async fn write(mut file: File, mut asked: watch::Receiver<u64>, tell: watch::Sender<u64>, stop: impl Future<Output = ()> + Send) {
    tokio::pin!(stop);
    let mut last = false;
    loop {
        if !last {
            last = tokio::select! {
                () = &mut stop => true,
                _ = asked.changed() => false,
                () = tokio::time::sleep(IDLE) => false,
            };
        }
        let count = *asked.borrow_and_update();
        let begun = Instant::now();
        let durability = if last { Durability::PowerCut } else { Durability::Kill };
        // Not on the threads that answer requests.
        match tokio::task::spawn_blocking(move || file.write(durability)).await {
            Ok(back) if !last => file = back,
            _ => return,
        }
        tell.send_replace(count);
        let took = begun.elapsed();
        if took > QUICK {
            last = tokio::select! {
                () = tokio::time::sleep(took * SHARE) => false,
                () = &mut stop => true,
            };
        }
    }
}

/// What a write survives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// The end of the program.
    Kill,
    /// The end of the machine.
    PowerCut,
}

/// The file, and what is in it.
struct File {
    sandbox: Arc<Sandbox>,
    path: PathBuf,
    world: Vec<u8>,
}

impl File {
    fn write(mut self, durability: Durability) -> Self {
        let world = self.sandbox.save();
        if world == self.world && durability == Durability::Kill {
            return self;
        }
        let written = match durability {
            Durability::Kill => files::replace_private(&self.path, &world),
            Durability::PowerCut => files::write_private(&self.path, &world),
        };
        match written {
            Ok(()) => self.world = world,
            Err(error) => tracing::error!(%error, path = %self.path.display(), "the sandbox cannot be written down"),
        }
        self
    }
}
