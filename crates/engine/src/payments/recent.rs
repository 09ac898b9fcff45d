//! What this node registered a moment ago. The message that tells of its payment comes soon, and then the payment need not be read. What is
//! remembered may be outdated by then, so it is only good for a move, which is committed only if the payment still is as it was.

use ducat_domain::PspAccountId;
use ducat_domain::payments::{Observation, Observed, Payment, PspToken};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many payments are remembered. One takes about two kilobytes.
const MOST: usize = 2048;

type Key = (PspAccountId, PspToken);

/// Payments whose registration was just committed here, each until it is recalled.
#[derive(Default)]
pub(crate) struct Recent(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    payments: HashMap<Key, Payment>,
    /// The oldest first. Those that were recalled stay in it until it is their turn.
    order: VecDeque<Key>,
}

impl Recent {
    /// Remembers a payment that waits for its customer.
    pub(crate) fn remember(&self, payment: &Payment) {
        let Some(token) = payment.attempt.token.as_ref().filter(|_| payment.attempt.status.is_live()) else { return };
        let key = (payment.attempt.psp_account, token.clone());
        let mut kept = self.kept();
        if kept.order.len() >= MOST
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.payments.remove(&oldest);
        }
        kept.order.push_back(key.clone());
        kept.payments.insert(key, payment.clone());
    }

    /// The payment of this token, once, if what was seen of it moves it: that money was held or taken. Anything else is decided on the payment as
    /// it is.
    pub(crate) fn recall(&self, account: PspAccountId, token: &PspToken, seen: &Observation) -> Option<Payment> {
        if !matches!(seen.state, Observed::Held { .. } | Observed::Captured(_)) {
            return None;
        }
        self.kept().payments.remove(&(account, token.clone()))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ducat_domain::payments::{CaptureMode, Channel, PaymentMethod, PaymentType, Terms, open};
    use ducat_domain::{AttemptId, MerchantId, Money, PaymentOrderId, Timestamp};
    use std::collections::BTreeMap;

    const AT: Timestamp = Timestamp::from_seconds(1_795_000_000);

    fn seen(token: &str, state: Observed) -> Observation {
        Observation {
            token: PspToken(token.into()),
            psp_payment: None,
            redirect_url: Some("https://pay.example/".into()),
            state,
            decline: None,
            card: None,
            fees: Vec::new(),
            refunds: Vec::new(),
            disputes: Vec::new(),
        }
    }

    /// A payment that waits for its customer at the PSP.
    fn registered(token: &str) -> Payment {
        let terms = Terms {
            reference: "order-1".into(),
            amount: Money::new(4999, "EUR".parse().unwrap()),
            payment_type: PaymentType::Sale,
            payment_method: PaymentMethod::Apm,
            capture: CaptureMode::Automatic,
            psp: None,
            channel: Channel::Ecommerce,
            expires_at: AT.plus(std::time::Duration::from_secs(1000)),
            description: None,
            line_items: Vec::new(),
            customer: None,
            success_url: None,
            cancel_url: None,
            metadata: BTreeMap::new(),
        };
        let first = (AttemptId::from_bytes([1; 16]), PspAccountId::from_bytes([2; 16]), "stripe".to_owned());
        let opened = open(PaymentOrderId::from_bytes([3; 16]), MerchantId::from_bytes([4; 16]), terms, first, AT, AT);
        opened.payment.observe(&seen(token, Observed::Open), AT, AT).unwrap().unwrap().payment
    }

    #[test]
    fn it_is_recalled_once_and_only_for_money() {
        let (recent, payment) = (Recent::default(), registered("cs_1"));
        let (account, token) = (payment.attempt.psp_account, PspToken("cs_1".into()));
        recent.remember(&payment);
        for state in [Observed::Open, Observed::Processing, Observed::Failed, Observed::Canceled, Observed::Expired] {
            assert_eq!(recent.recall(account, &token, &seen("cs_1", state)), None, "{state:?}");
        }
        let captured = seen("cs_1", Observed::Captured(payment.order.terms.amount));
        assert_eq!(recent.recall(account, &PspToken("cs_2".into()), &captured), None);
        assert_eq!(recent.recall(account, &token, &captured), Some(payment));
        assert_eq!(recent.recall(account, &token, &captured), None);
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let recent = Recent::default();
        let all: Vec<Payment> = (0..=MOST).map(|n| registered(&format!("cs_{n}"))).collect();
        all.iter().for_each(|payment| recent.remember(payment));
        let recall = |payment: &Payment| {
            let token = payment.attempt.token.clone().expect("it is registered");
            recent.recall(payment.attempt.psp_account, &token, &seen("cs_1", Observed::Captured(payment.order.terms.amount)))
        };
        assert_eq!(recall(&all[0]), None);
        assert_eq!(recall(&all[1]).as_ref(), Some(&all[1]));
        assert_eq!(recall(&all[MOST]).as_ref(), Some(&all[MOST]));
    }
}
