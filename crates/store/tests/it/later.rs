//! Small makers of what comes after the sale: captures, refunds, disputes, payouts, lines of a PSP's statement.

use crate::builders::*;
use ducat_domain::journal::{Entry, FiledEntry};
use ducat_domain::payments::*;
use ducat_domain::settlement::*;
use ducat_domain::*;
use ducat_store::*;

/// When a PSP is asked again.
const CHECK_AT: i64 = 90;

impl World {
    /// Commits a move that brings a refund along.
    async fn settle_refund(&self, moved: Moved) -> (Payment, Refund) {
        let Some(Part::Refund(refund)) = moved.part.clone() else { panic!("no refund: {moved:?}") };
        (self.settle(moved).await, refund)
    }

    /// Commits an order whose money is held.
    pub async fn held(&self, shop: Shop) -> Payment {
        self.see(self.order(shop).await, held(4999)).await
    }

    /// Commits the wish to take some of what is held.
    pub async fn capturing(&self, payment: Payment, minor: i64, is_final: bool) -> (Payment, Capture) {
        let now = self.now();
        let new = NewCapture { id: CaptureId::new(now, &self.dice), amount: Some(minor), is_final, most: None };
        let moved = payment.request_capture(&new, now, at(CHECK_AT)).unwrap();
        let Some(Part::Capture(capture)) = moved.part.clone() else { panic!("no capture: {moved:?}") };
        (self.settle(moved).await, capture)
    }

    /// Commits what the PSP says of the payment, and with it the end of the capture that was under way.
    pub async fn see_capture(&self, payment: Payment, capture: Capture, state: Observed) -> (Payment, Capture) {
        let moved = self.told(&payment, state).concluding(Some(capture));
        let Some(Part::Capture(capture)) = moved.part.clone() else { panic!("the capture did not end: {moved:?}") };
        (self.settle(moved).await, capture)
    }

    pub fn new_refund(&self, minor: i64) -> NewRefund {
        let id = RefundId::new(self.now(), &self.dice);
        NewRefund { id, amount: Some(minor), reason: Some("too small".into()), origin: RefundOrigin::Api }
    }

    /// Commits the wish to give some money back.
    pub async fn refunding(&self, payment: Payment, minor: i64) -> (Payment, Refund) {
        let moved = payment.request_refund(self.new_refund(minor), self.now(), at(CHECK_AT)).unwrap();
        self.settle_refund(moved).await
    }

    /// Commits what the PSP says of a refund.
    pub async fn see_refund(&self, payment: Payment, refund: Refund, state: RefundState) -> (Payment, Refund) {
        let moved = payment.refund_heard(refund.clone(), &refund_seen(&refund, state), self.now(), at(CHECK_AT)).unwrap();
        self.settle_refund(moved.unwrap()).await
    }

    /// Commits a refund, up to the PSP's word that the money is given back.
    pub async fn refunded(&self, payment: Payment, minor: i64) -> (Payment, Refund) {
        let (payment, refund) = self.refunding(payment, minor).await;
        self.see_refund(payment, refund, RefundState::Succeeded).await
    }

    /// Commits what the PSP says of a new dispute.
    pub async fn disputed(&self, payment: Payment, seen: &DisputeSeen) -> (Payment, Dispute) {
        let id = DisputeId::new(self.now(), &self.dice);
        let moved = payment.dispute_heard(Err(id), seen, self.now()).unwrap().unwrap();
        let Some(Part::Dispute(dispute)) = moved.part.clone() else { panic!("no dispute: {moved:?}") };
        let payment = self.settle(moved).await;
        self.see_dispute(payment, dispute, seen).await
    }

    /// Commits what the PSP says of a dispute that is known, step by step.
    pub async fn see_dispute(&self, mut payment: Payment, mut dispute: Dispute, seen: &DisputeSeen) -> (Payment, Dispute) {
        while let Some(moved) = payment.clone().dispute_heard(Ok(dispute.clone()), seen, self.now()).unwrap() {
            let Some(Part::Dispute(after)) = moved.part.clone() else { panic!("no dispute: {moved:?}") };
            (payment, dispute) = (self.settle(moved).await, after);
        }
        (payment, dispute)
    }

