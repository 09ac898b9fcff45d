"""Charges, refunds, disputes by test card, and the balance they move."""

import pytest
import stripe
from sandbox import client, intent_params


def pay(api, **changes):
    return api.payment_intents.create(params=intent_params(**changes))


def refused(call, code=None, param=None, status=400):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call()
    assert caught.value.http_status == status
    if code:
        assert caught.value.code == code, str(caught.value)
    if param:
        assert caught.value.param == param, str(caught.value)
    return caught.value


def test_a_charge_tells_what_was_paid(api):
    intent = pay(api, description="Tea", metadata={"k": "v"})
    charge = api.charges.retrieve(intent.latest_charge)
    assert (charge.object, charge.amount, charge.amount_captured, charge.amount_refunded) == ("charge", 2000, 2000, 0)
    assert (charge.paid, charge.captured, charge.refunded, charge.disputed, charge.status) == (True, True, False, False, "succeeded")
    assert (charge.payment_intent, charge.payment_method, charge.description) == (intent.id, intent.payment_method, "Tea")
    assert charge.outcome.type == "authorized" and charge.receipt_url.startswith("http")
    assert charge.metadata.to_dict() == {"k": "v"}


def test_a_charge_can_be_described_and_tagged_later(api):
    charge = api.charges.update(pay(api).latest_charge, params={"description": "Later", "metadata": {"x": "1"}})
    assert (charge.description, charge.metadata["x"]) == ("Later", "1")


def test_charges_are_listed_by_intent_and_customer():
    api = client().v1
    ada = api.customers.create(params={})
    hers, other = pay(api, customer=ada.id), pay(api)
    assert [c.payment_intent for c in api.charges.list().data] == [other.id, hers.id]
    assert [c.id for c in api.charges.list(params={"payment_intent": other.id}).data] == [other.latest_charge]
    assert [c.id for c in api.charges.list(params={"customer": ada.id}).data] == [hers.latest_charge]


def test_an_unknown_charge_is_404(api):
    refused(lambda: api.charges.retrieve("ch_missing"), "resource_missing", "id", 404)


def test_a_full_refund_gives_everything_back(api):
    intent = pay(api)
    refund = api.refunds.create(params={"payment_intent": intent.id})
    assert refund.id.startswith("re_")
    assert (refund.object, refund.amount, refund.status, refund.currency) == ("refund", 2000, "succeeded", "eur")
    assert (refund.payment_intent, refund.charge) == (intent.id, intent.latest_charge)
    charge = api.charges.retrieve(intent.latest_charge)
    assert (charge.refunded, charge.amount_refunded) == (True, 2000)
    assert api.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_refund_by_charge_with_reason_and_metadata(api):
    charge = pay(api).latest_charge
    refund = api.refunds.create(params={"charge": charge, "amount": 700, "reason": "requested_by_customer", "metadata": {"rma": "9"}})
    assert (refund.amount, refund.reason, refund.metadata["rma"]) == (700, "requested_by_customer", "9")
    after = api.charges.retrieve(charge)
    assert (after.refunded, after.amount_refunded) == (False, 700)


def test_partial_refunds_add_up_and_the_last_takes_the_rest(api):
    intent = pay(api)
    api.refunds.create(params={"payment_intent": intent.id, "amount": 700})
    api.refunds.create(params={"payment_intent": intent.id, "amount": 300})
    assert api.refunds.create(params={"payment_intent": intent.id}).amount == 1000
    assert api.charges.retrieve(intent.latest_charge).refunded is True
    assert [r.amount for r in api.refunds.list(params={"payment_intent": intent.id}).data] == [1000, 300, 700]


def test_refunding_more_than_is_left_is_refused(api):
    intent = pay(api)
    api.refunds.create(params={"payment_intent": intent.id, "amount": 1500})
    error = refused(lambda: api.refunds.create(params={"payment_intent": intent.id, "amount": 501}))
    assert error.param == "amount"
    assert api.charges.retrieve(intent.latest_charge).amount_refunded == 1500


def test_refunding_a_refunded_charge_is_refused_with_its_code(api):
    intent = pay(api)
    api.refunds.create(params={"payment_intent": intent.id})
    refused(lambda: api.refunds.create(params={"payment_intent": intent.id}), "charge_already_refunded")


def test_an_unpaid_intent_cannot_be_refunded(api):
    intent = api.payment_intents.create(params={"amount": 2000, "currency": "eur"})
    refused(lambda: api.refunds.create(params={"payment_intent": intent.id}))


def test_a_held_charge_cannot_be_refunded_in_part(api):
    intent = pay(api, capture_method="manual")
    refused(lambda: api.refunds.create(params={"payment_intent": intent.id, "amount": 500}))


