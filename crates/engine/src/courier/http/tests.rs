//! The courier against real sockets that behave badly.

use super::*;
use crate::courier::Found;
use ducat_domain::Secret;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

/// A server for one connection; says at which port.
fn serve<T: Send + 'static>(behave: impl FnOnce(TcpStream) -> T + Send + 'static) -> (u16, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, thread::spawn(move || behave(listener.accept().unwrap().0)))
}

/// Reads a request to its end.
fn request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        text.push(byte[0]);
    }
    let head = String::from_utf8(text).unwrap();
    let announced = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; announced];
    stream.read_exact(&mut body).unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

fn loopback() -> Guard {
    Guard::new(["127.0.0.0/8".parse().unwrap()])
}

/// A resolver that gives one answer after the other, and notes what it was asked.
#[derive(Default)]
struct Scripted {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Scripted {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let answers = answers.iter().rev().map(|one| one.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: Mutex::default() })
    }
}

impl Lookup for Scripted {
    fn lookup(&self, name: &str) -> Found<'_> {
        self.asked.lock().unwrap().push(name.to_owned());
        let next = self.answers.lock().unwrap().pop();
        Box::pin(async move { next.ok_or_else(|| std::io::Error::other("no such name")) })
    }
}

async fn post(courier: &HttpCourier, url: &str) -> Reply {
    let request = Outgoing {
        method: HttpMethod::Post,
        url: url.to_owned(),
        headers: vec![("webhook-id".into(), Secret::new("evt_1"))],
        body: b"{}".to_vec(),
        timeout: Duration::from_millis(700),
    };
    courier.send(request).await
}

async fn post_local(port: u16) -> Reply {
    post(&HttpCourier::new(loopback()).unwrap(), &format!("http://127.0.0.1:{port}/hooks?a=b")).await
}

