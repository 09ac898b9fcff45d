"""The hosted page as a customer without scripts meets it."""

from urllib.parse import urljoin

import pytest
import requests
from hosted_page import Customer
from sandbox import BASE, CANCEL, session_params


@pytest.fixture
def session(api):
    return api.checkout.sessions.create(params=session_params())


def now(api, session, **params):
    return api.checkout.sessions.retrieve(session.id, params=params)


def test_the_page_is_html_and_shows_what_is_bought_and_for_how_much(api):
    session = api.checkout.sessions.create(params=session_params(custom_text={"submit": {"message": "Doors open at eight"}}))
    page = Customer().open(session.url)
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    assert "Ticket" in page.text and "Doors open at eight" in page.text
    assert "50.00" in page.text or "50,00" in page.text


def test_the_page_escapes_what_the_shop_wrote(api):
    line = {"price_data": {"currency": "eur", "unit_amount": 500, "product_data": {"name": "<b id=x>Tea & \"co\""}}, "quantity": 1}
    page = Customer().open(api.checkout.sessions.create(params=session_params(line_items=[line])).url)
    assert "<b id=x>" not in page.html and "<b id=x>" in page.text


def test_every_field_of_the_card_form_has_a_label(session):
    page = Customer().open(session.url)
    form = page.form_with("cc-number|number")
    assert form["method"] == "post"
    assert page.html.count("<label") >= 3 or page.html.count("aria-label") >= 3


def test_a_good_card_completes_the_session_and_redirects_with_its_id(api, session):
    customer = Customer()
    done = customer.pay(customer.open(session.url), "4242424242424242")
    assert done.status in (302, 303)
    assert done.location == f"https://shop.example/thanks?session={session.id}"
    after = now(api, session)
    assert (after.status, after.payment_status, after.url) == ("complete", "paid", None)
    assert after.payment_intent.startswith("pi_")
    assert after.customer_details.email == "ada@shop.example"


def test_the_payment_intent_of_a_paid_session_succeeded_with_a_charge(api, session):
    customer = Customer()
    customer.pay(customer.open(session.url), "4242424242424242")
    intent = now(api, session, expand=["payment_intent.latest_charge"]).payment_intent
    assert (intent.status, intent.amount, intent.amount_received, intent.currency) == ("succeeded", 5000, 5000, "eur")
    charge = intent.latest_charge
    assert (charge.paid, charge.status, charge.captured, charge.amount) == (True, "succeeded", True, 5000)
    assert (charge.payment_method_details.card.brand, charge.payment_method_details.card.last4) == ("visa", "4242")
    assert charge.billing_details.email == "ada@shop.example"


@pytest.mark.parametrize("number", ["4242 4242 4242 4242", "4242-4242-4242-4242", "5555555555554444", "378282246310005"])
def test_other_cards_and_spellings_pay_too(api, session, number):
    customer = Customer()
    assert customer.pay(customer.open(session.url), number).status in (302, 303)
    assert now(api, session).payment_status == "paid"


DECLINES = {
    "4000000000000002": ("card_declined", "generic_decline"),
    "4000000000009995": ("card_declined", "insufficient_funds"),
    "4000000000009987": ("card_declined", "lost_card"),
    "4000000000009979": ("card_declined", "stolen_card"),
    "4000000000006975": ("card_declined", "card_velocity_exceeded"),
    "4000000000000069": ("expired_card", None),
    "4000000000000127": ("incorrect_cvc", None),
    "4000000000000119": ("processing_error", None),
}


@pytest.mark.parametrize("number", list(DECLINES))
def test_a_declined_card_leaves_the_session_open_and_a_second_card_pays(api, session, number):
    code, decline_code = DECLINES[number]
    customer = Customer()
    page = customer.pay(customer.open(session.url), number)
    assert page.location is None and page.form_with("cc-number|number")
    assert number not in page.html, "a card number comes back in the page"
    open_still = now(api, session)
    assert (open_still.status, open_still.payment_status) == ("open", "unpaid")
    done = customer.pay(page, "4242424242424242")
    assert done.status in (302, 303)
    paid = now(api, session)
    assert (paid.status, paid.payment_status) == ("complete", "paid")
    charges = api.charges.list(params={"payment_intent": paid.payment_intent}).data
    assert [c.status for c in charges] == ["succeeded", "failed"]
    assert charges[1].failure_code == code
    if decline_code:
        assert charges[1].outcome.reason == decline_code


