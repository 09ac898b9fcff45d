//! A PSP that answers at once: as much of Stripe's API as the gateway calls during a payment. It keeps nothing: what it has to know of a
//! session is in the session's id. Whoever asks later is told that the session was paid, for the generator pays each at once.

use crate::Failure;
use crate::http::Connection;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;
use tokio::net::TcpListener;

/// How an attempt's id begins, and how long the rest is.
const ATTEMPT_PREFIX: &str = "pa_";
const ATTEMPT_LENGTH: usize = 26;
const SESSION_PREFIX: &str = "cs_test_";

/// How often each route was asked.
type Asked = Rc<RefCell<BTreeMap<&'static str, u64>>>;

/// Answers on this port until the process ends. Prints its address when it is ready.
pub async fn serve(port: u16) -> Result<(), Failure> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
    println!("{}", listener.local_addr()?);
    let asked = Asked::default();
    loop {
        let (stream, _) = listener.accept().await?;
        let asked = Rc::clone(&asked);
        tokio::task::spawn_local(async move {
            // A gateway that goes away is no news.
            let _ = converse(Connection::over(stream), &asked).await;
        });
    }
}

async fn converse(mut connection: Connection, asked: &Asked) -> std::io::Result<()> {
    while let Some(request) = connection.read().await? {
        let begun = Instant::now();
        let (route, body) = answer(request.first_line, request.body, begun, asked);
        *asked.borrow_mut().entry(route).or_default() += 1;
        let status = if route == "unknown" { "404 Not Found" } else { "200 OK" };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nrequest-id: req_bench\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        connection.write([head.as_bytes(), body.as_bytes()].concat().as_slice()).await?;
    }
    Ok(())
}

fn answer(first_line: &str, body: &[u8], begun: Instant, asked: &Asked) -> (&'static str, String) {
    let mut words = first_line.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = path.split('?').next().unwrap_or_default();
    match (method, path.strip_prefix("/v1/")) {
        ("POST", Some("checkout/sessions")) => match register(body, begun) {
            Some(session) => ("register", session),
            None => ("unknown", refusal("parameter_missing")),
        },
        ("GET", Some("checkout/sessions" | "balance_transactions" | "refunds" | "disputes" | "payouts")) => {
            ("list", nothing(path))
        }
        ("GET", Some(other)) => match other.strip_prefix("checkout/sessions/").and_then(paid) {
            Some(session) => ("fetch", session),
            None => ("unknown", refusal("resource_missing")),
        },
        // A merchant's receiver of webhooks, which takes everything.
        ("POST", None) if path.starts_with("/hook/") => ("hook", "{}".to_owned()),
        ("GET", None) if path == "/asked" => ("asked", serde_json::json!(*asked.borrow()).to_string()),
        _ => ("unknown", refusal("resource_missing")),
    }
}

/// An open session for what was sent. How long we took is told in its address, so that whoever measures can leave it out.
fn register(form: &[u8], begun: Instant) -> Option<String> {
    let form = std::str::from_utf8(form).ok()?;
    let attempt = field(form, "client_reference_id")?;
    let amount: u64 = field(form, "line_items%5B0%5D%5Bprice_data%5D%5Bunit_amount%5D")?.parse().ok()?;
    let id = format!("{SESSION_PREFIX}{}{amount}", attempt.strip_prefix(ATTEMPT_PREFIX)?);
    session(&id)?;
    let common = common(&id, attempt, amount);
    let took = begun.elapsed().as_nanos();
    Some(format!(
        r#"{{{common},"status":"open","payment_status":"unpaid","payment_intent":null,"url":"https://checkout.stripe.com/c/pay/{id}#took={took}"}}"#
    ))
}

fn common(id: &str, attempt: &str, amount: u64) -> String {
    format!(
        r#""id":"{id}","object":"checkout.session","mode":"payment","amount_total":{amount},"currency":"eur","livemode":false,"client_reference_id":"{attempt}","metadata":{{"ducat_attempt":"{attempt}"}}"#
    )
}

/// A form's field, of those that need no decoding.
fn field<'a>(form: &'a str, name: &str) -> Option<&'a str> {
    form.split('&').find_map(|pair| pair.split_once('=').filter(|(n, _)| *n == name).map(|(_, value)| value))
}

