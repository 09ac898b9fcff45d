//! What nodes share through Valkey, and what they do without it.

use crate::support::process::PATIENCE;
use crate::valkey::Valkey;
use crate::world::{KEY, Node, World};
use serde_json::json;
use std::time::{Duration, Instant};

const BURST: u32 = 40;

async fn node(world: &World, name: &str, valkey: &Valkey) -> Node {
    let node = world
        .node(name, |program| {
            // So slow that next to nothing comes back while the test runs.
            program
                .with("DUCAT_CACHE_URL", valkey.url())
                .with("DUCAT_TRUSTED_PROXIES", "127.0.0.1")
                .with("DUCAT_RATE_LIMIT_PER_ADDRESS_PER_SECOND", 1)
                .with("DUCAT_RATE_LIMIT_PER_ADDRESS_BURST", BURST)
        })
        .await;
    world.until_cache(&node, "shared").await;
    node
}

/// A customer asks for a page, from a public address through a proxy; whether they were let through. Anything but that and a refusal is an
/// error.
async fn call(world: &World, node: &Node) -> bool {
    let page = format!("{}/pay/po_00000000000000000000000000", node.url);
    let answer = world.http.get_through_proxy(&page, "203.0.113.7").await.unwrap();
    assert!(matches!(answer.status, 404 | 429), "{}", answer.told());
    answer.status == 404
}

async fn admitted(world: &World, nodes: &[&Node], calls: u32) -> u32 {
    let mut admitted = 0;
    for number in 0..calls {
        admitted += u32::from(call(world, nodes[number as usize % nodes.len()]).await);
    }
    admitted
}

/// What came back in this time at one call a second, and one more for the second that had begun.
fn came_back(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_secs()).unwrap() + 2
}

/// How often these nodes went on without Valkey: a machine that stands still for longer than the 50 ms of an answer looks to a node as Valkey
/// does that is away. Then each counts for itself for a while.
async fn losses(world: &World, nodes: &[&Node]) -> u64 {
    let mut losses = 0;
    for node in nodes {
        losses += world.figure(node, "ducat_cache_failures_total", "").await;
    }
    losses
}

#[tokio::test]
async fn two_nodes_count_together_and_each_for_itself_while_valkey_is_dead() {
    let (world, mut valkey, begun) = (World::begin().await, Valkey::start(), Instant::now());
    let (a, b) = (node(&world, "a", &valkey).await, node(&world, "b", &valkey).await);
    // The address has its burst once. (At one call a second an allowance is one call, so nothing is taken beforehand.)
    let together = admitted(&world, &[&a, &b], 2 * BURST).await;
    let lost = losses(&world, &[&a, &b]).await;
    assert!(together >= BURST, "{together}");
    assert!(lost > 0 || together <= BURST + came_back(begun), "{together}");

    valkey.kill();
    // Who is known to have nothing left is still told so for the tenth of a second in which nobody has noticed.
    let mut alone = 0;
    let killed = Instant::now();
    while world.cache_of(&a).await != "degraded" || world.cache_of(&b).await != "degraded" {
        assert!(
            killed.elapsed() < PATIENCE,
            "a node does not notice that Valkey is dead:\n{}\n{}",
            a.running.said(),
            b.running.said()
        );
        alone += admitted(&world, &[&a, &b], 2).await;
    }
    alone += admitted(&world, &[&a, &b], 3 * BURST).await;
    // What a node let in by itself before, when it had lost Valkey for a moment, was of the same burst.
    let all = together + alone;
    assert!((3 * BURST..=3 * (BURST + came_back(begun))).contains(&all), "each node has a burst of its own: {together}, {alone}");
    for node in [&a, &b] {
        assert_eq!(world.figure(node, "ducat_cache_degraded", "").await, 1);
        assert!(world.figure(node, "ducat_cache_failures_total", "").await > 0);
        let said = node.running.said();
        let told = said.matches("the shared cache does not answer").count();
        assert!(told == 1 || lost > 0, "said {told} times: {said}");
    }

    valkey.start_again();
    for node in [&a, &b] {
        world.until_cache(node, "shared").await;
        assert_eq!(world.figure(node, "ducat_cache_degraded", "").await, 0);
        assert!(node.running.said().contains("the shared cache answers again"));
    }
    let (since, lost) = (Instant::now(), losses(&world, &[&a, &b]).await);
    // Who had nothing left when Valkey died is not asked about again before a call can have come back.
    let mut again = 0;
    while again == 0 {
        assert!(since.elapsed() < PATIENCE, "nobody is let in again, in an empty Valkey");
        again += admitted(&world, &[&a, &b], 2).await;
    }
    again += admitted(&world, &[&a, &b], 3 * BURST).await;
    // What has come back in a node's own bucket since it had nothing left is let in only where Valkey was lost once more.
    let own = if losses(&world, &[&a, &b]).await > lost { 2 * came_back(killed) } else { 0 };
    assert!((BURST..=BURST + came_back(since) + own).contains(&again), "together again, in an empty Valkey: {again}");
}

