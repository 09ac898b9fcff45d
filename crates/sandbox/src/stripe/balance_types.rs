//! Every type of balance transaction that Stripe has, and the reporting category it falls under unless its cause says otherwise.

const TYPES: [(&str, &str); 52] = [
    ("adjustment", "other_adjustment"),
    ("advance", "advance"),
    ("advance_funding", "advance_funding"),
    ("anticipation_repayment", "anticipation_repayment"),
    ("application_fee", "platform_earning"),
    ("application_fee_refund", "platform_earning_refund"),
    ("charge", "charge"),
    ("climate_order_purchase", "climate_order_purchase"),
    ("climate_order_refund", "climate_order_refund"),
    ("connect_collection_transfer", "connect_collection_transfer"),
    ("contribution", "contribution"),
    ("fee_credit_funding", "fee_credit_funding"),
    ("inbound_transfer", "inbound_transfer"),
    ("inbound_transfer_reversal", "inbound_transfer_reversal"),
    ("issuing_authorization_hold", "issuing_authorization_hold"),
    ("issuing_authorization_release", "issuing_authorization_release"),
    ("issuing_dispute", "issuing_dispute"),
    ("issuing_dispute_provisional_credit", "issuing_dispute"),
    ("issuing_dispute_provisional_credit_reversal", "issuing_dispute"),
    ("issuing_transaction", "issuing_transaction"),
    ("obligation_outbound", "obligation_outbound"),
    ("obligation_reversal_inbound", "obligation_reversal_inbound"),
    ("payment", "charge"),
    ("payment_failure_refund", "charge_failure"),
    ("payment_network_reserve_hold", "payment_network_reserve_hold"),
    ("payment_network_reserve_release", "payment_network_reserve_release"),
    ("payment_refund", "refund"),
    ("payment_reversal", "charge_failure"),
    ("payment_unreconciled", "unreconciled_customer_funds"),
    ("payout", "payout"),
    ("payout_cancel", "payout_reversal"),
    ("payout_failure", "payout_reversal"),
    ("payout_minimum_balance_hold", "payout_minimum_balance_hold"),
    ("payout_minimum_balance_release", "payout_minimum_balance_release"),
    ("refund", "refund"),
    ("refund_failure", "refund_failure"),
    ("reserve_hold", "risk_reserved_funds"),
    ("reserve_release", "risk_reserved_funds"),
    ("reserve_transaction", "risk_reserved_funds"),
    ("reserved_funds", "connect_reserved_funds"),
    ("stripe_balance_payment_debit", "stripe_balance_payment_debit"),
    ("stripe_balance_payment_debit_reversal", "stripe_balance_payment_debit_reversal"),
    ("stripe_fee", "fee"),
    ("stripe_fx_fee", "fee"),
    ("tax_fee", "tax"),
    ("tax_fund", "tax"),
    ("topup", "topup"),
    ("topup_reversal", "topup_reversal"),
    ("transfer", "transfer"),
    ("transfer_cancel", "transfer_reversal"),
    ("transfer_failure", "transfer_reversal"),
    ("transfer_refund", "transfer_reversal"),
];

/// The type and its category; none if Stripe has no such type.
pub(crate) fn known(name: &str) -> Option<(&'static str, &'static str)> {
    TYPES.iter().find(|(kind, _)| *kind == name).copied()
}

/// The names of all types.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(kind, _)| *kind)
}
