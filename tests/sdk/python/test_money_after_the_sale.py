"""Captures in parts, disputes and their evidence, the lines of the balance, payouts: money after the sale, as Stripe's client sees it."""

import io

import pytest
import stripe
from sandbox import advance, client, control, fresh_key, intent_params, session_params

DAY = 86_400
OWNER = {"name": "Jenny Rosen", "email": "jenny@shop.example"}


class Shop:
    """An account of its own for every test: balances and payouts belong to the whole account."""

    def __init__(self):
        self.key = fresh_key()
        self.api = client(self.key).v1
        self.api.balance.retrieve()

    def pay(self, **changes):
        return self.api.payment_intents.create(params=intent_params(**changes))

    def hold(self, *asked):
        card = {name: "if_available" for name in asked}
        return self.pay(capture_method="manual", payment_method_options={"card": card} if card else {})

    def capture(self, intent, **params):
        return self.api.payment_intents.capture(intent.id, params=params)

    def lines(self, **params):
        return self.api.balance_transactions.list(params={"limit": 100, **params}).data

    def control(self, path, **body):
        return control("POST", path, body, self.key)

    def kinds(self):
        return [e.type for e in self.api.events.list(params={"limit": 100}).data][::-1]


@pytest.fixture
def shop():
    return Shop()


def standing(intent):
    return intent.status, intent.amount_received, intent.amount_capturable


def test_a_hold_is_captured_in_parts(shop):
    held = shop.hold("request_multicapture")
    assert standing(shop.capture(held, amount_to_capture=700, final_capture=False)) == ("requires_capture", 700, 1300)
    assert standing(shop.capture(held, amount_to_capture=300)) == ("succeeded", 1000, 0)
    charge = shop.api.charges.retrieve(held.latest_charge)
    assert (charge.payment_method_details.card.multicapture.status, charge.amount_captured, charge.captured) == ("available", 1000, True)
    assert [t.amount for t in shop.lines(source=charge.id)] == [300, 700]


def test_parts_are_refused_unless_they_were_asked_for(shop):
    held = shop.hold()
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.capture(held, amount_to_capture=700, final_capture=False)
    assert caught.value.param == "final_capture"


def test_a_session_asks_for_parts_and_for_more(shop):
    asked = {"card": {"request_multicapture": "if_available", "request_overcapture": "if_available"}}
    params = session_params(payment_intent_data={"capture_method": "manual"}, payment_method_options=asked)
    session = shop.api.checkout.sessions.create(params=params)
    assert session.payment_method_options.card.request_multicapture == "if_available"


def test_more_than_is_held_is_captured_up_to_the_maximum(shop):
    held = shop.hold("request_overcapture")
    card = shop.api.charges.retrieve(held.latest_charge).payment_method_details.card
    assert (card.overcapture.status, card.overcapture.maximum_amount_capturable) == ("available", 2300)
    assert standing(shop.capture(held, amount_to_capture=2300)) == ("succeeded", 2300, 0)


def test_a_hold_lapses(shop):
    held = shop.hold()
    advance(7 * DAY, shop.key)
    gone = shop.api.payment_intents.retrieve(held.id)
    assert (standing(gone), gone.cancellation_reason) == (("canceled", 0, 0), "expired")
    assert shop.kinds()[-2:] == ["charge.expired", "payment_intent.canceled"]


def test_a_file_is_given_as_evidence_and_the_bank_decides(shop):
    content = io.BytesIO(b"%PDF-1.7\n" + b" " * 2_000_000)
    content.name = "receipt.pdf"
    receipt = shop.api.files.create(params={"purpose": "dispute_evidence", "file": content})
    assert (receipt.type, receipt.filename, receipt.size) == ("pdf", "receipt.pdf", 2_000_009)
    assert shop.api.files.retrieve(receipt.id).id == receipt.id
    assert [f.id for f in shop.api.files.list(params={"purpose": "dispute_evidence"}).data] == [receipt.id]
    opened = shop.control("disputes", payment_intent=shop.pay().id, amount=1500, reason="product_not_received")
    evidence = {"receipt": receipt.id, "shipping_carrier": "Post"}
    drafted = shop.api.disputes.update(opened["id"], params={"evidence": evidence, "submit": False, "expand": ["evidence.receipt"]})
    assert (drafted.status, drafted.amount, drafted.evidence.receipt.id) == ("needs_response", 1500, receipt.id)
    sent = shop.api.disputes.update(opened["id"], params={"submit": True})
    assert (sent.status, sent.evidence_details.submission_count, sent.evidence_details.past_due) == ("under_review", 1, False)
    shop.control(f"disputes/{opened['id']}", status="won")
    won = shop.api.disputes.retrieve(opened["id"])
    assert [(t.reporting_category, t.amount, t.fee) for t in won.balance_transactions] == [("dispute", -1500, 1500), ("dispute_reversal", 1500, 0)]
    assert shop.kinds()[-2:] == ["charge.dispute.funds_reinstated", "charge.dispute.closed"]