/// Attempt and amount of a session.
fn session(id: &str) -> Option<(String, u64)> {
    let rest = id.strip_prefix(SESSION_PREFIX)?;
    let (attempt, amount) = rest.split_at_checked(ATTEMPT_LENGTH)?;
    Some((format!("{ATTEMPT_PREFIX}{attempt}"), amount.parse().ok()?))
}

/// How a session stands for whoever asks later: paid, with what Stripe keeps of it.
fn paid(id: &str) -> Option<String> {
    let (attempt, amount) = session(id)?;
    let (common, fee, name) = (common(id, &attempt, amount), 25 + amount * 15 / 1000, &attempt[ATTEMPT_PREFIX.len()..]);
    Some(format!(
        r#"{{{common},"status":"complete","payment_status":"paid","url":null,"payment_intent":{{"id":"pi_{name}","object":"payment_intent","status":"succeeded","currency":"eur","amount_received":{amount},"latest_charge":{{"id":"ch_{name}","object":"charge","amount":{amount},"amount_captured":{amount},"currency":"eur","disputed":false,"refunds":{{"object":"list","data":[],"has_more":false}},"balance_transaction":{{"id":"txn_{name}","object":"balance_transaction","amount":{amount},"fee":{fee},"currency":"eur"}}}}}}}}"#
    ))
}

fn nothing(path: &str) -> String {
    format!(r#"{{"object":"list","url":"{path}","data":[],"has_more":false}}"#)
}

fn refusal(code: &str) -> String {
    format!(r#"{{"error":{{"type":"invalid_request_error","code":"{code}","message":"The stub knows no such thing."}}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ducat_connectors::{Account, HttpReply, Operation, Outcome, Registration, Step, connector};
    use ducat_domain::payments::{CaptureMode, Observation, Observed, PspToken};
    use ducat_domain::{Money, Timestamp};

    const ATTEMPT: &str = "pa_06axqp2m00e008000000000000";

    /// What the gateway's own connector makes of the stub's answers.
    fn seen(operation: &Operation) -> Observation {
        let (stripe, account) = (connector("stripe").expect("Stripe is there"), Account::default());
        let Ok(Step::Send(request)) = stripe.step(operation, &account, &[]) else { panic!("nothing is sent") };
        let method = if request.body.is_empty() { "GET" } else { "POST" };
        let line = format!("{method} {} HTTP/1.1", request.path);
        let (_, body) = answer(&line, &request.body, Instant::now(), &Asked::default());
        let reply = HttpReply { status: 200, headers: vec![], body: body.into_bytes() };
        match stripe.step(operation, &account, &[Ok(reply)]) {
            Ok(Step::Done(Outcome::Seen(seen))) => seen,
            other => panic!("{other:?}"),
        }
    }

    fn registration() -> Registration {
        Registration {
            attempt: ATTEMPT.into(),
            order: "po_1".into(),
            reference: "b-1".into(),
            amount: Money::new(4_999, "EUR".parse().expect("a currency")),
            capture: CaptureMode::Automatic,
            description: None,
            line_items: vec![],
            customer_email: None,
            return_url: "https://pay.example/return".into(),
            cancel_url: "https://pay.example/".into(),
            expires_at: Timestamp::from_seconds(1_003_600),
            created_at: Timestamp::from_seconds(1_000_000),
        }
    }

    #[test]
    fn a_registration_is_open_and_later_paid_with_its_fee() {
        let open = seen(&Operation::Register(registration()));
        assert_eq!(open.state, Observed::Open);
        assert!(open.redirect_url.as_deref().is_some_and(|url| url.contains("#took=")), "{open:?}");
        let paid = seen(&Operation::Fetch(PspToken(open.token.0.clone())));
        assert_eq!(paid.state, Observed::Captured(Money::new(4_999, "EUR".parse().expect("a currency"))));
        assert_eq!(paid.fees.first().map(|fee| fee.amount.minor), Some(99));
    }

    #[test]
    fn what_the_stub_does_not_know_is_an_error_of_stripe_s() {
        let (route, body) = answer("GET /v1/checkout/sessions/cs_test_short HTTP/1.1", b"", Instant::now(), &Asked::default());
        assert_eq!(route, "unknown");
        assert!(body.contains("resource_missing"));
    }
}
