//! One full payment from outside: a shop creates an order, its PSP registers it, and the PSP's signed message says that it was paid.

use crate::Failure;
use crate::http::Connection;
use crate::sign;
use serde::Deserialize;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where the gateway is, and what opens it.
#[derive(Clone, Debug)]
pub struct Target {
    /// `host:port` of each node.
    pub nodes: Vec<String>,
    /// A key to the API.
    pub key: String,
    /// Where the PSP's messages go: a path.
    pub webhook_path: String,
    /// What they are signed with.
    pub webhook_secret: String,
}

/// How long the parts of a payment took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// From asking for the order to its answer.
    pub create: Duration,
    /// What of it the PSP took, by its own word.
    pub psp: Duration,
    /// From sending the message to its answer.
    pub webhook: Duration,
    /// What was paid, in minor units.
    pub amount: u64,
}

/// Somebody who pays again and again over connections that stay open.
#[derive(Debug)]
pub struct Payer {
    target: Rc<Target>,
    /// One to each node.
    connections: Vec<Connection>,
    chance: Chance,
    paid: usize,
}

/// What we read of the answer to a create.
#[derive(Deserialize)]
struct Created<'a> {
    status: &'a str,
    psp_token: &'a str,
    redirect_url: &'a str,
    latest_attempt: Attempt<'a>,
}

#[derive(Deserialize)]
struct Attempt<'a> {
    id: &'a str,
}

impl Payer {
    /// Connects to every node.
    pub async fn new(target: Rc<Target>) -> Result<Self, Failure> {
        let mut connections = Vec::new();
        for node in &target.nodes {
            connections.push(Connection::open(node).await?);
        }
        // Payers begin at different nodes.
        let mut chance = Chance::new();
        let paid = chance.below(1 << 16) as usize;
        Ok(Self { target, connections, chance, paid })
    }

    /// Pays once. With several nodes, the message goes to another one than the order.
    pub async fn pay(&mut self) -> Result<Took, Failure> {
        self.paid += 1;
        let (first, second) = (self.paid % self.connections.len(), (self.paid + 1) % self.connections.len());
        let amount = 100 + self.chance.below(99_900);
        let request = create_request(&self.target, &mut self.chance, amount);
        let begun = Instant::now();
        let answer = self.connections[first].ask(request.as_bytes()).await?;
        let create = begun.elapsed();
        if answer.status() != 201 {
            return Err(unexpected("create", answer.first_line, answer.body));
        }
        let created: Created<'_> = serde_json::from_slice(answer.body)?;
        if created.status != "pending" {
            return Err(format!("a new order is {}", created.status).into());
        }
        let psp = told_time(created.redirect_url);
        let message = completed(created.psp_token, created.latest_attempt.id, amount, &self.chance.name());
        let request = webhook_request(&self.target, &message);
        let begun = Instant::now();
        let answer = self.connections[second].ask(request.as_bytes()).await?;
        let webhook = begun.elapsed();
        if answer.status() != 200 {
            return Err(unexpected("message", answer.first_line, answer.body));
        }
        Ok(Took { create, psp, webhook, amount })
    }
}

fn unexpected(what: &str, first_line: &str, body: &[u8]) -> Failure {
    format!("{what}: {first_line}: {}", String::from_utf8_lossy(body)).into()
}

fn create_request(target: &Target, chance: &mut Chance, amount: u64) -> String {
    let (reference, key) = (chance.name(), chance.name());
    let body = format!(
        r#"{{"reference":"cart-{reference}","amount":{amount},"currency":"EUR","description":"Two tickets","success_url":"https://shop.example/thanks?order={{PAYMENT_ORDER_ID}}","cancel_url":"https://shop.example/cart"}}"#
    );
    format!(
        "POST /v1/payment_orders HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\nidempotency-key: {key}\r\ncontent-length: {}\r\n\r\n{body}",
        target.key,
        body.len()
    )
}

fn webhook_request(target: &Target, body: &str) -> String {
    let signature = sign::header(&target.webhook_secret, seconds_now(), body);
    format!(
        "POST {} HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json; charset=utf-8\r\nstripe-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
        target.webhook_path,
        body.len()
    )
}

