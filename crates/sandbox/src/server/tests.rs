//! Lines that are cut on purpose, and deliveries that share the way out.

use super::*;

fn delivery(id: &str, url: &str) -> Delivery {
    Delivery { id: id.into(), url: url.into(), body: String::new(), signature: String::new(), event_id: String::new() }
}

#[test]
fn a_cut_counts_from_the_blank_line_and_then_lets_nothing_through() {
    let shears = Shears::default();
    assert_eq!(shears.allowed(b"anything"), 8);
    shears.cut_in_body(3);
    assert_eq!(shears.allowed(b"HTTP/1.1 200 OK\r\nA: b\r\n\r"), 24);
    assert_eq!(shears.allowed(b"\nabcdef"), 4);
    assert_eq!(shears.allowed(b"def"), 0);
}

#[test]
fn a_slow_endpoint_leaves_room_for_the_others() {
    let mut outbox = Outbox::default();
    for n in 0..50 {
        outbox.take(delivery(&format!("a/{n}"), "http://slow"));
    }
    let slow = std::iter::from_fn(|| outbox.next()).count();
    outbox.take(delivery("a/99", "http://quick"));
    assert_eq!(slow, POSTS_PER_ENDPOINT);
    assert_eq!(outbox.next().map(|d| d.url), Some("http://quick".to_owned()));
    outbox.ended("http://slow", "a/0");
    assert_eq!(outbox.next().map(|d| d.id), Some("a/4".to_owned()));
}

#[test]
fn a_delivery_handed_out_twice_is_posted_once() {
    let mut outbox = Outbox::default();
    outbox.take(delivery("a/1", "http://x"));
    outbox.take(delivery("a/1", "http://x"));
    assert!(outbox.next().is_some());
    outbox.take(delivery("a/1", "http://x"));
    assert!(outbox.next().is_none());
}

struct Still;

impl ducat_domain::Clock for Still {
    fn now(&self) -> ducat_domain::Timestamp {
        ducat_domain::Timestamp::from_micros(1_800_000_000_000_000)
    }
}

impl ducat_domain::Chance for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// What comes over a raw connection until the server closes it.
async fn ask(address: SocketAddr) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut line = TcpStream::connect(address).await.unwrap();
    line.write_all(b"GET /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk_test_x\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    line.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_dropped_answer_says_nothing_and_a_truncated_one_breaks_its_promise() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let sandbox = Sandbox::new(Arc::new(Still), Arc::new(Still), crate::Settings::default());
    let script = |fault: &str| {
        let body = json!({ "fault": fault, "operation": "customers.list" }).to_string().into_bytes();
        assert_eq!(sandbox.handle(&Request { body, ..Request::new("POST", "/_sandbox/faults") }).status, 200);
    };
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, sandbox.clone(), async move { drop(ended.await) }));
    script("drop_response");
    assert_eq!(ask(address).await, "");
    script("truncate");
    let cut = ask(address).await;
    let (head, body) = cut.split_once("\r\n\r\n").unwrap();
    let promised = head.lines().find_map(|l| l.strip_prefix("content-length: ")).unwrap();
    assert_eq!(promised.parse::<usize>().unwrap() / 2, body.len());
    end.send(()).unwrap();
    serving.await.unwrap().unwrap();
}
