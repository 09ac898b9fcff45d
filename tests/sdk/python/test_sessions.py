"""Checkout sessions: create, retrieve, list, line items, expire, update."""

import pytest
import stripe
from hosted_page import Customer
from sandbox import LINE, SUCCESS, client, session_params


@pytest.fixture(scope="module")
def price(api):
    product = api.products.create(params={"name": "Ticket"})
    return api.prices.create(params={"product": product.id, "currency": "eur", "unit_amount": 1500})


def test_a_new_session_is_open_unpaid_and_has_a_page(api):
    session = api.checkout.sessions.create(params=session_params())
    assert session.id.startswith("cs_test_")
    assert (session.object, session.status, session.payment_status, session.mode) == ("checkout.session", "open", "unpaid", "payment")
    assert (session.amount_subtotal, session.amount_total, session.currency) == (5000, 5000, "eur")
    assert session.livemode is False
    assert session.ui_mode == "hosted_page"
    assert session.url.startswith("http") and session.id in session.url
    assert session.payment_intent is None
    assert session.payment_method_types and "card" in session.payment_method_types


def test_the_success_url_keeps_its_placeholder(api):
    assert api.checkout.sessions.create(params=session_params()).success_url == SUCCESS


def test_a_session_lives_24_hours_by_default(api):
    session = api.checkout.sessions.create(params=session_params())
    assert session.expires_at - session.created == 24 * 3600


def test_a_session_is_retrieved_as_it_was_created(api):
    session = api.checkout.sessions.create(params=session_params(client_reference_id="order-7", metadata={"cart": "77"}))
    again = api.checkout.sessions.retrieve(session.id)
    assert again.to_dict() == session.to_dict()
    assert (again.client_reference_id, again.metadata.to_dict()) == ("order-7", {"cart": "77"})


def test_line_items_are_absent_unless_expanded(api):
    session = api.checkout.sessions.create(params=session_params())
    assert "line_items" not in session.to_dict()
    expanded = api.checkout.sessions.retrieve(session.id, params={"expand": ["line_items"]})
    item = expanded.line_items.data[0]
    assert (item.object, item.quantity, item.amount_total, item.description, item.price.unit_amount) == ("item", 2, 5000, "Ticket", 2500)


def test_line_items_are_expanded_at_creation_too(api):
    session = api.checkout.sessions.create(params=session_params(expand=["line_items"]))
    assert session.line_items.object == "list" and len(session.line_items.data) == 1


def test_line_items_are_listed_with_pages(api, price):
    lines = [LINE, {"price": price.id, "quantity": 1}, {"price": price.id, "quantity": 3}]
    session = api.checkout.sessions.create(params=session_params(line_items=lines))
    assert session.amount_total == 5000 + 1500 + 4500
    first = api.checkout.sessions.line_items.list(session.id, params={"limit": 2})
    assert (len(first.data), first.has_more, first.url) == (2, True, f"/v1/checkout/sessions/{session.id}/line_items")
    assert sum(item.amount_total for item in first.auto_paging_iter()) == 11000


def test_the_price_of_a_line_item_names_its_product_and_expands_it(api, price):
    session = api.checkout.sessions.create(params=session_params(line_items=[{"price": price.id, "quantity": 1}]))
    item = api.checkout.sessions.line_items.list(session.id).data[0]
    assert item.price.id == price.id and item.price.product == price.product
    deep = api.checkout.sessions.line_items.list(session.id, params={"expand": ["data.price.product"]}).data[0]
    assert deep.price.product.name == "Ticket"


def test_price_data_makes_an_inactive_price_and_product(api):
    session = api.checkout.sessions.create(params=session_params(expand=["line_items.data.price.product"]))
    made = session.line_items.data[0].price
    assert made.active is False and made.product.name == "Ticket"
    assert api.prices.retrieve(made.id).unit_amount == 2500


def test_an_open_session_can_be_expired(api):
    session = api.checkout.sessions.create(params=session_params())
    expired = api.checkout.sessions.expire(session.id)
    assert (expired.status, expired.url, expired.payment_status) == ("expired", None, "unpaid")
    assert api.checkout.sessions.retrieve(session.id).status == "expired"


def test_an_expired_session_cannot_be_expired_again(api):
    session = api.checkout.sessions.create(params=session_params())
    api.checkout.sessions.expire(session.id)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.checkout.sessions.expire(session.id)
    assert caught.value.http_status == 400 and "expire" in str(caught.value).lower()


