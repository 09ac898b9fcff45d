"""Search, keys that grow old, and other ways to call: SDK defaults, the older global style, several accounts at once."""

import stripe
from sandbox import BASE, Watched, advance, client, fresh_key, intent_params, raw, session_params


def found(service, query, **more):
    return [row.id for row in service.search(params={"query": query, **more}).data]


def test_customers_are_searched_by_email_name_and_metadata():
    api = client().v1
    ada = api.customers.create(params={"email": "ada@shop.example", "name": "Ada Lovelace", "metadata": {"shelf": "4"}})
    eve = api.customers.create(params={"email": "eve@shop.example", "name": "Eve"})
    assert found(api.customers, "email:'ada@shop.example'") == [ada.id]
    assert found(api.customers, "name~'lovelace'") == [ada.id]
    assert found(api.customers, "metadata['shelf']:'4'") == [ada.id]
    assert found(api.customers, "-email:'ada@shop.example'") == [eve.id]
    page = api.customers.search(params={"query": "created>0", "limit": 1})
    assert (page.object, page.has_more, page.url) == ("search_result", True, "/v1/customers/search")
    assert len(list(page.auto_paging_iter())) == 2


def test_payment_intents_and_charges_are_searched():
    api = client().v1
    paid = api.payment_intents.create(params=intent_params(metadata={"order": "9"}))
    api.payment_intents.create(params={"amount": 700, "currency": "usd"})
    assert found(api.payment_intents, "status:'succeeded'") == [paid.id]
    assert found(api.payment_intents, "metadata['order']:'9' AND amount>1000") == [paid.id]
    assert found(api.charges, f"payment_method_details.card.last4:'4242'") == [paid.latest_charge] or found(api.charges, "amount:2000") == [paid.latest_charge]


def test_a_search_that_cannot_be_read_is_refused(key):
    answer = raw("GET", "/v1/customers/search", key, params={"query": "flavour=mint ("})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_an_idempotency_key_is_free_again_after_a_day():
    key = fresh_key()
    api = client(key).v1
    options = {"idempotency_key": "one-day"}
    first = api.customers.create(params={"name": "Ada"}, options=options)
    advance(23 * 3600, key)
    assert api.customers.create(params={"name": "Ada"}, options=options).id == first.id
    advance(31 * 24 * 3600, key)
    assert api.customers.create(params={"name": "Ada"}, options=options).id != first.id


def test_the_sdks_own_default_version_works():
    api = stripe.StripeClient(fresh_key(), base_addresses={"api": BASE}, http_client=Watched(timeout=30)).v1
    session = api.checkout.sessions.create(params=session_params())
    assert session.last_response.headers["stripe-version"] == stripe.api_version
    assert api.checkout.sessions.list().data[0].id == session.id


def test_the_older_global_style_works(monkeypatch):
    monkeypatch.setattr(stripe, "api_key", fresh_key())
    monkeypatch.setattr(stripe, "api_base", BASE)
    customer = stripe.Customer.create(name="Ada")
    customer = stripe.Customer.modify(customer.id, description="First")
    assert customer.description == "First"
    session = stripe.checkout.Session.create(**session_params(customer=customer.id))
    assert stripe.checkout.Session.expire(session.id).status == "expired"
    assert [s.id for s in stripe.checkout.Session.list(customer=customer.id).auto_paging_iter()] == [session.id]


def test_a_restricted_key_is_a_key():
    assert client("rk_test_" + fresh_key()[8:]).v1.customers.list().data == []


def test_one_process_may_hold_several_accounts_at_once():
    one, two = client().v1, client().v1
    ids = [(one.customers.create(params={}).id, two.customers.create(params={}).id) for _ in range(3)]
    assert [c.id for c in one.customers.list().data] == [a for a, _ in ids][::-1]
    assert [c.id for c in two.customers.list().data] == [b for _, b in ids][::-1]


def test_disputes_take_evidence_and_are_won_or_lost():
    api = client().v1
    intent = api.payment_intents.create(params=intent_params(payment_method="pm_card_createDispute"))
    dispute = api.disputes.list(params={"charge": intent.latest_charge}).data[0]
    assert dispute.status == "needs_response" and dispute.evidence_details.due_by > dispute.created
    drafted = api.disputes.update(dispute.id, params={"evidence": {"customer_name": "Ada"}, "metadata": {"k": "v"}, "submit": False})
    assert (drafted.evidence.customer_name, drafted.metadata["k"]) == ("Ada", "v")
    won = api.disputes.update(dispute.id, params={"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True})
    assert won.status in ("won", "under_review")


def test_a_dispute_takes_the_amount_and_a_fee_from_the_balance():
    api = client().v1
    intent = api.payment_intents.create(params=intent_params(payment_method="pm_card_createDispute"))
    dispute = api.disputes.list(params={"payment_intent": intent.id}).data[0]
    taken = dispute.balance_transactions[0]
    assert (taken.type, taken.amount, taken.reporting_category) == ("adjustment", -2000, "dispute")
    assert taken.fee > 0 and taken.net == -2000 - taken.fee
    assert "charge.dispute.funds_withdrawn" in [e.type for e in api.events.list(params={"limit": 100}).data]