    pub async fn claimed(&self, payment: Payment) -> Payment {
        self.settle(payment.claim("webhook".into(), self.now()).unwrap()).await
    }

    pub fn file(&self, merchant: MerchantId, entries: Vec<Entry>) -> Vec<FiledEntry> {
        let one = |entry: Entry| FiledEntry { id: EntryId::new(entry.at(), &self.dice), merchant, entry, note: None };
        entries.into_iter().map(one).collect()
    }

    /// The change that makes a move of a payout true.
    pub fn payout_change(&self, moved: PayoutMoved) -> Change {
        let PayoutMoved { payout, entries, event } = moved;
        let event = EventRow {
            id: EventId::new(payout.updated_at, &self.dice),
            merchant: payout.merchant,
            subject: Subject::Payout(payout.id),
            sequence: payout.version,
            kind: event,
            at: payout.updated_at,
            snapshot: format!("{{\"status\":\"{}\"}}", payout.status.as_str()),
        };
        Change { entries: self.file(payout.merchant, entries), payouts: vec![payout], events: vec![event], ..Change::default() }
    }

    pub async fn move_payout(&self, moved: PayoutMoved) -> Payout {
        let after = moved.payout.clone();
        self.commit(self.payout_change(moved)).await;
        after
    }

    /// A payout of which the PSP tells; not committed.
    pub fn begun(&self, shop: Shop, psp_payout: &str, minor: i64) -> PayoutMoved {
        let now = self.now();
        let seen = payout_seen(psp_payout, minor, PayoutStatus::Pending);
        Payout::begin(PayoutId::new(now, &self.dice), shop.merchant, shop.account, &seen, now)
    }

    pub async fn payout(&self, shop: Shop, psp_payout: &str, minor: i64) -> Payout {
        self.move_payout(self.begun(shop, psp_payout, minor)).await
    }

    /// What is kept of a line of a statement.
    pub fn line_row(&self, shop: Shop, line: &StatementLine) -> PspLineRow {
        PspLineRow {
            psp_account: shop.account,
            psp_line: line.psp_line.clone(),
            merchant: shop.merchant,
            kind: line.kind.as_str().into(),
            psp_kind: line.psp_kind.clone(),
            amount: line.amount,
            fee: line.fee.minor,
            order: None,
            payout: None,
            exception: None,
            at: line.created_at,
            read_at: self.now(),
        }
    }

    /// Reads a line that belongs to no payment or payout: books it, and opens an exception where nobody can place it.
    pub async fn read_line(&self, shop: Shop, line: &StatementLine) -> PspLineRow {
        let now = self.now();
        let booked = line.book(Place { merchant: shop.merchant, psp_account: shop.account, order: None }, now);
        let mut row = self.line_row(shop, line);
        let mut exceptions = Vec::new();
        if booked.suspended {
            let exception = BookException { amount: eur(line.amount.minor - line.fee.minor), ..self.exception(shop) };
            row.exception = Some(exception.id);
            exceptions.push(exception);
        }
        let entries = self.file(shop.merchant, booked.entries);
        self.commit(Change { entries, exceptions, psp_lines: vec![row.clone()], ..Change::default() }).await;
        row
    }

    /// Reads a line of a payment: its fee is noted there, its conversion booked.
    pub async fn read_payment_line(&self, shop: Shop, payment: Payment, line: &StatementLine) -> PspLineRow {
        let now = self.now();
        let order = Some(payment.order.id);
        let booked = line.book(Place { merchant: shop.merchant, psp_account: shop.account, order }, now);
        let fees = Vec::from_iter(booked.fee);
        let mut change = payment.fees_told(&fees, now).map_or(Change::default(), |moved| self.change(moved, PaymentWrite::Move));
        change.entries.extend(self.file(shop.merchant, booked.entries));
        let row = PspLineRow { order, ..self.line_row(shop, line) };
        change.psp_lines = vec![row.clone()];
        self.commit(change).await;
        row
    }