#[tokio::test]
async fn a_node_that_starts_beside_a_valkey_that_is_well_warns_of_nothing() {
    let (world, valkey) = (World::begin().await, Valkey::start());
    let a = node(&world, "a", &valkey).await;
    // It has made its account, of which all nodes are told, before it looked at Valkey for the first time.
    let said = a.running.said();
    assert!(!said.contains("could not be told") || losses(&world, &[&a]).await > 0, "{said}");
}

#[tokio::test]
async fn a_valkey_that_hangs_slows_one_request_and_not_the_next() {
    let (world, valkey) = (World::begin().await, Valkey::start());
    let a = node(&world, "a", &valkey).await;
    assert!(call(&world, &a).await);
    let (before, frozen) = (losses(&world, &[&a]).await, Instant::now());
    valkey.freeze();
    for _ in 0..BURST {
        let begun = Instant::now();
        assert!(call(&world, &a).await);
        // Whoever waits for Valkey waits until it is thawed, which is later.
        assert!(begun.elapsed() < PATIENCE, "a call waits for a Valkey that does not answer: {:?}", begun.elapsed());
    }
    world.until_cache(&a, "degraded").await;
    // One call, and from then on nobody but the look that is made now and then.
    let asked = losses(&world, &[&a]).await - before;
    assert!((1..=2 + 2 * frozen.elapsed().as_secs()).contains(&asked), "{asked} times");
    valkey.thaw();
    world.until_cache(&a, "shared").await;
}