def test_a_complete_session_cannot_be_expired(api):
    session = api.checkout.sessions.create(params=session_params())
    customer = Customer()
    customer.pay(customer.open(session.url), "4242424242424242")
    with pytest.raises(stripe.InvalidRequestError):
        api.checkout.sessions.expire(session.id)
    assert api.checkout.sessions.retrieve(session.id).status == "complete"


def test_the_metadata_of_a_session_can_be_updated(api):
    session = api.checkout.sessions.create(params=session_params(metadata={"a": "1", "b": "2"}))
    updated = api.checkout.sessions.update(session.id, params={"metadata": {"b": "", "c": "3"}})
    assert updated.metadata.to_dict() == {"a": "1", "c": "3"}


def test_an_unknown_session_is_404_with_code_and_param(api):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.checkout.sessions.retrieve("cs_test_missing")
    error = caught.value
    assert (error.http_status, error.code, error.request_id[:4]) == (404, "resource_missing", "req_")
    assert "cs_test_missing" in str(error)


@pytest.mark.parametrize("call", ["expire", "line_items", "update"])
def test_every_call_on_an_unknown_session_is_404(api, call):
    sessions = api.checkout.sessions
    with pytest.raises(stripe.InvalidRequestError) as caught:
        {"expire": sessions.expire, "line_items": sessions.line_items.list, "update": sessions.update}[call]("cs_test_missing")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def test_sessions_are_listed_newest_first_and_filtered_by_status():
    api = client().v1
    made = [api.checkout.sessions.create(params=session_params()).id for _ in range(3)]
    api.checkout.sessions.expire(made[1])
    assert [s.id for s in api.checkout.sessions.list().data] == made[::-1]
    assert [s.id for s in api.checkout.sessions.list(params={"status": "expired"}).data] == [made[1]]
    assert [s.id for s in api.checkout.sessions.list(params={"status": "open"}).data] == [made[2], made[0]]
    assert api.checkout.sessions.list(params={"status": "complete"}).data == []


def test_a_wrong_status_filter_is_refused(api):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.checkout.sessions.list(params={"status": "paid"})
    assert caught.value.param == "status"


def test_sessions_are_filtered_by_customer_payment_intent_email_and_time():
    api = client().v1
    ada = api.customers.create(params={"email": "ada@shop.example"})
    hers = api.checkout.sessions.create(params=session_params(customer=ada.id))
    other = api.checkout.sessions.create(params=session_params())
    customer = Customer()
    customer.pay(customer.open(other.url), "4242424242424242", email="bob@shop.example")
    paid = api.checkout.sessions.retrieve(other.id)

    def ids(**params):
        return [s.id for s in api.checkout.sessions.list(params=params).data]

    assert ids(customer=ada.id) == [hers.id]
    assert ids(payment_intent=paid.payment_intent) == [other.id]
    assert ids(customer_details={"email": "bob@shop.example"}) == [other.id]
    assert ids(created={"gt": other.created + 600}) == []
    assert ids(created={"gte": hers.created, "lte": other.created}) == [other.id, hers.id]


def test_a_session_for_a_customer_carries_the_customer_and_its_email(api):
    ada = api.customers.create(params={"email": "ada@shop.example", "name": "Ada"})
    session = api.checkout.sessions.create(params=session_params(customer=ada.id, expand=["customer"]))
    assert session.customer.id == ada.id and session.customer.email == "ada@shop.example"
    assert session.customer_details.email == "ada@shop.example"


def test_customer_email_is_kept_and_fills_the_page(api):
    session = api.checkout.sessions.create(params=session_params(customer_email="eve@shop.example"))
    assert session.customer_email == "eve@shop.example"
    assert "eve@shop.example" in Customer().open(session.url).html


def test_an_embedded_session_has_a_client_secret_and_no_url(api):
    params = session_params(ui_mode="embedded_page", return_url="https://shop.example/back?s={CHECKOUT_SESSION_ID}")
    del params["success_url"], params["cancel_url"]
    session = api.checkout.sessions.create(params=params)
    assert session.url is None and session.client_secret.startswith(session.id + "_secret_")
    assert session.return_url.endswith("{CHECKOUT_SESSION_ID}")


def test_a_currency_without_decimals_keeps_its_units(api):
    line = {"price_data": {"currency": "jpy", "unit_amount": 700, "product_data": {"name": "Tea"}}, "quantity": 1}
    session = api.checkout.sessions.create(params=session_params(line_items=[line]))
    assert (session.amount_total, session.currency) == (700, "jpy")
