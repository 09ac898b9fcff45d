"""Each documented parameter of the other POST calls, sent with a value of the wrong kind."""

import pytest
from mistakes import of_the_wrong_kind, rejected
from sandbox import DOCUMENT, intent_params, raw, session_params

GOOD = {
    "/v1/customers": {"name": "Ada"},
    "/v1/products": {"name": "Tea"},
    "/v1/prices": {"currency": "eur", "unit_amount": "400", "product_data[name]": "Tea"},
    "/v1/payment_intents": {"currency": "eur", "amount": "400"},
    "/v1/refunds": {},
    "/v1/payment_methods": {"type": "card", "card[token]": "tok_visa"},
    "/v1/webhook_endpoints": {"url": "https://shop.example/hook", "enabled_events[0]": "charge.succeeded"},
}
CREATES = [pytest.param(path, changes, param, id=f"{path}-{name}") for path in GOOD for name, changes, param in of_the_wrong_kind(path)]


@pytest.mark.parametrize("path, changes, param", CREATES)
def test_a_wrong_kind_of_value_is_refused_by_name_on(key, path, changes, param):
    rejected(key, path, GOOD[path], changes, param)


@pytest.fixture(scope="module")
def objects(api):
    """One of each, for the calls that act on an object that exists."""
    customer = api.customers.create(params={})
    held = api.payment_intents.create(params=intent_params(capture_method="manual"))
    product = api.products.create(params={"name": "Tea"})
    return {
        "{customer}": customer.id, "{intent}": held.id, "{id}": product.id, "{charge}": held.latest_charge,
        "{price}": api.prices.create(params={"product": product.id, "currency": "eur", "unit_amount": 400}).id,
        "{session}": api.checkout.sessions.create(params=session_params()).id,
        "{refund}": api.refunds.create(params={"payment_intent": api.payment_intents.create(params=intent_params()).id}).id,
        "{payment_method}": api.payment_methods.attach("pm_card_visa", params={"customer": customer.id}).id,
        "{webhook_endpoint}": api.webhook_endpoints.create(params={"url": "https://shop.example/hook", "enabled_events": ["*"]}).id,
    }


UPDATES = [
    "/v1/customers/{customer}", "/v1/products/{id}", "/v1/prices/{price}", "/v1/payment_intents/{intent}", "/v1/payment_intents/{intent}/confirm",
    "/v1/payment_intents/{intent}/capture", "/v1/payment_intents/{intent}/cancel", "/v1/charges/{charge}", "/v1/checkout/sessions/{session}",
    "/v1/checkout/sessions/{session}/expire", "/v1/refunds/{refund}", "/v1/payment_methods/{payment_method}", "/v1/webhook_endpoints/{webhook_endpoint}",
]


@pytest.mark.parametrize("path, changes, param", [pytest.param(p, c, m, id=f"{p}-{n}") for p in UPDATES for n, c, m in of_the_wrong_kind(p)])
def test_a_wrong_kind_of_value_is_refused_by_name_on_the_existing(key, objects, path, changes, param):
    here = path
    for name, value in objects.items():
        here = here.replace(name, value)
    rejected(key, here, {}, changes, param)


LISTS = [
    "/v1/customers", "/v1/products", "/v1/prices", "/v1/payment_intents", "/v1/charges", "/v1/refunds", "/v1/checkout/sessions",
    "/v1/webhook_endpoints", "/v1/events", "/v1/balance_transactions", "/v1/payment_methods", "/v1/disputes",
]


def wrong_filters(path):
    for parameter in DOCUMENT.document["paths"][path]["get"]["parameters"]:
        schema, name = parameter["schema"], parameter["name"]
        if schema.get("type") == "integer":
            yield {name: "many"}, name
        elif schema.get("type") == "boolean":
            yield {name: "perhaps"}, name
        elif "enum" in schema:
            yield {name: "not-one-of-them"}, name
        elif name == "created":
            yield {"created[gte]": "yesterday"}, "created[gte]"
            yield {"created[since]": "1"}, "created[since]"
            yield {"created": "yesterday"}, "created"
    yield {"no_such_filter": "x"}, "no_such_filter"
    yield {"limit": "0"}, "limit"
    yield {"limit": "101"}, "limit"


@pytest.mark.parametrize("path, query, param", [pytest.param(p, q, n, id=f"{p}-{next(iter(q))}-{next(iter(q.values()))}") for p in LISTS for q, n in wrong_filters(p)])
def test_a_wrong_filter_is_refused_by_name_on(key, path, query, param):
    answer = raw("GET", path, key, params=query)
    body = answer.json()
    assert answer.status_code == 400, str(body)[:200]
    assert (body["error"]["type"], body["error"].get("param")) == ("invalid_request_error", param), body


def test_every_list_starts_empty_in_a_fresh_account():
    from sandbox import fresh_key

    key = fresh_key()
    for path in LISTS:
        body = raw("GET", path, key).json()
        assert (body["object"], body["data"], body["has_more"], body["url"]) == ("list", [], False, path)
