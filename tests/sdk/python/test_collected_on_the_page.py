"""What a session asks the customer for, and where the answer is found afterwards."""

from hosted_page import Customer
from sandbox import session_params


def buy(api, **changes):
    session = api.checkout.sessions.create(params=session_params(**changes))
    customer = Customer()
    page = customer.open(session.url)
    done = customer.pay(page, "4242424242424242")
    assert done.status in (302, 303), done.text
    return page, api.checkout.sessions.retrieve(session.id, params={"expand": ["payment_intent.latest_charge"]})


def test_the_name_and_email_are_kept_with_the_payment(api):
    _, session = buy(api)
    assert (session.customer_details.email, session.customer_details.name) == ("ada@shop.example", "Ada Lovelace")
    assert session.payment_intent.latest_charge.billing_details.name == "Ada Lovelace"


def test_a_phone_number_is_asked_for_and_kept(api):
    page, session = buy(api, phone_number_collection={"enabled": True})
    assert page.form_with("tel|phone")
    assert session.customer_details.phone == "+4930123456"


def test_a_shipping_address_is_asked_for_and_kept(api):
    page, session = buy(api, shipping_address_collection={"allowed_countries": ["DE", "FR"]})
    assert page.form_with("line1|street")
    kept = session.collected_information.shipping_details
    assert (kept.name, kept.address.city, kept.address.country) == ("Ada Lovelace", "Berlin", "DE")
    assert session.payment_intent.shipping.address.city == "Berlin"


def test_a_billing_address_is_asked_for_and_kept(api):
    page, session = buy(api, billing_address_collection="required")
    assert page.form_with("line1|street")
    assert session.customer_details.address.city == "Berlin"
    assert session.payment_intent.latest_charge.billing_details.address.country == "DE"


def test_custom_fields_are_asked_for_and_kept(api):
    fields = [
        {"key": "engraving", "label": {"type": "custom", "custom": "Engraving"}, "type": "text", "optional": True},
        {"key": "size", "label": {"type": "custom", "custom": "Size"}, "type": "dropdown", "dropdown": {"options": [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}]}},
    ]
    session = api.checkout.sessions.create(params=session_params(custom_fields=fields))
    customer = Customer()
    page = customer.open(session.url)
    assert "Engraving" in page.text and "Large" in page.text
    form = page.form_with("cc-number")
    named = {key: next(n for n in form["hints"] if key in n) for key in ("engraving", "size")}
    customer.pay(page, "4242424242424242", **{named["engraving"]: "To Eve", named["size"]: "l"})
    after = {f.key: f for f in api.checkout.sessions.retrieve(session.id).custom_fields}
    assert (after["engraving"].text.value, after["size"].dropdown.value) == ("To Eve", "l")


def test_an_answer_that_is_missing_is_asked_for_again_and_what_was_typed_stays(api):
    field = {"key": "engraving", "label": {"type": "custom", "custom": "Engraving"}, "type": "text"}
    session = api.checkout.sessions.create(params=session_params(custom_fields=[field], phone_number_collection={"enabled": True}))
    customer = Customer()
    page = customer.pay(customer.open(session.url), "4242424242424242")
    assert page.location is None and api.checkout.sessions.retrieve(session.id).status == "open"
    form = page.form_with("cc-number")
    assert "+4930123456" in form["fields"].values()
    name = next(n for n in form["hints"] if "engraving" in n)
    assert customer.pay(page, "4242424242424242", **{name: "To Eve"}).location


def test_terms_that_must_be_accepted_are_asked_for_and_recorded(api):
    session = api.checkout.sessions.create(params=session_params(consent_collection={"terms_of_service": "required"}))
    customer = Customer()
    page = customer.open(session.url)
    form = page.form_with("cc-number")
    box = next((n for n in form["hints"] if "terms" in n or "consent" in n), None)
    assert box, "no box for the terms"
    assert customer.pay(page, "4242424242424242").location is None
    customer.pay(page, "4242424242424242", **{box: "on"})
    after = api.checkout.sessions.retrieve(session.id)
    assert (after.payment_status, after.consent.terms_of_service) == ("paid", "accepted")