    /// Reads a line of a payout: the money left, or came back.
    pub async fn read_payout_line(&self, shop: Shop, payout: Payout, line: &StatementLine) -> Payout {
        let now = self.now();
        let id = payout.id;
        let moved = if line.kind == LineKind::PayoutReturned { payout.come_back(now) } else { payout.leave(now) }.unwrap();
        let after = moved.payout.clone();
        let mut change = self.payout_change(moved);
        let place = Place { merchant: shop.merchant, psp_account: shop.account, order: None };
        change.entries.extend(self.file(shop.merchant, line.book(place, now).entries));
        change.psp_lines = vec![PspLineRow { payout: Some(id), ..self.line_row(shop, line) }];
        self.commit(change).await;
        after
    }

    /// Something that a person has to look at.
    pub fn exception(&self, shop: Shop) -> BookException {
        let now = self.now();
        BookException {
            id: ExceptionId::new(now, &self.dice),
            merchant: shop.merchant,
            kind: "unplaced_line".into(),
            psp_account: Some(shop.account),
            subject: "txn (contribution)".into(),
            amount: eur(700),
            opened_at: now,
            closed: None,
        }
    }

    /// Reads a statement up to this line.
    pub async fn place(&self, row: &PspLineRow) -> PspCursor {
        let (psp_account, psp_line, line_at) = (row.psp_account, row.psp_line.clone(), row.at);
        let cursor = PspCursor { psp_account, psp_line, line_at, read_at: row.read_at, reread_at: at(0) };
        self.commit(Change { psp_cursor: Some((row.merchant, cursor.clone())), ..Change::default() }).await;
        cursor
    }

    pub fn evidence(&self, dispute: &Dispute, field: &str, bytes: &[u8]) -> DisputeFile {
        DisputeFile {
            id: DisputeFileId::new(self.now(), &self.dice),
            dispute: dispute.id,
            field: field.into(),
            name: "receipt é.pdf".into(),
            media_type: "application/pdf".into(),
            size: bytes.len() as u32,
            bytes: Some(bytes.to_vec()),
            created_at: self.now(),
        }
    }
}

/// The PSP's word on a refund, under an id that follows from ours.
pub fn refund_seen(refund: &Refund, state: RefundState) -> RefundSeen {
    let psp_refund = refund.psp_refund.clone().unwrap_or(format!("psp_{}", refund.id));
    RefundSeen { psp_refund, ours: Some(refund.id), amount: refund.amount, state, failure: None }
}

/// The PSP's word on a dispute over 2000.
pub fn dispute_seen(psp_dispute: &str, status: DisputeStatus, withdrawn: bool, returned: bool) -> DisputeSeen {
    DisputeSeen {
        psp_dispute: psp_dispute.into(),
        amount: eur(2000),
        reason: DisputeReason::Fraudulent,
        status,
        evidence_due_at: Some(at(HOUR)),
        evidence_submitted: false,
        withdrawn,
        returned,
        fees: Vec::new(),
        opened_at: at(1),
    }
}

pub fn payout_seen(psp_payout: &str, minor: i64, status: PayoutStatus) -> PayoutSeen {
    PayoutSeen { psp_payout: psp_payout.into(), amount: eur(minor), status, arrives_at: Some(at(HOUR)), created_at: at(1) }
}

/// A line of a statement that belongs to nothing we know.
pub fn line(psp_line: &str, kind: LineKind, minor: i64, fee: i64) -> StatementLine {
    StatementLine {
        psp_line: psp_line.into(),
        kind,
        psp_kind: "whatever".into(),
        about: LineAbout::Nothing,
        amount: eur(minor),
        paid: None,
        fee: eur(fee),
        created_at: at(2),
    }
}

/// A line of a payout.
pub fn payout_line(psp_line: &str, payout: &Payout, kind: LineKind, fee: i64) -> StatementLine {
    let minor = if kind == LineKind::PayoutReturned { payout.amount.minor } else { -payout.amount.minor };
    let seen = payout_seen(&payout.psp_payout, payout.amount.minor, payout.status);
    StatementLine { about: LineAbout::Payout(seen), ..line(psp_line, kind, minor, fee) }
}

/// What the bank credited for a payout.
pub fn arrival(credited: Money, fee: i64) -> Arrival {
    let fee = Money::new(fee, credited.currency);
    Arrival { bank: "main".into(), credited, fee, reference: Some("PAYOUT 1".into()), at: at(9) }
}