REFUND_MISTAKES = {
    "nothing to refund": ({}, None, None),
    "an unknown intent": ({"payment_intent": "pi_missing"}, "resource_missing", "payment_intent"),
    "an unknown charge": ({"charge": "ch_missing"}, "resource_missing", "charge"),
    "an unknown reason": ({"charge": "OK", "reason": "rain"}, None, "reason"),
    "amount zero": ({"charge": "OK", "amount": 0}, "parameter_invalid_integer", "amount"),
    "a negative amount": ({"charge": "OK", "amount": -5}, "parameter_invalid_integer", "amount"),
    "an amount in words": ({"charge": "OK", "amount": "all"}, "parameter_invalid_integer", "amount"),
    "an unknown parameter": ({"charge": "OK", "flavour": "mint"}, "parameter_unknown", "flavour"),
}


@pytest.mark.parametrize("name", list(REFUND_MISTAKES))
def test_a_refund_is_refused_for(api, name):
    params, code, param = REFUND_MISTAKES[name]
    charge = pay(api).latest_charge
    sent = {k: charge if v == "OK" else v for k, v in params.items()}
    refused(lambda: api.refunds.create(params=sent), code, param)
    assert api.charges.retrieve(charge).amount_refunded == 0


def test_a_refund_is_retrieved_updated_and_listed(api):
    intent = pay(api)
    refund = api.refunds.create(params={"payment_intent": intent.id})
    assert api.refunds.retrieve(refund.id).to_dict() == refund.to_dict()
    assert api.refunds.update(refund.id, params={"metadata": {"order_id": "6735"}}).metadata["order_id"] == "6735"
    assert [r.id for r in api.refunds.list(params={"charge": intent.latest_charge}).data] == [refund.id]
    refused(lambda: api.refunds.retrieve("re_missing"), "resource_missing", None, 404)


def test_the_refunds_of_a_charge_can_be_expanded(api):
    intent = pay(api)
    refund = api.refunds.create(params={"payment_intent": intent.id, "amount": 100})
    charge = api.charges.retrieve(intent.latest_charge, params={"expand": ["refunds"]})
    assert [r.id for r in charge.refunds.data] == [refund.id]


def test_a_finished_refund_cannot_be_canceled(api):
    refund = api.refunds.create(params={"payment_intent": pay(api).id})
    refused(lambda: api.refunds.cancel(refund.id))


def test_a_payment_books_amount_fee_and_net(api):
    intent = pay(api, expand=["latest_charge.balance_transaction"])
    booked = intent.latest_charge.balance_transaction
    assert booked.id.startswith("txn_")
    assert (booked.object, booked.type, booked.amount, booked.currency) == ("balance_transaction", "charge", 2000, "eur")
    assert booked.fee > 0 and booked.net == booked.amount - booked.fee
    assert sum(part.amount for part in booked.fee_details) == booked.fee
    assert (booked.source, booked.reporting_category) == (intent.latest_charge.id, "charge")
    assert booked.available_on > booked.created


def test_a_refund_books_the_amount_back(api):
    refund = api.refunds.create(params={"payment_intent": pay(api).id, "expand": ["balance_transaction"]})
    booked = refund.balance_transaction
    assert (booked.type, booked.amount, booked.source) == ("refund", -2000, refund.id)


def test_balance_transactions_are_listed_filtered_and_retrieved():
    api = client().v1
    intent = pay(api)
    refund = api.refunds.create(params={"payment_intent": intent.id, "amount": 500})
    every = api.balance_transactions.list().data
    assert [(t.type, t.amount) for t in every] == [("refund", -500), ("charge", 2000)]
    assert [t.id for t in api.balance_transactions.list(params={"type": "charge"}).data] == [every[1].id]
    assert [t.source for t in api.balance_transactions.list(params={"source": refund.id}).data] == [refund.id]
    assert api.balance_transactions.retrieve(every[0].id).net == every[0].net


def test_the_balance_is_the_sum_of_its_transactions():
    api = client().v1
    pay(api)
    pay(api, amount=3000)
    balance = api.balance.retrieve()
    total = sum(part.amount for part in [*balance.pending, *balance.available] if part.currency == "eur")
    assert total == sum(t.net for t in api.balance_transactions.list().data)


@pytest.mark.parametrize("card, reason, status", [
    ("pm_card_createDispute", "fraudulent", "needs_response"),
    ("pm_card_createDisputeProductNotReceived", "product_not_received", "needs_response"),
    ("pm_card_createDisputeInquiry", None, "warning_needs_response"),
])
def test_a_dispute_card_is_disputed(api, card, reason, status):
    intent = pay(api, payment_method=card)
    assert intent.status == "succeeded"
    dispute = api.disputes.list(params={"payment_intent": intent.id}).data[0]
    assert (dispute.charge, dispute.amount, dispute.status) == (intent.latest_charge, 2000, status)
    assert reason in (None, dispute.reason)
    assert api.charges.retrieve(intent.latest_charge).disputed is True