@pytest.mark.parametrize("number", ["4242424242424241", "1234", "", "abcd"])
def test_a_number_that_is_no_card_is_refused_on_the_page(api, session, number):
    customer = Customer()
    page = customer.pay(customer.open(session.url), number)
    assert page.location is None and page.form_with("cc-number|number")
    assert now(api, session).status == "open"
    assert api.charges.list(params={"limit": 100}).data is not None


def test_an_expiry_in_the_past_is_refused_on_the_page(api, session):
    customer = Customer()
    page = customer.open(session.url)
    form = page.form_with("cc-number|number")
    past = {name: ("01/20" if "year" not in hint and "month" not in hint else "20" if "year" in hint else "01") for name, hint in form["hints"].items() if "exp" in hint}
    assert past, "no expiry field"
    assert customer.pay(page, "4242424242424242", **past).location is None
    assert now(api, session).status == "open"


@pytest.mark.parametrize("expiry", ["12/34", "12 / 34", "1234", "12/2034"])
def test_an_expiry_is_understood_however_it_is_typed(api, session, expiry):
    customer = Customer()
    page = customer.open(session.url)
    form = page.form_with("cc-number|number")
    typed = {name: expiry for name, hint in form["hints"].items() if "exp" in hint and "month" not in hint and "year" not in hint}
    customer.pay(page, "4242424242424242", **typed)
    assert now(api, session).payment_status == "paid"


def test_a_page_that_was_paid_says_so_and_takes_no_second_payment(api, session):
    customer = Customer()
    page = customer.open(session.url)
    customer.pay(page, "4242424242424242")
    again = customer.open(session.url)
    assert again.location or "paid" in again.text.lower() or "complete" in again.text.lower()
    assert not [f for f in again.forms if any("cc-number" in h for h in f["hints"].values())]


def test_a_page_without_an_email_asks_for_it(api, session):
    customer = Customer()
    assert customer.pay(customer.open(session.url), "4242424242424242", email="").location is None
    assert now(api, session).status == "open"


def test_3d_secure_completed_pays(api, session):
    customer = Customer()
    step = customer.pay(customer.open(session.url), "4000002760003184")
    assert step.status == 200 and now(api, session).payment_status == "unpaid"
    done = customer.press(step, "complete|authori|approve|confirm|pass")
    assert done.status in (302, 303) and session.id in done.location
    assert now(api, session).payment_status == "paid"


def test_3d_secure_failed_leaves_the_session_open_and_another_card_pays(api, session):
    customer = Customer()
    step = customer.pay(customer.open(session.url), "4000002760003184")
    page = customer.press(step, "fail|refuse|reject|decline|cancel")
    assert now(api, session).status == "open"
    done = customer.pay(page, "4242424242424242")
    assert done.status in (302, 303)
    assert now(api, session).payment_status == "paid"


def test_the_other_3d_secure_card_asks_too(api, session):
    customer = Customer()
    step = customer.pay(customer.open(session.url), "4000002500003155")
    customer.press(step, "complete|authori|approve|confirm|pass")
    assert now(api, session).payment_status == "paid"


def test_the_cancel_link_leads_back_to_the_shop_and_the_session_stays_open(api, session):
    customer = Customer()
    page = customer.open(session.url)
    links = [href for href, _ in page.links]
    if CANCEL not in links:
        targets = [customer.open(urljoin(page.url, href)).location for href in links if not href.startswith("http") or href.startswith(BASE)]
        assert CANCEL in targets, links
    assert now(api, session).status == "open"


def test_a_session_without_a_cancel_url_has_no_cancel_link(api):
    params = session_params()
    del params["cancel_url"]
    page = Customer().open(api.checkout.sessions.create(params=params).url)
    assert not [href for href, _ in page.links if "shop.example" in href]


