//! The transport against real sockets that behave badly.

use super::*;
use ducat_domain::Secret;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

/// A server for one connection; says where it is.
fn serve<T: Send + 'static>(behave: impl FnOnce(TcpStream) -> T + Send + 'static) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || behave(listener.accept().unwrap().0));
    (format!("http://{address}"), server)
}

/// Reads a request to the end of its head, and its body as far as it was announced.
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

/// Answers with these bytes and closes.
fn answering(bytes: &'static str) -> (String, JoinHandle<String>) {
    serve(move |mut stream| {
        let request = request(&mut stream);
        let _ = stream.write_all(bytes.as_bytes());
        request
    })
}

async fn post(url: &str) -> Reply {
    let request = Outgoing {
        method: HttpMethod::Post,
        url: format!("{url}/v1/refunds"),
        headers: vec![("authorization".into(), Secret::new("Bearer sk_test_1")), ("idempotency-key".into(), Secret::new("pa_1"))],
        body: b"amount=5".to_vec(),
        timeout: Duration::from_millis(500),
    };
    HttpTransport::new().unwrap().send(request).await
}

fn is_lost(reply: &Reply) -> bool {
    matches!(reply, Err(SendFailure::Lost(_)))
}

#[tokio::test]
async fn a_request_arrives_as_it_was_given_and_the_answer_comes_back_whole() {
    let (url, server) = answering("HTTP/1.1 402 No\r\nRequest-Id: req_1\r\nContent-Length: 2\r\n\r\n{}");
    let reply = post(&url).await.unwrap();
    assert_eq!((reply.status, reply.header("request-id"), reply.body.as_slice()), (402, Some("req_1"), &b"{}"[..]));
    let request = server.join().unwrap();
    assert!(request.starts_with("POST /v1/refunds HTTP/1.1\r\n"), "{request}");
    for line in ["authorization: Bearer sk_test_1", "idempotency-key: pa_1", "user-agent: ducat/", "\r\n\r\namount=5"] {
        assert!(request.contains(line), "{line} is not in {request}");
    }
}

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    let reply = post(&format!("http://127.0.0.1:{}", ducat_test_servers::free_port())).await;
    assert!(matches!(&reply, Err(SendFailure::NotSent(why)) if !why.contains("refunds")), "{reply:?}");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_got_nothing() {
    let (url, _server) = serve(|mut stream| {
        let mut hello = [0; 16];
        stream.read_exact(&mut hello).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let reply = post(&url.replace("http:", "https:")).await;
    assert!(matches!(reply, Err(SendFailure::NotSent(_))), "{reply:?}");
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_sends_nothing() {
    let request = Outgoing {
        method: HttpMethod::Get,
        url: "http://127.0.0.1:9/".into(),
        headers: vec![("authorization".into(), Secret::new("a\nb"))],
        body: vec![],
        timeout: Duration::from_secs(1),
    };
    assert!(matches!(HttpTransport::new().unwrap().send(request).await, Err(SendFailure::NotSent(_))));
}

#[test]
fn what_is_no_whole_address_is_not_sent() {
    let written = |url| target(url).map(|uri| uri.to_string());
    assert_eq!(written("https://api.stripe.com/v1?a=%2F").as_deref(), Some("https://api.stripe.com/v1?a=%2F"));
    for partial in ["no address", "localhost:8080", "/v1/refunds"] {
        assert_eq!(written(partial), None, "{partial}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_may_have_acted() {
    let (done, hang) = mpsc::channel::<()>();
    let (url, _server) = serve(move |mut stream| {
        request(&mut stream);
        let _ = hang.recv();
    });
    assert!(is_lost(&post(&url).await));
    drop(done);
}

#[tokio::test]
async fn a_server_that_hangs_up_may_have_acted() {
    let (url, _server) = answering("");
    assert!(is_lost(&post(&url).await));
}

#[tokio::test]
async fn half_an_answer_is_none() {
    for cut in [
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"object\":\"refund\"}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    ] {
        let (url, _server) = answering(cut);
        let reply = post(&url).await;
        assert!(is_lost(&reply), "{reply:?}");
    }
}

#[tokio::test]
async fn garbage_may_come_from_a_server_that_acted() {
    for garbage in ["\u{0}\u{1}\u{2}\r\n\r\n", "SSH-2.0-server\r\n", "HTTP/1.1 9999 What\r\n\r\n"] {
        let (url, _server) = answering(garbage);
        let reply = post(&url).await;
        assert!(is_lost(&reply), "{reply:?}");
    }
}

// The connection is closed by a task of the runtime, which must go on while the test waits for the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gigabyte_is_not_read() {
    for head in ["HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"] {
        let (url, server) = serve(move |mut stream| {
            request(&mut stream);
            stream.write_all(head.as_bytes()).unwrap();
            let block = vec![b' '; 1 << 20];
            (0..1024).take_while(|_| stream.write_all(&block).is_ok()).count()
        });
        let reply = post(&url).await;
        assert!(is_lost(&reply), "{reply:?}");
        // What the sockets' buffers took beyond the limit is the kernel's affair.
        assert!(server.join().unwrap() < 64);
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let location = format!("http://{}/", elsewhere.local_addr().unwrap());
    let (url, _server) = serve(move |mut stream| {
        request(&mut stream);
        write!(stream, "HTTP/1.1 307 Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    assert_eq!(post(&url).await.map(|reply| reply.status), Ok(307));
    assert!(elsewhere.accept().is_err(), "somebody followed");
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_is_not_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            request(&mut stream);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
    });
    let transport = HttpTransport::new().unwrap();
    for _ in 0..2 {
        let request = Outgoing {
            method: HttpMethod::Get,
            url: url.clone(),
            headers: vec![],
            body: vec![],
            timeout: Duration::from_secs(5),
        };
        assert_eq!(transport.send(request).await.map(|reply| reply.status), Ok(200));
        // The end of the connection arrives on the loopback before the next request is made.
        transport.wait(Duration::from_millis(50)).await;
    }
    server.join().unwrap();
}

mod whole {
    //! The talk and the transport together, as the engine uses them.

    use super::super::super::{Patience, talk};
    use super::*;
    use ducat_connectors::{Account, Fault, Operation};
    use ducat_domain::payments::PspToken;

    async fn close(base: String) -> Result<ducat_connectors::Outcome, Fault> {
        let settings = [("api_key", "sk_test_1".to_owned()), ("api_base", base)];
        let account = Account { settings: settings.into_iter().map(|(n, v)| (n.to_owned(), Secret::new(v))).collect() };
        let operation = Operation::Close { token: PspToken("cs_1".into()), key: "pa_1".into() };
        let patience = Patience { total: Duration::from_secs(2), tries: 2, ..Patience::default() };
        let stripe = ducat_connectors::connector("stripe").unwrap();
        talk(&HttpTransport::new().unwrap(), stripe, &account, &operation, patience).await
    }

    #[tokio::test]
    async fn nobody_there_is_safe_to_try_again_and_no_answer_is_unknown() {
        let nobody = format!("http://127.0.0.1:{}", ducat_test_servers::free_port());
        assert!(matches!(close(nobody).await, Err(Fault::Retry { .. })));
        let (url, _server) = answering("");
        assert!(matches!(close(url).await, Err(Fault::Unknown(_))));
        let (url, _server) = answering("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
        assert!(matches!(close(url).await, Err(Fault::Unknown(_))));
        let (url, _server) = answering("HTTP/1.1 302 Elsewhere\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
        assert!(matches!(close(url).await, Err(Fault::Protocol(_))));
    }
}