/// Stripe's `checkout.session.completed`, in the shape and about the size in which Stripe sends it.
fn completed(session: &str, attempt: &str, amount: u64, name: &str) -> String {
    let now = seconds_now();
    format!(
        r#"{{"id":"evt_{name}","object":"event","api_version":"2026-05-27.dahlia","created":{now},"data":{{"object":{{"id":"{session}","object":"checkout.session","adaptive_pricing":{{"enabled":false}},"after_expiration":null,"allow_promotion_codes":null,"amount_subtotal":{amount},"amount_total":{amount},"automatic_tax":{{"enabled":false,"liability":null,"provider":null,"status":null}},"billing_address_collection":null,"cancel_url":"https://pay.example/","client_reference_id":"{attempt}","consent":null,"created":{now},"currency":"eur","custom_fields":[],"customer":null,"customer_details":{{"address":{{"city":null,"country":"DE","line1":null,"line2":null,"postal_code":null,"state":null}},"email":"buyer@shop.example","name":"A Buyer","phone":null,"tax_exempt":"none","tax_ids":[]}},"expires_at":{now},"invoice":null,"livemode":false,"locale":null,"metadata":{{"ducat_attempt":"{attempt}"}},"mode":"payment","payment_intent":"pi_{name}","payment_method_options":{{"card":{{"request_three_d_secure":"automatic"}}}},"payment_method_types":["card"],"payment_status":"paid","phone_number_collection":{{"enabled":false}},"recovered_from":null,"setup_intent":null,"shipping_cost":null,"status":"complete","submit_type":null,"subscription":null,"success_url":"https://pay.example/return","total_details":{{"amount_discount":0,"amount_shipping":0,"amount_tax":0}},"ui_mode":"hosted","url":null}}}},"livemode":false,"pending_webhooks":1,"request":{{"id":null,"idempotency_key":null}},"type":"checkout.session.completed"}}"#
    )
}

/// How long the PSP took, which it tells at the end of its page's address.
fn told_time(url: &str) -> Duration {
    let nanos = url.rsplit_once("#took=").and_then(|(_, nanos)| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

#[expect(clippy::disallowed_methods, reason = "signatures carry the real time")]
fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Names that nobody used before. Fit for telling payments apart, not for secrets.
#[derive(Debug)]
pub struct Chance(u64, u64);

impl Chance {
    /// Begins anywhere.
    pub fn new() -> Self {
        let any = || RandomState::new().build_hasher().finish();
        Self(any(), any())
    }

    /// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; the tiny bias does not matter here.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// 32 hexadecimal digits.
    pub fn name(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next() ^ self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ducat_connectors::{Account, News, Trust, connector, verify};
    use ducat_domain::payments::Observed;
    use ducat_domain::{Money, Secret, Timestamp};

    #[test]
    fn the_gateway_reads_the_message_as_the_whole_truth() {
        let attempt = "pa_06axqp2m00e008000000000000";
        let body = completed("cs_test_06axqp2m00e0080000000000004999", attempt, 4_999, "0a");
        let stripe = connector("stripe").expect("Stripe is there");
        let account = Account { settings: [("webhook_secret".to_owned(), Secret::new("s"))].into() };
        let signed = sign::header("s", 1_800_000_000, &body);
        let Trust::TimestampedHmacSha256 { .. } = stripe.spec().trust;
        let verified = verify(
            &stripe.spec().trust,
            &account,
            |_| Some(signed.clone()),
            body.as_bytes(),
            Timestamp::from_seconds(1_800_000_000),
        );
        let message = stripe.message(&verified.expect("believed"), &account).expect("understood");
        let News::Registration(about, Some(seen)) = message.news else { panic!("{:?}", message.news) };
        assert_eq!(about.attempt.as_deref(), Some(attempt));
        assert_eq!(seen.state, Observed::Captured(Money::new(4_999, "EUR".parse().expect("a currency"))));
    }

    #[test]
    fn the_psp_s_own_time_is_read_from_its_address() {
        assert_eq!(told_time("https://checkout.stripe.com/c/pay/cs_1#took=1500"), Duration::from_nanos(1_500));
        assert_eq!(told_time("https://checkout.stripe.com/c/pay/cs_1"), Duration::ZERO);
    }

    #[test]
    fn names_do_not_repeat() {
        let (mut one, mut other) = (Chance::new(), Chance::new());
        let names: std::collections::BTreeSet<_> = (0..1_000).flat_map(|_| [one.name(), other.name()]).collect();
        assert_eq!(names.len(), 2_000);
        assert!(names.iter().all(|name| name.len() == 32));
    }
}
