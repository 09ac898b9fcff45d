//! Changes that make the writer send every statement that looks for rows. What they say need not fit together: only their statements are
//! looked at.

use crate::every_read::ASKED;
use crate::*;
use ducat_domain::journal::{Account, Entry, EventRef, FiledEntry, Layer, Transfer};
use ducat_domain::payments::{CaptureMode, Channel, Payment, PaymentMethod, PaymentType, Terms, open};
use ducat_domain::settlement::{Payout, PayoutStatus};
use ducat_domain::webhooks::*;
use ducat_domain::*;
use std::collections::BTreeMap;

const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);
const MERCHANT: MerchantId = MerchantId::from_bytes(ASKED);
const ACCOUNT: PspAccountId = PspAccountId::from_bytes(ASKED);
const ORDER: PaymentOrderId = PaymentOrderId::from_bytes(ASKED);
const ENDPOINT: WebhookEndpointId = WebhookEndpointId::from_bytes(ASKED);

/// The statements of all changes together.
pub(super) fn changes() -> Vec<Change> {
    let mut changes = vec![money(), later(), house()];
    let found = Books { closed: EntryId::from_bytes(ASKED), closing: EntryId::from_bytes(ASKED), late: 0 };
    let begun = BooksWrite { merchant: MERCHANT, found, step: BooksStep::Begin(EntryId::from_bytes(ASKED)) };
    changes.push(Change { books: Some(begun), ..Change::default() });
    changes.extend(keys().map(|write| Change { idempotency: Some(write), ..Change::default() }));
    changes.push(Change { endpoints: endpoints(), deliveries: deliveries(), replays: vec![replay()], ..Change::default() });
    changes
}

fn eur(minor: i64) -> Money {
    Money::new(minor, "EUR".parse().unwrap())
}

fn payment() -> Payment {
    let terms = Terms {
        reference: "order-1".into(),
        amount: eur(5),
        payment_type: PaymentType::Sale,
        payment_method: PaymentMethod::Apm,
        capture: CaptureMode::Automatic,
        psp: None,
        channel: Channel::Ecommerce,
        expires_at: NOW,
        description: None,
        line_items: Vec::new(),
        customer: None,
        success_url: None,
        cancel_url: None,
        metadata: BTreeMap::new(),
    };
    open(ORDER, MERCHANT, terms, (AttemptId::from_bytes(ASKED), ACCOUNT, "stripe".into()), NOW, NOW).payment
}

/// An order with its attempt, its event, its entry, its job and the message that told of it.
fn money() -> Change {
    let moves = [Transfer {
        debit: Account::PspReceivable(ACCOUNT),
        credit: Account::MerchantPayable(MERCHANT),
        amount: eur(5),
        layer: Layer::Posted,
    }];
    let id = EntryId::from_bytes(ASKED);
    let entry = Entry::transfer(EventRef::Correction(id), Some(ORDER), NOW, &moves).unwrap();
    let event = EventRow {
        id: EventId::from_bytes(ASKED),
        merchant: MERCHANT,
        subject: Subject::PaymentOrder(ORDER),
        sequence: 1,
        kind: EventKind::Created,
        at: NOW,
        snapshot: "{}".into(),
    };
    let message = InboxWrite {
        merchant: MERCHANT,
        psp_account: ACCOUNT,
        message_id: "evt_1".into(),
        kind: "paid".into(),
        state: InboxState::Applied,
        order: Some(ORDER),
        body: None,
        received_at: NOW,
    };
    Change {
        payments: vec![PaymentWrite::Insert(payment()), PaymentWrite::Move(payment())],
        events: vec![event],
        entries: vec![FiledEntry { id, merchant: MERCHANT, entry, note: None }],
        inbox: Some(message),
        jobs: jobs(),
        ..Change::default()
    }
}

/// Each thing that can be said of a job, of a job of its own.
fn jobs() -> Vec<JobWrite> {
    let says = [
        JobNext::Schedule(NOW),
        JobNext::Hurry(NOW),
        JobNext::Cancel,
        JobNext::Done { lease_until: NOW },
        JobNext::Again { lease_until: NOW, run_at: NOW },
    ];
    let of = |n| Job::Attend(PaymentOrderId::from_bytes([n; 16]));
    says.into_iter().zip(0..).map(|(then, n)| JobWrite { merchant: MERCHANT, job: of(n), then }).collect()
}

/// A key, from its claim to its end.
fn keys() -> impl Iterator<Item = IdempotencyWrite> {
    let (merchant, key, answer) = (MERCHANT, String::from("key"), StoredAnswer { kind: "created".into(), body: Vec::new() });
    let claim = IdempotencyWrite::Claim {
        merchant,
        key: key.clone(),
        fingerprint: [7; 32],
        locked_until: NOW,
        subject: None,
        at: NOW,
        answer: None,
    };
    let over = IdempotencyWrite::TakeOver { merchant, key: key.clone(), found: NOW, locked_until: NOW };
    let release = IdempotencyWrite::Release { merchant, key: key.clone() };
    [claim, over, release, IdempotencyWrite::Answer { merchant, key, answer }].into_iter()
}

