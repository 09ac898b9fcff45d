"""Idempotency keys, as documented for v1."""

import threading
import uuid

import pytest
import stripe
from sandbox import client, raw, session_params

CUSTOMER = {"name": "Ada"}


def post(key, path, data, idempotency_key, **more):
    return raw("POST", path, key, data, headers={"Idempotency-Key": idempotency_key}, **more)


def fresh():
    return str(uuid.uuid4())


def test_a_repeated_request_gets_the_first_answer_byte_for_byte(key):
    again = fresh()
    first, second = (post(key, "/v1/customers", CUSTOMER, again) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["idempotency-key"] == again


def test_a_replay_has_a_request_id_and_names_the_original(key):
    again = fresh()
    first, second = (post(key, "/v1/customers", CUSTOMER, again) for _ in range(2))
    assert second.headers["original-request"] == first.headers["request-id"]


def test_a_repeated_session_is_the_same_session_through_the_sdk(api):
    options = {"idempotency_key": fresh()}
    made = [api.checkout.sessions.create(params=session_params(), options=options) for _ in range(3)]
    assert len({s.id for s in made}) == 1
    assert made[2].last_response.headers["idempotent-replayed"] == "true"


def test_the_same_key_with_other_parameters_is_an_idempotency_error(api):
    options = {"idempotency_key": fresh()}
    api.customers.create(params={"name": "Ada"}, options=options)
    with pytest.raises(stripe.IdempotencyError) as caught:
        api.customers.create(params={"name": "Eve"}, options=options)
    assert caught.value.http_status == 400
    assert caught.value.json_body["error"]["type"] == "idempotency_error"
    assert options["idempotency_key"] in str(caught.value)


def test_the_same_key_on_another_path_is_an_idempotency_error(key):
    again = fresh()
    post(key, "/v1/customers", CUSTOMER, again)
    answer = post(key, "/v1/products", CUSTOMER, again)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")


def test_the_order_of_parameters_does_not_matter(key):
    again = fresh()
    first = post(key, "/v1/customers", [("name", "Ada"), ("email", "a@shop.example")], again)
    second = post(key, "/v1/customers", [("email", "a@shop.example"), ("name", "Ada")], again)
    assert second.status_code == 200 and first.json()["id"] == second.json()["id"]


def test_a_refused_request_is_not_kept_and_its_key_is_free(key):
    again = fresh()
    refused = post(key, "/v1/customers", {"flavour": "mint"}, again)
    assert refused.status_code == 400
    repeat = post(key, "/v1/customers", {"flavour": "mint"}, again)
    assert "idempotent-replayed" not in repeat.headers
    assert post(key, "/v1/customers", CUSTOMER, again).status_code == 200


def test_a_decline_is_kept_and_charges_once(key, api):
    again = fresh()
    data = {"amount": "2000", "currency": "eur", "payment_method": "pm_card_visa_chargeDeclined", "payment_method_types[]": "card", "confirm": "true"}
    first, second = (post(key, "/v1/payment_intents", data, again) for _ in range(2))
    assert first.status_code == second.status_code == 402
    assert first.content == second.content and second.headers["idempotent-replayed"] == "true"
    assert len(api.charges.list(params={"payment_intent": first.json()["error"]["payment_intent"]["id"]}).data) == 1


def test_a_refund_repeated_with_its_key_refunds_once(api):
    intent = api.payment_intents.create(params={"amount": 2000, "currency": "eur", "payment_method": "pm_card_visa", "payment_method_types": ["card"], "confirm": True})
    options = {"idempotency_key": fresh()}
    made = [api.refunds.create(params={"payment_intent": intent.id, "amount": 500}, options=options).id for _ in range(3)]
    assert len(set(made)) == 1
    assert api.charges.retrieve(intent.latest_charge).amount_refunded == 500


def test_a_replay_shows_the_first_answer_even_after_the_object_moved_on(api):
    options = {"idempotency_key": fresh()}
    first = api.checkout.sessions.create(params=session_params(), options=options)
    api.checkout.sessions.expire(first.id)
    assert api.checkout.sessions.create(params=session_params(), options=options).status == "open"


def test_keys_belong_to_their_account(api):
    options = {"idempotency_key": fresh()}
    mine = api.customers.create(params=CUSTOMER, options=options)
    theirs = client().v1.customers.create(params={"name": "Eve"}, options=options)
    assert mine.id != theirs.id


def test_a_key_over_255_characters_is_refused(key):
    answer = post(key, "/v1/customers", CUSTOMER, "k" * 256)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] in ("invalid_request_error", "idempotency_error")
    assert post(key, "/v1/customers", CUSTOMER, "k" * 255).status_code == 200


def test_a_request_without_a_key_is_never_replayed(key):
    first, second = (raw("POST", "/v1/customers", key, CUSTOMER) for _ in range(2))
    assert first.json()["id"] != second.json()["id"]


def test_reads_ignore_the_key(key, api):
    again = fresh()
    made = api.customers.create(params=CUSTOMER)
    path = f"/v1/customers/{made.id}"
    raw("GET", path, key, headers={"Idempotency-Key": again})
    api.customers.update(made.id, params={"name": "Eve"})
    answer = raw("GET", path, key, headers={"Idempotency-Key": again})
    assert answer.json()["name"] == "Eve" and "idempotent-replayed" not in answer.headers


def test_ten_requests_at_once_with_one_key_make_one_object(key, api):
    again, answers = fresh(), []
    before = len(list(api.customers.list(params={"limit": 100}).auto_paging_iter()))

    def ask():
        answers.append(post(key, "/v1/customers", {"name": "Crowd"}, again))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert {a.status_code for a in answers} <= {200, 409}
    assert len({a.json()["id"] for a in answers if a.status_code == 200}) == 1
    assert len(list(api.customers.list(params={"limit": 100}).auto_paging_iter())) == before + 1
