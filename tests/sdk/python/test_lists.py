"""Cursor lists, the same for every kind of object."""

import pytest
import stripe
from sandbox import client, intent_params, raw, session_params


@pytest.fixture(scope="module")
def many(api):
    """Twelve of each, oldest first."""
    made = {"customers": [], "products": [], "prices": [], "payment_intents": [], "charges": [], "refunds": [], "checkout.sessions": [], "webhook_endpoints": []}
    for n in range(12):
        made["customers"].append(api.customers.create(params={"name": f"c{n}"}).id)
        product = api.products.create(params={"name": f"p{n}"})
        made["products"].append(product.id)
        made["prices"].append(api.prices.create(params={"product": product.id, "currency": "eur", "unit_amount": 100}).id)
        made["checkout.sessions"].append(api.checkout.sessions.create(params=session_params(line_items=[{"price": made["prices"][0], "quantity": 1}])).id)
        made["webhook_endpoints"].append(api.webhook_endpoints.create(params={"url": f"https://shop{n}.example/hook", "enabled_events": ["payout.paid"]}).id)
        intent = api.payment_intents.create(params=intent_params())
        made["payment_intents"].append(intent.id)
        made["charges"].append(intent.latest_charge)
        made["refunds"].append(api.refunds.create(params={"payment_intent": intent.id}).id)
    return made


KINDS = ["customers", "products", "payment_intents", "charges", "refunds", "checkout.sessions", "webhook_endpoints"]


def service(api, kind):
    for name in kind.split("."):
        api = getattr(api, name)
    return api


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_is_newest_first_ten_at_a_time_and_pages_by_itself(api, many, kind):
    page = service(api, kind).list()
    newest = many[kind][::-1]
    assert (page.object, page.url, page.has_more) == ("list", "/v1/" + kind.replace(".", "/"), True)
    assert [row.id for row in page.data] == newest[:10]
    assert [row.id for row in service(api, kind).list(params={"limit": 5}).auto_paging_iter()] == newest


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_pages_backwards_too(api, many, kind):
    newest = many[kind][::-1]
    page = service(api, kind).list(params={"limit": 3, "ending_before": newest[6]})
    assert ([row.id for row in page.data], page.has_more) == (newest[3:6], True)
    page = service(api, kind).list(params={"limit": 3, "ending_before": newest[3]})
    assert ([row.id for row in page.data], page.has_more) == (newest[0:3], False)
    walked = [row.id for row in service(api, kind).list(params={"limit": 4, "ending_before": newest[-1]}).auto_paging_iter()]
    assert walked == newest[:-1][::-1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_page_says_there_is_no_more(api, many, kind):
    newest = many[kind][::-1]
    page = service(api, kind).list(params={"starting_after": newest[9]})
    assert ([row.id for row in page.data], page.has_more) == (newest[10:], False)
    assert service(api, kind).list(params={"starting_after": newest[-1]}).data == []
    assert service(api, kind).list(params={"limit": 12}).has_more is False


@pytest.mark.parametrize("limit", [0, 101, -1, "many", 1.5])
def test_a_limit_outside_1_to_100_is_refused(api, limit):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.customers.list(params={"limit": limit})
    assert (caught.value.http_status, caught.value.param) == (400, "limit")
    assert caught.value.code == "parameter_invalid_integer"


@pytest.mark.parametrize("cursor", ["starting_after", "ending_before"])
def test_an_unknown_cursor_is_refused_by_name(api, cursor):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.customers.list(params={cursor: "cus_missing"})
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, "resource_missing", cursor)


def test_both_cursors_at_once_are_refused(api, many):
    with pytest.raises(stripe.InvalidRequestError):
        api.customers.list(params={"starting_after": many["customers"][0], "ending_before": many["customers"][1]})


def test_an_unknown_filter_is_refused_by_name(api):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.customers.list(params={"flavour": "mint"})
    assert (caught.value.code, caught.value.param) == ("parameter_unknown", "flavour")


def test_an_empty_list_is_still_a_list():
    page = client().v1.customers.list()
    assert (page.object, page.data, page.has_more, page.url) == ("list", [], False, "/v1/customers")


@pytest.mark.parametrize("kind", ["customers", "payment_intents", "charges", "refunds", "checkout.sessions", "events", "balance_transactions"])
def test_a_list_is_filtered_by_time(api, many, kind):
    rows = service(api, kind).list(params={"limit": 100}).data
    assert rows
    middle = rows[len(rows) // 2].created
    for bound, holds in {"gt": middle.__lt__, "gte": middle.__le__, "lt": middle.__gt__, "lte": middle.__ge__}.items():
        wanted = [row.id for row in rows if holds(row.created)]
        assert [row.id for row in service(api, kind).list(params={"limit": 100, "created": {bound: middle}}).data] == wanted, bound
    exact = service(api, kind).list(params={"limit": 100, "created": middle}).data
    assert [row.id for row in exact] == [row.id for row in rows if row.created == middle]


def test_lists_expand_inside_data(api, many):
    row = api.payment_intents.list(params={"limit": 1, "expand": ["data.latest_charge"]}).data[0]
    assert row.latest_charge.object == "charge"
    row = api.refunds.list(params={"limit": 1, "expand": ["data.charge.customer", "data.payment_intent"]}).data[0]
    assert (row.charge.object, row.payment_intent.object) == ("charge", "payment_intent")


def test_expanding_deeper_than_four_levels_is_refused(key, many):
    answer = raw("GET", "/v1/charges?expand[]=data.payment_intent.latest_charge.payment_intent.latest_charge", key)
    assert answer.status_code == 400 and answer.json()["error"]["type"] == "invalid_request_error"


def test_expanding_a_plain_field_or_none_is_refused(api, many):
    for field in ("amount", "flavour", "latest_charge.flavour"):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            api.payment_intents.retrieve(many["payment_intents"][0], params={"expand": [field]})
        assert caught.value.http_status == 400