def test_a_file_of_another_kind_is_refused(shop):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.api.files.create(params={"purpose": "dispute_evidence", "file": io.BytesIO(b"GIF89a")})
    assert caught.value.param == "file"


def test_an_unanswered_dispute_is_lost_and_an_inquiry_can_be_escalated(shop):
    lost = shop.control("disputes", payment_intent=shop.pay().id)
    asked = shop.control("disputes", payment_intent=shop.pay().id, inquiry=True)
    assert shop.api.disputes.retrieve(asked["id"]).balance_transactions == []
    shop.control(f"disputes/{asked['id']}", status="escalated")
    assert shop.api.disputes.retrieve(asked["id"]).status == "needs_response"
    advance(10 * DAY, shop.key)
    assert {d.id: d.status for d in shop.api.disputes.list().data} == {lost["id"]: "lost", asked["id"]: "lost"}


def test_a_debit_is_returned_after_it_succeeded(shop):
    debit = {"type": "sepa_debit", "sepa_debit": {"iban": "AT611904300234573201"}, "billing_details": OWNER}
    method = shop.api.payment_methods.create(params=debit)
    paid = shop.pay(payment_method=method.id, payment_method_types=["sepa_debit"])
    assert paid.status == "processing"
    advance(60, shop.key)
    returned = shop.control("disputes", payment_intent=paid.id, reason="insufficient_funds")
    dispute = shop.api.disputes.retrieve(returned["id"])
    assert (dispute.status, dispute.evidence_details.due_by, dispute.balance_transactions[0].amount) == ("lost", 0, -2000)


def test_every_line_shows_what_caused_it(shop):
    paid = shop.pay(payment_method="pm_card_bypassPending")
    shop.api.refunds.create(params={"payment_intent": paid.id, "amount": 100})
    shop.control("disputes", payment_intent=paid.id, amount=100)
    shop.control("payouts", currency="eur")
    seen = [(t.type, t.source.object) for t in shop.lines(expand=["data.source"])]
    assert seen == [("payout", "payout"), ("adjustment", "dispute"), ("refund", "refund"), ("charge", "charge")]


def test_lines_of_types_that_the_document_knows_are_put_on_the_balance(shop):
    for kind, category in [("stripe_fee", "fee"), ("topup", "topup"), ("reserve_hold", "risk_reserved_funds"), ("network_fee", None)]:
        if category is None:
            with pytest.raises(AssertionError, match="network_fee"):
                shop.control("balance_transactions", type=kind, amount=1, currency="eur")
        else:
            shop.control("balance_transactions", type=kind, amount=-5, fee=1, currency="eur", description=kind)
            line = shop.lines(type=kind)[0]
            assert (line.reporting_category, line.net, line.description) == (category, -6, kind)


def test_money_in_another_currency_is_converted(shop):
    paid = shop.pay(currency="usd", amount=10_800, expand=["latest_charge.balance_transaction"])
    line = paid.latest_charge.balance_transaction
    assert (line.amount, line.currency, line.exchange_rate) == (10_000, "eur", 0.9259259259)
    refund = shop.api.refunds.create(params={"payment_intent": paid.id, "expand": ["balance_transaction"]})
    assert (refund.amount, refund.currency) == (10_800, "usd")
    assert (refund.balance_transaction.amount, refund.balance_transaction.currency) == (-10_000, "eur")


def test_what_is_available_is_paid_out_every_night_and_comes_back_when_it_fails(shop):
    shop.pay()
    shop.control("accounts", settlement_currencies=["eur", "usd"])
    shop.pay(currency="usd")
    advance(3 * DAY, shop.key)
    sent = {p.currency: p for p in shop.api.payouts.list().data}
    assert set(sent) == {"eur", "usd"}
    for payout in sent.values():
        own, *parts = shop.lines(payout=payout.id)
        assert (own.type, own.net) == ("payout", -payout.amount) and sum(t.net for t in parts) == payout.amount == 1912
    advance(60, shop.key)
    paid = shop.api.payouts.retrieve(sent["eur"].id)
    assert (paid.status, paid.automatic, paid.reconciliation_status) == ("paid", True, "completed")
    shop.control(f"payouts/{paid.id}/fail", failure_code="account_closed")
    failed = shop.api.payouts.retrieve(paid.id, params={"expand": ["failure_balance_transaction"]})
    back = failed.failure_balance_transaction
    assert (failed.status, back.type, back.amount) == ("failed", "payout_failure", 1912)
    told = shop.kinds()
    assert {"payout.created", "payout.paid", "payout.reconciliation_completed", "payout.failed"} <= set(told)
