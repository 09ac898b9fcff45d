//! The talk against a PSP that answers by a script and a time that passes only by waiting.

use super::super::Outgoing;
use super::*;
use ducat_connectors::{HttpMethod, HttpReply, Message, SendFailure, Spec, VerifiedMessage};
use ducat_domain::Secret;
use ducat_domain::payments::PspToken;
use std::fmt::Write;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

/// What happened on the outside, in order.
#[derive(Default)]
struct World {
    replies: Vec<Reply>,
    sent: Vec<Outgoing>,
    waits: Vec<Duration>,
    now: Duration,
    each_takes: Duration,
}

#[derive(Clone, Default)]
struct Script(Arc<Mutex<World>>);

impl Script {
    fn new(replies: Vec<Reply>) -> Self {
        Self(Arc::new(Mutex::new(World { replies, ..World::default() })))
    }

    fn waits(&self) -> Vec<u128> {
        self.0.lock().unwrap().waits.iter().map(Duration::as_millis).collect()
    }

    fn sent(&self) -> Vec<Outgoing> {
        self.0.lock().unwrap().sent.clone()
    }
}

impl Transport for Script {
    fn send(&self, request: Outgoing) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        let mut world = self.0.lock().unwrap();
        world.sent.push(request);
        let takes = world.each_takes;
        world.now += takes;
        let reply = world.replies.remove(0);
        Box::pin(async { reply })
    }

    fn wait(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut world = self.0.lock().unwrap();
        world.waits.push(span);
        world.now += span;
        Box::pin(async {})
    }

    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap().now
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Ok(HttpReply { status, headers, body: body.into() })
}

fn not_sent() -> Reply {
    Err(SendFailure::NotSent("refused".into()))
}

fn lost() -> Reply {
    Err(SendFailure::Lost("time-out".into()))
}

fn expired() -> Reply {
    answer(200, &[("request-id", "req_7")], r#"{"object":"checkout.session","id":"cs_1","status":"expired"}"#)
}

fn account(settings: &[(&str, &str)]) -> Account {
    Account { settings: settings.iter().map(|(n, v)| ((*n).to_owned(), Secret::new(*v))).collect() }
}

fn close() -> Operation {
    Operation::Close { token: PspToken("cs_1".into()), key: "pa_1".into() }
}

fn fetch() -> Operation {
    Operation::Fetch(PspToken("cs_1".into()))
}

async fn run_with(script: &Script, operation: Operation, account: Account, patience: Patience) -> Result<Outcome, Fault> {
    let stripe = ducat_connectors::connector("stripe").unwrap();
    talk(script, stripe, &account, &operation, patience).await
}

async fn run(script: &Script, operation: Operation) -> Result<Outcome, Fault> {
    run_with(script, operation, account(&[("api_key", "sk_test_canary")]), Patience::default()).await
}

fn header(request: &Outgoing, name: &str) -> Option<String> {
    request.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.expose().to_owned())
}

#[tokio::test]
async fn a_request_carries_what_the_spec_says() {
    let script = Script::new(vec![expired()]);
    assert!(matches!(run(&script, close()).await, Ok(Outcome::Seen(_))));
    let [request] = &script.sent()[..] else { panic!() };
    assert_eq!(
        (request.method, request.url.as_str()),
        (HttpMethod::Post, "https://api.stripe.com/v1/checkout/sessions/cs_1/expire")
    );
    assert_eq!(header(request, "authorization").as_deref(), Some("Bearer sk_test_canary"));
    assert_eq!(header(request, "idempotency-key").as_deref(), Some("pa_1:close"));
    assert_eq!(header(request, "stripe-version").as_deref(), Some("2026-05-27.dahlia"));
    assert_eq!(request.timeout, Duration::from_secs(20));
}

#[tokio::test]
async fn what_looks_has_no_key() {
    let script = Script::new(vec![expired()]);
    run(&script, fetch()).await.unwrap();
    assert_eq!(header(&script.sent()[0], "idempotency-key"), None);
    assert_eq!(header(&script.sent()[0], "content-type"), None);
}

#[tokio::test]
async fn what_was_surely_not_processed_is_sent_again_twice_under_the_same_key() {
    let script = Script::new(vec![not_sent(), answer(409, &[], "{}"), expired()]);
    assert!(run(&script, close()).await.is_ok());
    assert_eq!(script.waits(), [100, 400]);
    let keys: Vec<_> = script.sent().iter().map(|request| header(request, "idempotency-key")).collect();
    assert_eq!(keys, vec![Some("pa_1:close".to_owned()); 3]);
}

#[tokio::test]
async fn a_third_failure_is_left_to_the_job_that_comes_back() {
    let script = Script::new(vec![not_sent(), not_sent(), not_sent()]);
    assert!(matches!(run(&script, close()).await, Err(Fault::Retry { .. })));
    assert_eq!(script.sent().len(), 3);
}

#[tokio::test]
async fn what_may_have_happened_is_never_sent_again() {
    for reply in [lost(), answer(500, &[], ""), answer(200, &[], "<html>")] {
        let script = Script::new(vec![reply]);
        assert!(matches!(run(&script, close()).await, Err(Fault::Unknown(_))));
        assert_eq!((script.sent().len(), script.waits().len()), (1, 0));
    }
}

