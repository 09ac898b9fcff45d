//! Writes many orders into a database file, or verifies one that is there, and says how long it took:
//! `cargo run --release -p ducat-store --example many_orders -- FILE [ORDERS]`.

#![allow(missing_docs, dead_code, unused_imports, unused_macros)]

#[path = "../tests/it/builders.rs"]
mod builders;
#[path = "../tests/it/crowd.rs"]
mod crowd;

use builders::World;
use ducat_store::WriterMode;
use std::time::Instant;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("the path of a database file");
    let orders: u64 = arguments.next().map_or(0, |n| n.parse().expect("a number of orders"));
    builders::run(async {
        let seed = std::fs::metadata(&path).map_or(0, |file| file.len());
        let w = World::open(path.into(), WriterMode::Thread, seed);
        let start = Instant::now();
        if orders > 0 {
            let shop = w.shop().await;
            crowd::crowd(&w, shop, orders).await;
            println!("{orders} orders in {:.1} s", start.elapsed().as_secs_f64());
            return;
        }
        let report = w.store.verify().await.expect("a report");
        for (table, rows) in &report.checked {
            println!("{rows:>12}  {table}");
        }
        println!("{} invariants, {} findings, {:.1} s", report.invariants, report.findings.len(), start.elapsed().as_secs_f64());
        for finding in report.findings.iter().take(10) {
            println!("{}: {}", finding.invariant, finding.subject);
        }
    });
}
