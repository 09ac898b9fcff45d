//! Pieces of work, and the claims on them.

use crate::{JobNext, JobWrite};
use ducat_domain::{CaptureId, DisputeId, MerchantId, PaymentOrderId, PspAccountId, RefundId, Timestamp};

/// A piece of work; there is at most one of a kind per subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Job {
    /// See to an order: resolve, ask, close, expire, whatever is next.
    Attend(PaymentOrderId),
    /// Find out what became of a capture.
    Capture(CaptureId),
    /// Find out what became of a refund.
    Refund(RefundId),
    /// See to a dispute: tell the PSP, remind the merchant.
    Dispute(DisputeId),
    /// Read the statement of a PSP account.
    Statement(PspAccountId),
}

impl Job {
    /// What work it is, as text.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Attend(_) => "attend",
            Self::Capture(_) => "capture",
            Self::Refund(_) => "refund",
            Self::Dispute(_) => "dispute",
            Self::Statement(_) => "statement",
        }
    }

    /// The 16 bytes of the id of its subject.
    pub const fn subject(&self) -> &[u8; 16] {
        match self {
            Self::Attend(id) => id.as_bytes(),
            Self::Capture(id) => id.as_bytes(),
            Self::Refund(id) => id.as_bytes(),
            Self::Dispute(id) => id.as_bytes(),
            Self::Statement(id) => id.as_bytes(),
        }
    }

    /// The table in which its subject is found.
    pub(crate) const fn table(&self) -> &'static str {
        match self {
            Self::Attend(_) => "payment_orders",
            Self::Capture(_) => "captures",
            Self::Refund(_) => "refunds",
            Self::Dispute(_) => "disputes",
            Self::Statement(_) => "psp_accounts",
        }
    }

    /// The job of this kind on this subject.
    pub fn from_parts(kind: &str, subject: [u8; 16]) -> Option<Self> {
        match kind {
            "attend" => Some(Self::Attend(PaymentOrderId::from_bytes(subject))),
            "capture" => Some(Self::Capture(CaptureId::from_bytes(subject))),
            "refund" => Some(Self::Refund(RefundId::from_bytes(subject))),
            "dispute" => Some(Self::Dispute(DisputeId::from_bytes(subject))),
            "statement" => Some(Self::Statement(PspAccountId::from_bytes(subject))),
            _ => None,
        }
    }
}

/// A job that this caller may run until the lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimedJob {
    /// Which.
    pub job: Job,
    /// Whose subject it is.
    pub merchant: MerchantId,
    /// How often it was claimed since it was scheduled, this time included.
    pub tries: u32,
    /// Until when nobody else takes it.
    pub lease_until: Timestamp,
}

impl ClaimedJob {
    /// It is over; the job goes unless somebody has scheduled it anew.
    pub const fn done(&self) -> JobWrite {
        self.then(JobNext::Done { lease_until: self.lease_until })
    }

    /// It did not get there; it runs again at this time, unless somebody has scheduled it anew.
    pub const fn again(&self, run_at: Timestamp) -> JobWrite {
        self.then(JobNext::Again { lease_until: self.lease_until, run_at })
    }

    /// Whether a job that is kept is the one that was claimed, and nobody has scheduled or claimed it since.
    pub(crate) fn is_of(&self, kind: &str, subject: [u8; 16], run_at: Timestamp) -> bool {
        self.job.kind() == kind && *self.job.subject() == subject && self.lease_until == run_at
    }

    const fn then(&self, then: JobNext) -> JobWrite {
        JobWrite { merchant: self.merchant, job: self.job, then }
    }
}