#[tokio::test]
async fn a_try_that_was_lost_after_one_that_was_not_sent_is_unknown() {
    let script = Script::new(vec![not_sent(), lost()]);
    assert!(matches!(run(&script, close()).await, Err(Fault::Unknown(_))));
}

#[tokio::test]
async fn a_short_wait_is_waited_and_a_long_one_left_to_the_job() {
    let limited = |seconds| answer(429, &[("retry-after", seconds)], "{}");
    let script = Script::new(vec![limited("2"), limited("0"), expired()]);
    assert!(run(&script, close()).await.is_ok());
    assert_eq!(script.waits(), [2_000, 400]);
    let script = Script::new(vec![limited("3")]);
    let Err(Fault::Retry { after, .. }) = run(&script, close()).await else { panic!() };
    assert_eq!(after, Some(Duration::from_secs(3)));
}

#[tokio::test]
async fn a_caller_without_patience_gets_one_try() {
    let script = Script::new(vec![not_sent()]);
    let patience = Patience { tries: 1, ..Patience::default() };
    let outcome = run_with(&script, close(), account(&[("api_key", "k")]), patience).await;
    assert!(matches!(outcome, Err(Fault::Retry { .. })));
}

#[tokio::test]
async fn the_time_of_the_whole_operation_is_never_exceeded() {
    let script = Script::new(vec![lost(), lost(), lost()]);
    script.0.lock().unwrap().each_takes = Duration::from_millis(700);
    let patience = Patience { total: Duration::from_secs(1), tries: 3, ..Patience::default() };
    let outcome = run_with(&script, fetch(), account(&[("api_key", "k")]), patience).await;
    assert!(matches!(outcome, Err(Fault::Retry { .. })));
    let timeouts: Vec<_> = script.sent().iter().map(|request| request.timeout.as_millis()).collect();
    assert_eq!(timeouts, [1_000, 200]);
}

#[tokio::test]
async fn each_request_of_an_operation_has_its_own_tries_and_earlier_replies_are_kept() {
    let list = |id: &str, more: bool| {
        let body = format!(r#"{{"object":"list","data":[{{"id":"{id}"}}],"has_more":{more}}}"#);
        answer(200, &[], &body)
    };
    let script = Script::new(vec![not_sent(), list("cs_9", true), lost(), not_sent(), list("cs_8", false)]);
    let find = Operation::Find { reference: "pa_1".into(), since: ducat_domain::Timestamp::from_seconds(9_999) };
    assert_eq!(run(&script, find).await, Ok(Outcome::Absent));
    assert!(script.sent()[4].url.contains("starting_after=cs_9"));
    assert_eq!(script.waits(), [100, 100, 400]);
}

#[tokio::test]
async fn bad_settings_are_told_before_anything_is_sent() {
    for settings in [
        account(&[]),
        account(&[("api_key", "")]),
        account(&[("api_key", "sk_test\n")]),
        account(&[("api_key", "k"), ("api_base", "http://api.stripe.com")]),
    ] {
        let script = Script::default();
        let outcome = run_with(&script, close(), settings, Patience::default()).await;
        assert!(matches!(outcome, Err(Fault::Config(_))));
        assert!(script.sent().is_empty());
    }
}

/// A connector that always wants one more request.
struct Endless;

impl Connector for Endless {
    fn spec(&self) -> &'static Spec {
        ducat_connectors::connector("stripe").unwrap().spec()
    }
    fn step(&self, _: &Operation, _: &Account, _: &[Reply]) -> Result<Step, Fault> {
        let request = HttpRequest { method: HttpMethod::Get, path: "/".into(), body: vec![], content_type: "", key: None };
        Ok(Step::Send(request))
    }
    fn message(&self, _: &VerifiedMessage, _: &Account) -> Result<Message, Fault> {
        Err(Fault::Unsupported)
    }
}

#[tokio::test]
async fn a_connector_that_never_ends_is_stopped() {
    let script = Script::new((0..100).map(|_| expired()).collect());
    let outcome = talk(&script, &Endless, &account(&[("api_key", "k")]), &fetch(), Patience::default()).await;
    assert!(matches!(outcome, Err(Fault::Protocol(_))));
    assert_eq!(script.sent().len(), MAX_REQUESTS);
}

/// Keeps every line of the log as text.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Fields<'a>(&'a mut String);
        impl tracing::field::Visit for Fields<'_> {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                write!(self.0, "{field}={value:?} ").unwrap();
            }
        }
        let mut text = self.0.lock().unwrap();
        event.record(&mut Fields(&mut text));
        text.push('\n');
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn the_log_tells_each_request_and_no_secret_or_body() {
    let lines = Lines::default();
    let script = Script::new(vec![not_sent(), expired()]);
    {
        let _guard = tracing::subscriber::set_default(lines.clone());
        run(&script, close()).await.unwrap();
    }
    let text = lines.0.lock().unwrap().clone();
    assert!(text.contains("psp=\"stripe\" operation=\"close\" tried=1"), "{text}");
    assert!(text.contains("status=200 psp_request=\"req_7\""), "{text}");
    assert!(!text.contains("canary") && !text.contains("checkout.session"), "{text}");
}
