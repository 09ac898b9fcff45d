//! Through PgBouncer in transaction mode, which gives each transaction whichever connection is free.

use crate::builders::*;
use ducat_domain::payments::*;
use ducat_store::*;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many connections to the server the pooler has: fewer than the store has to the pooler.
const CONNECTIONS: u32 = 3;
/// How many customers pay at once, and how often each of them.
const CUSTOMERS: usize = 12;
const ROUNDS: usize = 5;
/// How long the pooler may take to start.
const START: Duration = Duration::from_secs(30);

/// A pooler that runs until it is dropped.
struct Pooler {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Pooler {
    fn before(url: &str) -> Self {
        let server = url.split(['@', '/']).find(|part| part.starts_with("127.0.0.1:")).unwrap();
        let port_of_server = server.rsplit(':').next().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let port = ducat_test_servers::free_port();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={port_of_server} user=ducat\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = transaction\ndefault_pool_size = {CONNECTIONS}\nmax_client_conn = 200\n\
             ignore_startup_parameters = extra_float_digits\n"
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).unwrap();
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.trim_ascii() == b"0");
        let mut command = Command::new("pgbouncer");
        if is_root {
            // It refuses to run as root.
            let open = Command::new("chown").args(["-R", "postgres"]).arg(folder.path()).status();
            assert!(open.is_ok_and(|status| status.success()));
            command = Command::new("setpriv");
            command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "pgbouncer"]);
        }
        let process = command.arg("-q").arg(&file).stdin(Stdio::null()).spawn().expect("pgbouncer: tests/install installs it");
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < START, "PgBouncer does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { process, port, _folder: folder }
    }

    /// The same database, through the pooler.
    fn url(&self, url: &str) -> String {
        format!("postgres://ducat@127.0.0.1:{}/{}", self.port, url.rsplit('/').next().unwrap())
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn many_pay_at_once_through_a_pooler_that_changes_connections() {
    run(async {
        let url = ducat_test_servers::database();
        let pooler = Pooler::before(&url);
        // Migrated through the pooler as well.
        let w = Arc::new(World::at_server(pooler.url(&url), Statements::ReadAnew, 7).await);
        let shop = w.shop().await;
        let customers: Vec<_> = (0..CUSTOMERS)
            .map(|_| {
                let w = Arc::clone(&w);
                tokio::spawn(async move {
                    for _ in 0..ROUNDS {
                        let paid = w.paid(shop).await;
                        let found = w.store.payment(shop.merchant, paid.order.id).await.unwrap();
                        assert_eq!(found, Some(paid));
                    }
                })
            })
            .collect();
        for customer in customers {
            customer.await.unwrap();
        }
        let listed = w.store.payments(shop.merchant, OrderFilter::default(), PageAnchor::Newest, 100).await.unwrap();
        let succeeded = |payment: &&Payment| payment.order.status == OrderStatus::Succeeded;
        assert_eq!(listed.data.iter().filter(succeeded).count(), CUSTOMERS * ROUNDS);
        w.assert_sound().await;
    });
}