fn not_sent(reply: Reply) -> String {
    match reply {
        Err(SendFailure::NotSent(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_delivery_arrives_as_it_was_given_and_the_answer_is_brought_back() {
    let (port, server) = serve(|mut stream| {
        let request = request(&mut stream);
        stream.write_all(b"HTTP/1.1 202 Yes\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nok").unwrap();
        request
    });
    let reply = post_local(port).await.unwrap();
    assert_eq!((reply.status, reply.header("retry-after"), reply.body.as_slice()), (202, Some("7"), &b"ok"[..]));
    let request = server.join().unwrap();
    assert!(request.starts_with("POST /hooks?a=b HTTP/1.1\r\n"), "{request}");
    let version = concat!("user-agent: Ducat/", env!("CARGO_PKG_VERSION"), "\r\n");
    for line in ["webhook-id: evt_1\r\n", version, "\r\n\r\n{}"] {
        assert!(request.contains(line), "{line} is not in {request}");
    }
    assert!(!request.to_lowercase().contains("cookie") && !request.to_lowercase().contains("referer"), "{request}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let location = format!("http://{}/", elsewhere.local_addr().unwrap());
    for status in [301, 302, 303, 307, 308] {
        let location = location.clone();
        let (port, _server) = serve(move |mut stream| {
            request(&mut stream);
            write!(stream, "HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").unwrap();
        });
        assert_eq!(post_local(port).await.map(|reply| reply.status), Ok(status));
    }
    assert!(elsewhere.accept().is_err(), "somebody followed");
}

// The connection is closed by a task of the runtime, which must go on while the test waits for the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_gigabyte_only_the_beginning_is_read() {
    for head in ["HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"] {
        let (port, server) = serve(move |mut stream| {
            request(&mut stream);
            stream.write_all(head.as_bytes()).unwrap();
            let block = vec![b'x'; 1 << 20];
            (0..1024).take_while(|_| stream.write_all(&block).is_ok()).count()
        });
        let reply = post_local(port).await.unwrap();
        assert_eq!((reply.status, reply.body.len()), (200, ANSWER_READ));
        // What the sockets' buffers took beyond that is the kernel's affair.
        assert!(server.join().unwrap() < 64);
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_left() {
    let (done, hang) = mpsc::channel::<()>();
    let (port, _server) = serve(move |mut stream| {
        request(&mut stream);
        let _ = hang.recv();
    });
    assert_eq!(post_local(port).await, Err(SendFailure::Lost("no answer came in time".into())));
    drop(done);
}

#[tokio::test]
async fn an_answer_that_trickles_counts_by_its_status() {
    let (done, hang) = mpsc::channel::<()>();
    let (port, _server) = serve(move |mut stream| {
        request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nso far").unwrap();
        let _ = hang.recv();
    });
    let reply = post_local(port).await.unwrap();
    assert_eq!((reply.status, reply.body.as_slice()), (200, &b"so far"[..]));
    drop(done);
}

#[tokio::test]
async fn a_closed_port_is_told_as_such() {
    let port = ducat_test_servers::free_port();
    assert!(not_sent(post_local(port).await).to_lowercase().contains("refused"));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to_and_the_address_is_not_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let inside: &[&[&str]] =
        &[&["127.0.0.1"], &["10.1.2.3", "169.254.169.254"], &["::1"], &["::ffff:127.0.0.1"], &["64:ff9b::7f00:1"]];
    let courier = HttpCourier::with_lookup(Guard::default(), Scripted::new(inside)).unwrap();
    for addresses in inside {
        let why = not_sent(post(&courier, &format!("https://shop.example:{port}/")).await);
        assert_eq!(why, "the name leads to no address that may be connected to", "{addresses:?}");
    }
    assert!(listener.accept().is_err(), "somebody connected");
}

#[tokio::test]
async fn a_name_that_is_bound_anew_gains_nothing() {
    // Looked at once and connected to what was seen: the second answer would have led inside, and is never asked for.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    // 127.0.0.2 is what is allowed here, and nobody listens there; 127.0.0.1 plays the inside.
    let guard = Guard::new(["127.0.0.2/32".parse().unwrap()]);
    let lookup = Scripted::new(&[&["127.0.0.2"], &["127.0.0.1"]]);
    let courier = HttpCourier::with_lookup(guard, Arc::clone(&lookup) as Arc<dyn Lookup>).unwrap();
    let url = format!("http://shop.example:{port}/");
    assert!(not_sent(post(&courier, &url).await).to_lowercase().contains("refused"));
    assert_eq!(*lookup.asked.lock().unwrap(), ["shop.example"]);
    // The next delivery is looked at again.
    assert_eq!(not_sent(post(&courier, &url).await), "the name leads to no address that may be connected to");
    assert!(listener.accept().is_err(), "somebody connected");
}

#[tokio::test]
async fn of_several_addresses_only_the_allowed_are_tried() {
    let (port, server) = serve(|mut stream| {
        let request = request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        request
    });
    let lookup = Scripted::new(&[&["10.0.0.1", "169.254.169.254", "127.0.0.1"]]);
    let courier = HttpCourier::with_lookup(loopback(), lookup).unwrap();
    assert_eq!(post(&courier, &format!("http://shop.example:{port}/")).await.map(|reply| reply.status), Ok(200));
    assert!(server.join().unwrap().contains("host: shop.example:"));
}

#[tokio::test]
async fn without_tls_only_named_networks_are_reached() {
    let lookup = Scripted::new(&[&["93.184.215.14"]]);
    let courier = HttpCourier::with_lookup(loopback(), lookup).unwrap();
    assert_eq!(not_sent(post(&courier, "http://shop.example/").await), "the name leads to no address that may be connected to");
    let strict = HttpCourier::new(Guard::default()).unwrap();
    for url in
        ["http://127.0.0.1:1/", "https://127.0.0.1:1/", "https://[::1]:1/", "https://2130706433:1/", "https://u:p@shop.example/"]
    {
        not_sent(post(&strict, url).await);
    }
}
