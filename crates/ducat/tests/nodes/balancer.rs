//! HAProxy, with the file that is in `deploy`.

use crate::support::http::Http;
use crate::support::process::PATIENCE;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// HAProxy while it runs. Dropping it ends it.
pub struct Balancer {
    pub url: String,
    child: Child,
    log: PathBuf,
}

impl Balancer {
    /// Starts it at this port in front of two nodes, and waits until it has seen one that is ready.
    pub async fn start(folder: &Path, port: u16, nodes: [&str; 2], http: &Http) -> Self {
        let bind = format!("127.0.0.1:{port}");
        let log = folder.join("haproxy.log");
        let file = std::fs::File::create(&log).unwrap();
        let [a, b] = nodes.map(|url| url.trim_start_matches("http://"));
        let child = Command::new("haproxy")
            .args(["-db", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/haproxy.cfg")])
            // Nothing is sent twice, as other load balancers do it: that a node drains has to be enough.
            .env("DUCAT_HAPROXY_RETRIES", "0")
            .envs([("DUCAT_HAPROXY_BIND", bind.as_str()), ("DUCAT_NODE_A", a), ("DUCAT_NODE_B", b)])
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .expect("haproxy: tests/install");
        let balancer = Self { url: format!("http://{bind}"), child, log };
        let begun = Instant::now();
        while !http.get(&format!("{}/healthz", balancer.url), None).await.is_ok_and(|answer| answer.status == 200) {
            assert!(begun.elapsed() < PATIENCE, "{}", balancer.said());
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        balancer
    }

    /// What it said: which node it saw come and go.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
