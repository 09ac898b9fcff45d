"""SEPA debits: complete but unpaid first, then paid or failed; and sessions that run out."""

import pytest
from hosted_page import Customer
from sandbox import LINE, advance, client, fresh_key, raw, session_params, until

GOOD, BAD = "AT611904300234573201", "IT60X0542811101000000123456"
OWNER = {"name": "Jenny Rosen", "email": "jenny@shop.example", "address": {"line1": "71 Crown Street", "city": "London", "postal_code": "W10 2WB", "country": "GB"}}


@pytest.fixture
def shop():
    class Shop:
        key = fresh_key()

    shop = Shop()
    shop.api = client(shop.key).v1
    return shop


def confirm_as_the_tool_does(shop, session, method, amount):
    answer = raw("GET", f"/v1/payment_pages/{session.id}", shop.key)
    assert answer.status_code == 200, answer.text
    answer = raw("POST", f"/v1/payment_pages/{session.id}/confirm", shop.key, {"payment_method": method.id, "expected_amount": amount})
    assert answer.status_code == 200, answer.text
    return answer.json()


def sepa(shop, iban):
    return shop.api.payment_methods.create(params={"type": "sepa_debit", "sepa_debit": {"iban": iban}, "billing_details": OWNER})


def kinds(shop, about):
    return [e.type for e in shop.api.events.list(params={"limit": 100}).auto_paging_iter() if e.data.object["id"] == about][::-1]


def settled(shop, session, kind):
    def look():
        advance(24 * 3600, shop.key)
        return kind in kinds(shop, session.id)

    until(look, kind)
    return shop.api.checkout.sessions.retrieve(session.id, params={"expand": ["payment_intent.latest_charge"]})


def test_a_sepa_session_completes_unpaid_and_is_paid_later(shop):
    session = shop.api.checkout.sessions.create(params=session_params(payment_method_types=["sepa_debit"]))
    confirm_as_the_tool_does(shop, session, sepa(shop, GOOD), 5000)
    completed = next(e for e in shop.api.events.list(params={"type": "checkout.session.completed"}).data)
    assert (completed.data.object["status"], completed.data.object["payment_status"]) == ("complete", "unpaid")
    later = settled(shop, session, "checkout.session.async_payment_succeeded")
    assert later.payment_status == "paid" and later.payment_intent.status == "succeeded"
    assert later.payment_intent.latest_charge.payment_method_details.type == "sepa_debit"
    assert kinds(shop, session.id) == ["checkout.session.completed", "checkout.session.async_payment_succeeded"]
    assert "payment_intent.processing" in kinds(shop, later.payment_intent.id)


def test_a_sepa_session_that_fails_stays_unpaid(shop):
    session = shop.api.checkout.sessions.create(params=session_params(payment_method_types=["sepa_debit"]))
    confirm_as_the_tool_does(shop, session, sepa(shop, BAD), 5000)
    later = settled(shop, session, "checkout.session.async_payment_failed")
    assert (later.status, later.payment_status) == ("complete", "unpaid")
    assert later.payment_intent.status == "requires_payment_method"
    assert "payment_intent.payment_failed" in kinds(shop, later.payment_intent.id)


def test_a_sepa_intent_is_processing_first(shop):
    intent = shop.api.payment_intents.create(params={
        "amount": 1000, "currency": "eur", "payment_method": sepa(shop, GOOD).id, "payment_method_types": ["sepa_debit"], "confirm": True,
        "mandate_data": {"customer_acceptance": {"type": "offline"}}, "expand": ["latest_charge"],
    })
    assert intent.status == "processing" and intent.latest_charge.status == "pending"

    def paid():
        advance(24 * 3600, shop.key)
        return shop.api.payment_intents.retrieve(intent.id).status == "succeeded"

    until(paid, "the debit to succeed")