#[tokio::test]
async fn doctor_tells_how_the_cache_is() {
    let (world, mut valkey) = (World::begin().await, Valkey::start_with(&["--requirepass", "hunter2"]));
    let url = valkey.url().replace("redis://", "redis://:hunter2@");
    let a = world.node("a", |program| program.with("DUCAT_CACHE_URL", url)).await;
    let line = |a: &Node| {
        let output = a.program.run(&["doctor"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!said.contains("hunter2"), "{said}");
        said.lines().find(|line| line.contains(" cache ")).unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    let well = line(&a);
    assert!(well.starts_with("ok") && well.contains(" answers: "), "{well}");
    assert!(!a.running.said().contains("hunter2"));
    valkey.kill();
    assert!(line(&a).starts_with("warn"));
}

#[tokio::test]
async fn a_key_taken_back_by_the_command_line_dies_at_once_on_a_running_node() {
    let (world, valkey) = (World::begin().await, Valkey::start());
    let a = node(&world, "a", &valkey).await;
    let wish = json!({ "name": "till", "scope": "read" });
    let made = world.http.post_json(&format!("{}/v1/api_keys", a.url), KEY, None, &wish).await.unwrap().json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let merchant = format!("{}/v1/merchant", a.url);
    assert_eq!(world.http.get(&merchant, Some(key)).await.unwrap().status, 200);
    let begun = Instant::now();
    let output = a.program.run(&["keys", "revoke", id]);
    assert!(output.status.success(), "{output:?}");
    let revoked = Instant::now();
    while world.http.get(&merchant, Some(key)).await.unwrap().status != 401 {
        assert!(begun.elapsed() < PATIENCE, "the key that was taken back opens still");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // A key is believed for five seconds without looking: this is the news, and not the end of that time.
    assert!(revoked.elapsed() < Duration::from_secs(4), "{:?}", revoked.elapsed());
}

#[tokio::test]
async fn a_key_taken_back_on_one_node_dies_on_the_other_with_valkey_and_without() {
    let (world, mut valkey) = (World::begin().await, Valkey::start());
    let (a, b) = (node(&world, "a", &valkey).await, node(&world, "b", &valkey).await);
    let merchant = format!("{}/v1/merchant", b.url);
    let opens = async |key: &str| world.http.get(&merchant, Some(key)).await.unwrap().status == 200;
    // A key is believed for five seconds without looking.
    for (longest, shared) in [(Duration::from_secs(4), "shared"), (Duration::from_secs(12), "degraded")] {
        let wish = json!({ "name": "till", "scope": "read" });
        let made = world.http.post_json(&format!("{}/v1/api_keys", a.url), KEY, None, &wish).await.unwrap().json();
        let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
        if shared == "degraded" {
            valkey.kill();
            world.until_cache(&a, shared).await;
        }
        world.until_cache(&b, shared).await;
        assert!(opens(key).await, "what one node made, the other knows");
        let revoke = format!("{}/v1/api_keys/{id}/revoke", a.url);
        assert_eq!(world.http.post_json(&revoke, KEY, None, &json!({})).await.unwrap().status, 200);
        let revoked = Instant::now();
        while opens(key).await {
            assert!(revoked.elapsed() < longest, "{shared}: it lives for {:?}", revoked.elapsed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn the_calls_of_a_key_are_counted_over_all_nodes() {
    let (world, valkey, begun) = (World::begin().await, Valkey::start(), Instant::now());
    let settings = |program: crate::support::process::Program| {
        let program = program.with("DUCAT_CACHE_URL", valkey.url()).with("DUCAT_RATE_LIMIT_PER_SECOND", 1);
        program.with("DUCAT_RATE_LIMIT_BURST", BURST)
    };
    let (a, b) = (world.node("a", settings).await, world.node("b", settings).await);
    world.until_cache(&a, "shared").await;
    world.until_cache(&b, "shared").await;
    let mut admitted = 0;
    for number in 0..2 * BURST {
        let node = if number % 2 == 0 { &a } else { &b };
        let answer = world.http.get(&format!("{}/v1/events", node.url), Some(KEY)).await.unwrap();
        assert!(matches!(answer.status, 200 | 429), "{}", answer.told());
        admitted += u32::from(answer.status == 200);
    }
    assert!(admitted >= BURST, "{admitted}");
    let lost = losses(&world, &[&a, &b]).await;
    assert!(lost > 0 || admitted <= BURST + came_back(begun), "{admitted}");
}

#[tokio::test]
async fn the_way_to_valkey_can_be_encrypted_and_a_stranger_s_certificate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (ours, stranger) = (certificate(&at("ours")), certificate(&at("stranger")));
    let port = ducat_test_servers::free_port().to_string();
    let tls = ["--tls-port", &port, "--tls-cert-file", &ours.0, "--tls-key-file", &ours.1, "--tls-ca-cert-file", &ours.0];
    let _valkey = Valkey::start_with(&[&tls[..], &["--tls-auth-clients", "no"]].concat());
    let world = World::begin().await;
    let url = format!("rediss://localhost:{port}");
    let a = world.node("a", |program| program.with("DUCAT_CACHE_URL", &url).with("SSL_CERT_FILE", &ours.0)).await;
    world.until_cache(&a, "shared").await;
    let mut b = world.node("b", |program| program.with("DUCAT_CACHE_URL", &url).with("SSL_CERT_FILE", &stranger.0)).await;
    b.running.until_said("the shared cache does not answer").await;
    assert_eq!(world.cache_of(&b).await, "degraded");
}

/// A certificate for localhost that vouches for itself, and its key.
fn certificate(path: &str) -> (String, String) {
    let (certificate, key) = (format!("{path}.crt"), format!("{path}.key"));
    let subject =
        ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"];
    let output = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-out",
            &certificate,
        ])
        .args(["-keyout", &key])
        .args(subject)
        .output()
        .expect("openssl: tests/install");
    assert!(output.status.success(), "{output:?}");
    (certificate, key)
}