/// What comes after the sale.
fn later() -> Change {
    let payout = Payout {
        id: PayoutId::from_bytes(ASKED),
        merchant: MERCHANT,
        psp_account: ACCOUNT,
        psp_payout: "po_1".into(),
        amount: eur(5),
        status: PayoutStatus::Pending,
        arrives_at: None,
        left: false,
        came_back: false,
        arrival: None,
        version: 2,
        created_at: NOW,
        updated_at: NOW,
    };
    let exception = BookException {
        id: ExceptionId::from_bytes(ASKED),
        merchant: MERCHANT,
        kind: "unknown".into(),
        psp_account: None,
        subject: "txn_1".into(),
        amount: eur(5),
        opened_at: NOW,
        closed: Some(Closed { at: NOW, by: "till".into(), why: "known".into() }),
    };
    let dispute = DisputeId::from_bytes(ASKED);
    let file = DisputeFile {
        id: DisputeFileId::from_bytes(ASKED),
        dispute,
        field: "receipt".into(),
        name: "a.pdf".into(),
        media_type: "application/pdf".into(),
        size: 1,
        bytes: Some(vec![1]),
        created_at: NOW,
    };
    Change {
        payouts: vec![payout],
        exceptions: vec![exception],
        dispute_files: vec![(MERCHANT, file)],
        forget_files: vec![(MERCHANT, dispute)],
        ..Change::default()
    }
}

/// What changes of accounts and keys, and what is old enough to go.
fn house() -> Change {
    let account = PspAccount {
        id: ACCOUNT,
        merchant: MERCHANT,
        psp: "stripe".into(),
        name: "main".into(),
        active: true,
        sealed_settings: vec![9],
        version: 2,
        created_at: NOW,
    };
    let key = (ApiKeyId::from_bytes(ASKED), NOW);
    let lay = AccountBalance {
        merchant: MERCHANT,
        account: "bank:main".into(),
        currency: "EUR".parse().unwrap(),
        posted: 5,
        pending: 0,
    };
    let found = Books { closed: EntryId::from_bytes(ASKED), closing: EntryId::from_bytes(ASKED), late: 0 };
    Change {
        books: Some(BooksWrite { merchant: MERCHANT, found, step: BooksStep::Close(vec![lay]) }),
        psp_accounts: vec![account],
        revoked_keys: vec![key],
        used_keys: vec![key],
        forget_keys_before: Some(NOW),
        forget_declines: Some(ForgetDeclines { ordinary: NOW, is_final: NOW }),
        forget_deliveries_before: Some(NOW),
        ..Change::default()
    }
}

fn endpoint() -> WebhookEndpoint {
    WebhookEndpoint {
        id: ENDPOINT,
        merchant: MERCHANT,
        url: "https://shop.example/hooks".into(),
        description: String::new(),
        types: Vec::new(),
        status: EndpointStatus::Enabled,
        sealed_keys: vec![1],
        failing_since: None,
        failures: 0,
        events: 0,
        version: 1,
        created_at: NOW,
    }
}

fn replay() -> Replay {
    Replay {
        id: ReplayId::from_bytes(ASKED),
        endpoint: ENDPOINT,
        merchant: MERCHANT,
        from: NOW,
        before: NOW,
        types: Vec::new(),
        cursor: None,
        made: 0,
        done_at: None,
        created_at: NOW,
    }
}

fn endpoints() -> Vec<EndpointWrite> {
    vec![
        EndpointWrite::Insert(endpoint()),
        EndpointWrite::Update(endpoint()),
        EndpointWrite::Advance { merchant: MERCHANT, endpoint: ENDPOINT, version: 1, from: 1, to: 2 },
        EndpointWrite::AdvanceReplay { replay: replay(), cursor: None, made: 1, done_at: None },
        EndpointWrite::Reached(MERCHANT, ENDPOINT),
        EndpointWrite::Missed(MERCHANT, ENDPOINT, NOW),
        EndpointWrite::Pause { endpoint: endpoint(), status: EndpointStatus::Disabled },
    ]
}

fn deliveries() -> Vec<DeliveryWrite> {
    let key = DeliveryKey { merchant: MERCHANT, endpoint: ENDPOINT, id: DeliveryId::from_bytes(ASKED) };
    let went = DeliveryTry {
        number: 1,
        at: NOW,
        took_ms: 1,
        url: "https://shop.example/hooks".into(),
        request_headers: Vec::new(),
        answer: None,
        error: None,
    };
    vec![
        DeliveryWrite::Tried { delivery: key, lease_until: NOW, went, then: DeliveryNext::Dead },
        DeliveryWrite::TryNow(key, NOW),
        DeliveryWrite::GiveBack { delivery: key, lease_until: NOW, due: NOW },
    ]
}