def test_paying_twice_charges_once(api, session):
    first, second = Customer(), Customer()
    page_one, page_two = first.open(session.url), second.open(session.url)
    first.pay(page_one, "4242424242424242")
    second.pay(page_two, "4242424242424242")
    after = now(api, session)
    charges = api.charges.list(params={"payment_intent": after.payment_intent}).data
    assert [c.status for c in charges] == ["succeeded"]


def test_the_page_of_an_expired_session_takes_no_money(api, session):
    customer = Customer()
    page = customer.open(session.url)
    api.checkout.sessions.expire(session.id)
    customer.pay(page, "4242424242424242")
    assert (now(api, session).status, now(api, session).payment_status) == ("expired", "unpaid")
    late = Customer().open(session.url)
    assert not [f for f in late.forms if any("number" in h for h in f["hints"].values())]
    assert "expired" in late.text.lower() or "no longer" in late.text.lower()


def test_a_page_that_never_was_is_404(session):
    assert requests.get(session.url.replace(session.id, "cs_test_nothing"), timeout=30, allow_redirects=False).status_code == 404


def test_a_customer_is_made_when_the_session_asks_for_one(api):
    session = api.checkout.sessions.create(params=session_params(customer_creation="always"))
    customer = Customer()
    customer.pay(customer.open(session.url), "4242424242424242")
    after = now(api, session, expand=["customer"])
    assert after.customer.email == "ada@shop.example"


def test_no_customer_is_made_when_none_is_needed(api, session):
    customer = Customer()
    customer.pay(customer.open(session.url), "4242424242424242")
    after = now(api, session)
    assert after.customer is None and after.customer_creation == "if_required"


def test_an_existing_customer_is_on_the_intent_and_the_charge(api):
    ada = api.customers.create(params={"email": "ada@shop.example"})
    session = api.checkout.sessions.create(params=session_params(customer=ada.id))
    customer = Customer()
    customer.pay(customer.open(session.url), "4242424242424242")
    intent = now(api, session, expand=["payment_intent.latest_charge"]).payment_intent
    assert (intent.customer, intent.latest_charge.customer) == (ada.id, ada.id)


def test_setup_future_usage_saves_the_card_with_the_customer(api):
    ada = api.customers.create(params={"email": "ada@shop.example"})
    session = api.checkout.sessions.create(params=session_params(customer=ada.id, payment_intent_data={"setup_future_usage": "off_session"}))
    customer = Customer()
    customer.pay(customer.open(session.url), "4242424242424242")
    saved = api.customers.payment_methods.list(ada.id).data
    assert [m.card.last4 for m in saved] == ["4242"]


def test_manual_capture_completes_unpaid_and_is_captured_later(api):
    session = api.checkout.sessions.create(params=session_params(payment_intent_data={"capture_method": "manual"}))
    customer = Customer()
    customer.pay(customer.open(session.url), "4242424242424242")
    after = now(api, session, expand=["payment_intent"])
    assert (after.status, after.payment_status) == ("complete", "unpaid")
    assert (after.payment_intent.status, after.payment_intent.amount_capturable) == ("requires_capture", 5000)
    captured = api.payment_intents.capture(after.payment_intent.id)
    assert (captured.status, captured.amount_received, captured.amount_capturable) == ("succeeded", 5000, 0)
    assert now(api, session).payment_status == "paid"


def test_a_free_session_asks_for_no_card(api):
    line = {"price_data": {"currency": "eur", "unit_amount": 0, "product_data": {"name": "Sample"}}, "quantity": 1}
    session = api.checkout.sessions.create(params=session_params(line_items=[line]))
    assert session.amount_total == 0 and session.payment_status in ("unpaid", "no_payment_required")
    page = Customer().open(session.url)
    assert page.status == 200 and not [f for f in page.forms if any("cc-number" in h for h in f["hints"].values())]


def test_the_page_has_no_inline_script_needed_to_pay(session):
    page = Customer().open(session.url)
    form = page.form_with("cc-number|number")
    assert form["buttons"], "the form cannot be sent without scripts"