def test_a_sepa_session_is_paid_through_the_hosted_page(shop):
    session = shop.api.checkout.sessions.create(params=session_params(payment_method_types=["card", "sepa_debit"]))
    customer = Customer()
    page = customer.open(session.url)
    form = page.form_with("iban")
    changes = {name: GOOD if "iban" in hint else "ada@shop.example" if "email" in hint else "Ada Lovelace" if "name" in hint else form["fields"][name] or "" for name, hint in form["hints"].items()}
    chooser = {name: "sepa_debit" for name, value in form["fields"].items() if "method" in name or "type" in name}
    button = next((b for b in form["buttons"] if "sepa" in (b["text"] + b["value"]).lower()), form["buttons"][0])
    done = customer.submit(page, form, changes | chooser, button)
    assert done.status in (302, 303)
    after = shop.api.checkout.sessions.retrieve(session.id)
    assert (after.status, after.payment_status) == ("complete", "unpaid")
    assert settled(shop, session, "checkout.session.async_payment_succeeded").payment_status == "paid"


def test_the_tools_confirmation_pays_by_card_at_once(shop):
    session = shop.api.checkout.sessions.create(params=session_params())
    method = shop.api.payment_methods.create(params={"type": "card", "card": {"token": "tok_visa"}, "billing_details": OWNER})
    confirm_as_the_tool_does(shop, session, method, 5000)
    after = shop.api.checkout.sessions.retrieve(session.id)
    assert (after.status, after.payment_status, after.customer_details.email) == ("complete", "paid", "jenny@shop.example")


def test_a_confirmation_with_another_amount_is_refused(shop):
    session = shop.api.checkout.sessions.create(params=session_params())
    method = shop.api.payment_methods.create(params={"type": "card", "card": {"token": "tok_visa"}, "billing_details": OWNER})
    answer = raw("POST", f"/v1/payment_pages/{session.id}/confirm", shop.key, {"payment_method": method.id, "expected_amount": 1})
    assert answer.status_code == 400
    assert shop.api.checkout.sessions.retrieve(session.id).status == "open"


def test_a_confirmation_with_a_declined_card_is_402_and_leaves_it_open(shop):
    session = shop.api.checkout.sessions.create(params=session_params())
    method = shop.api.payment_methods.create(params={"type": "card", "card": {"token": "tok_chargeDeclined"}, "billing_details": OWNER})
    answer = raw("POST", f"/v1/payment_pages/{session.id}/confirm", shop.key, {"payment_method": method.id, "expected_amount": 5000})
    assert (answer.status_code, answer.json()["error"]["type"]) == (402, "card_error")
    assert shop.api.checkout.sessions.retrieve(session.id).status == "open"


def test_a_session_runs_out_when_its_time_has_come(shop):
    session = shop.api.checkout.sessions.create(params=session_params())
    advance(25 * 3600, shop.key)
    until(lambda: shop.api.checkout.sessions.retrieve(session.id).status == "expired", "the session to run out")
    assert "checkout.session.expired" in kinds(shop, session.id)


def test_a_refund_to_the_failing_card_succeeds_and_fails_later(shop):
    intent = shop.api.payment_intents.create(params={"amount": 2000, "currency": "eur", "payment_method": "pm_card_refundFail", "payment_method_types": ["card"], "confirm": True})
    refund = shop.api.refunds.create(params={"payment_intent": intent.id})
    assert refund.status in ("succeeded", "pending")

    def failed():
        advance(24 * 3600, shop.key)
        return shop.api.refunds.retrieve(refund.id).status == "failed"

    until(failed, "the refund to fail")
    after = shop.api.refunds.retrieve(refund.id)
    assert after.failure_reason and str(after.failure_balance_transaction).startswith("txn_")
    assert {"refund.failed", "refund.updated"} & set(kinds(shop, refund.id))


def test_lines_in_another_currency_are_not_offered_sepa(shop):
    line = {**LINE, "price_data": {**LINE["price_data"], "currency": "usd"}}
    session = shop.api.checkout.sessions.create(params=session_params(line_items=[line]))
    assert "sepa_debit" not in session.payment_method_types
