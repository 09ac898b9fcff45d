"""Who may ask, how answers are dressed, and which class of error the SDK makes of them."""

import base64
import threading

import pytest
import requests
import stripe
from sandbox import BASE, VERSION, client, fresh_key, raw, session_params


def test_no_key_is_401():
    answer = raw("GET", "/v1/customers", "", headers={"Authorization": None})
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (401, "invalid_request_error")
    assert answer.headers["www-authenticate"].lower().startswith("basic")


@pytest.mark.parametrize("wrong", ["nonsense", "pk_test_123", "sk_live_123", "whsec_1"])
def test_a_wrong_key_is_an_authentication_error(wrong):
    with pytest.raises(stripe.AuthenticationError) as caught:
        client(wrong).v1.customers.list()
    assert caught.value.http_status == 401
    assert "nonsense" not in str(caught.value), "a key comes back whole"


def test_basic_access_with_the_key_as_user_name_is_the_same_account(key, api):
    made = api.customers.create(params={})
    answer = requests.get(f"{BASE}/v1/customers/{made.id}", auth=(key, ""), timeout=30)
    assert answer.status_code == 200 and answer.json()["id"] == made.id
    odd = "Basic " + base64.b64encode(key.encode()).decode()
    assert raw("GET", f"/v1/customers/{made.id}", key, headers={"Authorization": odd}).status_code in (200, 401)


def test_accounts_of_different_keys_see_nothing_of_each_other(api):
    other = client().v1
    customer = api.customers.create(params={"email": "ada@shop.example"})
    session = api.checkout.sessions.create(params=session_params())
    intent = api.payment_intents.create(params={"amount": 500, "currency": "eur"})
    for read in (lambda: other.customers.retrieve(customer.id), lambda: other.checkout.sessions.retrieve(session.id), lambda: other.payment_intents.retrieve(intent.id)):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            read()
        assert caught.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError):
        other.checkout.sessions.create(params=session_params(customer=customer.id))
    assert other.customers.list().data == other.events.list().data == []


def test_every_answer_has_its_own_request_id(key):
    seen = {raw("GET", path, key).headers["request-id"] for path in ("/v1/customers", "/v1/products", "/v1/nonsense") for _ in range(3)}
    assert len(seen) == 9 and all(s.startswith("req_") for s in seen)


def test_the_request_id_is_where_the_sdk_looks_for_it(api):
    assert api.customers.create(params={}).last_response.request_id.startswith("req_")


@pytest.mark.parametrize("version", [VERSION, "2026-10-28.endive", "2024-06-20"])
def test_the_version_asked_for_comes_back(version):
    # Older and newer shapes than the document's are not held against it: only the header counts here.
    answer = requests.get(BASE + "/v1/balance", headers={"Authorization": "Bearer " + fresh_key(), "Stripe-Version": version}, timeout=30)
    assert (answer.status_code, answer.headers["stripe-version"]) == (200, version)


def test_a_default_version_comes_back_when_none_was_asked_for(key):
    answer = raw("GET", "/v1/customers", key, version=None)
    assert answer.headers["stripe-version"][:2] == "20"


def test_a_version_that_never_was_is_refused(key):
    # Such a version cannot come back, so this goes past the check that every version does.
    answer = requests.get(BASE + "/v1/customers", headers={"Authorization": f"Bearer {key}", "Stripe-Version": "yesterday"}, timeout=30)
    assert answer.status_code == 400 and answer.json()["error"]["type"] == "invalid_request_error"


def test_an_unknown_path_is_404_and_names_itself(key):
    answer = raw("GET", "/v1/nonsense", key)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (404, "invalid_request_error")
    assert "/v1/nonsense" in error["message"] and "GET" in error["message"]


@pytest.mark.parametrize("method, path", [("DELETE", "/v1/charges/ch_1"), ("PUT", "/v1/customers"), ("DELETE", "/v1/checkout/sessions"), ("POST", "/v1/events")])
def test_a_method_that_a_path_does_not_know_is_404(key, method, path):
    assert raw(method, path, key).status_code in (404, 405)


def test_a_body_of_json_is_refused(key):
    answer = raw("POST", "/v1/customers", key, '{"name": "Ada"}', headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 415) and answer.json()["error"]["type"] == "invalid_request_error"


def test_an_error_tells_all_that_the_sdk_can_show(api):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.checkout.sessions.create(params=session_params(flavour="mint"))
    error = caught.value
    assert (error.http_status, error.code, error.param) == (400, "parameter_unknown", "flavour")
    assert error.user_message == "Received unknown parameter: flavour"
    assert error.error.doc_url.startswith("https://") and "parameter-unknown" in error.error.doc_url
    assert error.error.request_log_url is None or error.error.request_log_url.startswith("https://")
    assert error.request_id.startswith("req_") and error.headers["request-id"] == error.request_id


def test_the_words_of_a_missing_object_are_stripes(api):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.customers.retrieve("cus_missing")
    assert caught.value.user_message == "No such customer: 'cus_missing'"


def test_the_words_of_a_decline_are_stripes(api):
    with pytest.raises(stripe.CardError) as caught:
        api.payment_intents.create(params={"amount": 500, "currency": "eur", "payment_method": "pm_card_visa_chargeDeclined", "payment_method_types": ["card"], "confirm": True})
    assert caught.value.user_message == "Your card was declined."


def test_ids_and_times_grow_with_each_object(api):
    rows = [api.customers.create(params={}) for _ in range(3)]
    assert len({row.id for row in rows}) == 3
    assert rows[0].created <= rows[1].created <= rows[2].created


def test_many_clients_at_once_are_all_served():
    api, failures = client().v1, []

    def work():
        try:
            for _ in range(5):
                api.customers.create(params={})
        except Exception as failure:  # noqa: BLE001 - any failure at all is the finding
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not failures
    assert len(list(api.customers.list(params={"limit": 100}).auto_paging_iter())) == 40
