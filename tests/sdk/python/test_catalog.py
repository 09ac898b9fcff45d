"""Customers, products, prices and payment methods."""

import pytest
import stripe
from sandbox import client

BILLING = {"name": "Ada", "email": "ada@shop.example", "phone": "+491", "address": {"line1": "A 1", "city": "Berlin", "postal_code": "10115", "country": "DE", "state": "BE", "line2": "B"}}


def refused(call, status=400, code=None, param=None):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call()
    assert caught.value.http_status == status
    if code:
        assert caught.value.code == code, str(caught.value)
    if param:
        assert caught.value.param == param, str(caught.value)


# --- customers


def test_a_customer_keeps_what_it_was_given(api):
    sent = {"email": "ada@shop.example", "name": "Ada", "phone": "+491", "description": "First", "address": BILLING["address"], "metadata": {"k": "v"}, "preferred_locales": ["de"]}
    made = api.customers.create(params={**sent, "shipping": {"name": "Ada", "address": BILLING["address"]}})
    assert made.id.startswith("cus_") and made.object == "customer"
    whole = api.customers.retrieve(made.id).to_dict()
    for name, value in sent.items():
        assert whole[name] == value, name
    assert whole["shipping"]["address"]["city"] == "Berlin"
    assert (whole["balance"], whole["delinquent"], whole["livemode"]) == (0, False, False)


def test_a_customer_needs_nothing(api):
    made = api.customers.create(params={})
    assert (made.email, made.name, made.metadata.to_dict()) == (None, None, {})


def test_a_customer_is_updated_and_a_field_unset_by_an_empty_string(api):
    made = api.customers.create(params={"name": "Ada", "description": "x"})
    after = api.customers.update(made.id, params={"name": "Eve", "description": ""})
    assert (after.name, after.description) == ("Eve", None)


def test_metadata_merges_and_an_empty_value_removes_its_key(api):
    made = api.customers.create(params={"metadata": {"a": "1", "b": "2"}})
    assert api.customers.update(made.id, params={"metadata": {"b": "", "c": "3"}}).metadata.to_dict() == {"a": "1", "c": "3"}
    assert api.customers.update(made.id, params={"metadata": ""}).metadata.to_dict() == {}


METADATA_MISTAKES = {
    "51 keys": {f"k{n}": "v" for n in range(51)},
    "a key of 41 characters": {"k" * 41: "v"},
    "a value of 501 characters": {"k": "v" * 501},
}


@pytest.mark.parametrize("name", list(METADATA_MISTAKES))
def test_metadata_is_refused_for(api, name):
    refused(lambda: api.customers.create(params={"metadata": METADATA_MISTAKES[name]}))


def test_metadata_at_its_limits_is_accepted(api):
    limits = {f"{n:040d}": "v" * 500 for n in range(50)}
    assert api.customers.create(params={"metadata": limits}).metadata.to_dict() == limits


def test_updates_may_not_push_metadata_past_50_keys(api):
    made = api.customers.create(params={"metadata": {f"k{n}": "v" for n in range(50)}})
    refused(lambda: api.customers.update(made.id, params={"metadata": {"one_more": "v"}}))


def test_metadata_values_are_strings_whatever_was_sent(api):
    assert api.customers.create(params={"metadata": {"n": 5, "b": True}}).metadata.to_dict() == {"n": "5", "b": "true"}


def test_text_survives_in_any_script(api):
    name = "Zoë 中文 🎟 a+b&c=d [x]"
    made = api.customers.create(params={"name": name, "metadata": {"t": name}})
    assert (made.name, made.metadata["t"]) == (name, name)


def test_a_deleted_customer_says_so(api):
    made = api.customers.create(params={})
    gone = api.customers.delete(made.id)
    assert (gone.id, gone.deleted) == (made.id, True)
    assert api.customers.retrieve(made.id).deleted is True
    refused(lambda: api.customers.update(made.id, params={"name": "x"}), 404, "resource_missing")
    refused(lambda: api.payment_intents.create(params={"amount": 500, "currency": "eur", "customer": made.id}), 400, "resource_missing", "customer")


def test_customers_are_listed_by_email():
    api = client().v1
    ada = api.customers.create(params={"email": "ada@shop.example"})
    api.customers.create(params={"email": "eve@shop.example"})
    assert [c.id for c in api.customers.list(params={"email": "ada@shop.example"}).data] == [ada.id]
    assert len(api.customers.list().data) == 2


@pytest.mark.parametrize("params, code, param", [
    ({"email": "nobody"}, "email_invalid", "email"),
    ({"flavour": "mint"}, "parameter_unknown", "flavour"),
    ({"balance": "lots"}, "parameter_invalid_integer", "balance"),
    ({"address": {"planet": "Mars"}}, "parameter_unknown", "address[planet]"),
    ({"payment_method": "pm_missing"}, "resource_missing", "payment_method"),
])
def test_a_customer_is_refused_by_the_name_of_its_parameter(api, params, code, param):
    refused(lambda: api.customers.create(params=params), 400, code, param)


def test_an_unknown_customer_is_404(api):
    refused(lambda: api.customers.retrieve("cus_missing"), 404, "resource_missing", "id")
    refused(lambda: api.customers.delete("cus_missing"), 404, "resource_missing", "id")


# --- products and prices


def test_a_product_is_made_updated_and_deleted(api):
    made = api.products.create(params={"name": "Tea", "description": "Green", "images": ["https://shop.example/t.png"], "metadata": {"k": "v"}, "shippable": True, "unit_label": "cup", "url": "https://shop.example/tea"})
    assert made.id.startswith("prod_") and (made.name, made.active, made.livemode) == ("Tea", True, False)
    assert (made.images, made.shippable, made.unit_label) == (["https://shop.example/t.png"], True, "cup")
    assert api.products.update(made.id, params={"name": "Mate", "active": False}).name == "Mate"
    assert api.products.delete(made.id).deleted is True
    refused(lambda: api.products.retrieve(made.id), 404, "resource_missing")


def test_a_product_may_choose_its_own_id_once(api):
    assert api.products.create(params={"id": "tea-1", "name": "Tea"}).id == "tea-1"
    refused(lambda: api.products.create(params={"id": "tea-1", "name": "Tea"}), 400, "resource_already_exists")


def test_a_product_needs_a_name(api):
    refused(lambda: api.products.create(params={"description": "x"}), 400, "parameter_missing", "name")


def test_default_price_data_makes_the_price_with_the_product(api):
    made = api.products.create(params={"name": "Tea", "default_price_data": {"currency": "eur", "unit_amount": 400}, "expand": ["default_price"]})
    assert (made.default_price.unit_amount, made.default_price.product) == (400, made.id)


def test_products_are_filtered_by_activity_and_ids():
    api = client().v1
    tea, mate = (api.products.create(params={"name": n}) for n in ("Tea", "Mate"))
    api.products.update(mate.id, params={"active": False})
    assert [p.id for p in api.products.list(params={"active": True}).data] == [tea.id]
    assert [p.id for p in api.products.list(params={"active": False}).data] == [mate.id]
    assert [p.id for p in api.products.list(params={"ids": [tea.id]}).data] == [tea.id]


def test_a_product_with_prices_cannot_be_deleted(api):
    made = api.products.create(params={"name": "Tea"})
    api.prices.create(params={"product": made.id, "currency": "eur", "unit_amount": 400})
    refused(lambda: api.products.delete(made.id))


def test_a_price_is_made_retrieved_and_archived(api):
    product = api.products.create(params={"name": "Tea"})
    made = api.prices.create(params={"product": product.id, "currency": "eur", "unit_amount": 400, "nickname": "small", "lookup_key": "tea-small", "metadata": {"k": "v"}})
    assert made.id.startswith("price_")
    assert (made.type, made.billing_scheme, made.unit_amount, made.unit_amount_decimal, made.recurring) == ("one_time", "per_unit", 400, "400", None) or str(made.unit_amount_decimal) == "400"
    assert api.prices.retrieve(made.id, params={"expand": ["product"]}).product.name == "Tea"
    assert api.prices.update(made.id, params={"active": False}).active is False
    assert [p.id for p in api.prices.list(params={"lookup_keys": ["tea-small"]}).data] == [made.id]


def test_an_archived_price_is_refused_in_a_session(api):
    product = api.products.create(params={"name": "Tea"})
    made = api.prices.create(params={"product": product.id, "currency": "eur", "unit_amount": 400})
    api.prices.update(made.id, params={"active": False})
    refused(lambda: api.checkout.sessions.create(params={"mode": "payment", "success_url": "https://shop.example/", "line_items": [{"price": made.id, "quantity": 1}]}), param="line_items[0][price]")


def test_a_price_makes_its_product_from_product_data(api):
    made = api.prices.create(params={"currency": "eur", "unit_amount": 400, "product_data": {"name": "Tea"}})
    assert api.products.retrieve(made.product).name == "Tea"


def test_a_recurring_price_says_its_interval(api):
    made = api.prices.create(params={"currency": "eur", "unit_amount": 400, "recurring": {"interval": "month"}, "product_data": {"name": "Tea"}})
    assert (made.type, made.recurring.interval, made.recurring.interval_count, made.recurring.usage_type) == ("recurring", "month", 1, "licensed")


def test_prices_are_filtered():
    api = client().v1
    tea, mate = (api.products.create(params={"name": n}) for n in ("Tea", "Mate"))
    one = api.prices.create(params={"product": tea.id, "currency": "eur", "unit_amount": 400})
    two = api.prices.create(params={"product": mate.id, "currency": "usd", "unit_amount": 500, "recurring": {"interval": "month"}})

    def ids(**params):
        return [p.id for p in api.prices.list(params=params).data]

    assert ids() == [two.id, one.id]
    assert ids(product=tea.id) == [one.id]
    assert ids(currency="usd") == [two.id]
    assert ids(type="recurring") == [two.id]
    assert ids(active=False) == []


@pytest.mark.parametrize("params, code, param", [
    ({"unit_amount": 1, "product_data": {"name": "T"}}, "parameter_missing", "currency"),
    ({"currency": "eur", "product_data": {"name": "T"}}, None, None),
    ({"currency": "eur", "unit_amount": 1}, None, None),
    ({"currency": "eur", "unit_amount": "1.5", "product_data": {"name": "T"}}, "parameter_invalid_integer", "unit_amount"),
    ({"currency": "eur", "unit_amount": 1, "product": "prod_missing"}, "resource_missing", "product"),
    ({"currency": "eur", "unit_amount": 1, "product_data": {"name": "T", "size": 1}}, "parameter_unknown", "product_data[size]"),
    ({"currency": "eur", "unit_amount": 1, "product_data": {"name": "T"}, "recurring": {"interval": "fortnight"}}, None, "recurring[interval]"),
])
def test_a_price_is_refused_by_the_name_of_its_parameter(api, params, code, param):
    refused(lambda: api.prices.create(params=params), 400, code, param)


def test_the_amount_of_a_price_cannot_be_changed(api):
    made = api.prices.create(params={"currency": "eur", "unit_amount": 400, "product_data": {"name": "Tea"}})
    refused(lambda: api.prices.update(made.id, params={"unit_amount": 500}), 400, "parameter_unknown", "unit_amount")


# --- payment methods


def card(api, token="tok_visa"):
    return api.payment_methods.create(params={"type": "card", "card": {"token": token}, "billing_details": BILLING})


def test_a_payment_method_is_made_from_a_token(api):
    made = card(api)
    assert made.id.startswith("pm_") and (made.type, made.customer) == ("card", None)
    assert (made.card.brand, made.card.last4, made.card.funding) == ("visa", "4242", "credit")
    assert made.card.exp_year >= 2026 and made.billing_details.address.city == "Berlin"


def test_a_payment_method_is_made_from_a_number_and_shows_only_its_end(api):
    made = api.payment_methods.create(params={"type": "card", "card": {"number": "5555555555554444", "exp_month": 8, "exp_year": 2034, "cvc": "314"}})
    assert (made.card.brand, made.card.last4, made.card.exp_month, made.card.exp_year) == ("mastercard", "4444", 8, 2034)
    assert "5555555555554444" not in str(made)


@pytest.mark.parametrize("change, code", [
    ({"number": "4242424242424241"}, "incorrect_number"),
    ({"exp_month": 13}, "invalid_expiry_month"),
    ({"exp_year": 2020}, "invalid_expiry_year"),
    ({"cvc": "1"}, "invalid_cvc"),
])
def test_a_card_that_cannot_be_is_a_card_error(api, change, code):
    with pytest.raises(stripe.CardError) as caught:
        api.payment_methods.create(params={"type": "card", "card": {"number": "4242424242424242", "exp_month": 8, "exp_year": 2034, "cvc": "314", **change}})
    assert (caught.value.http_status, caught.value.code) == (402, code)


def test_a_payment_method_is_attached_listed_and_detached():
    api = client().v1
    ada = api.customers.create(params={})
    made = card(api)
    assert api.payment_methods.attach(made.id, params={"customer": ada.id}).customer == ada.id
    assert [m.id for m in api.payment_methods.list(params={"customer": ada.id, "type": "card"}).data] == [made.id]
    assert [m.id for m in api.customers.payment_methods.list(ada.id).data] == [made.id]
    assert api.payment_methods.list(params={"customer": ada.id, "type": "sepa_debit"}).data == []
    assert api.customers.payment_methods.retrieve(ada.id, made.id).id == made.id
    assert api.payment_methods.detach(made.id).customer is None
    assert api.customers.payment_methods.list(ada.id).data == []


def test_attaching_a_test_method_makes_a_new_one_each_time(api):
    ada = api.customers.create(params={})
    first, second = (api.payment_methods.attach("pm_card_visa", params={"customer": ada.id}) for _ in range(2))
    assert first.id != second.id and not first.id.startswith("pm_card_")


def test_attaching_a_card_that_declines_is_a_card_error(api):
    ada = api.customers.create(params={})
    with pytest.raises(stripe.CardError) as caught:
        api.payment_methods.attach("pm_card_visa_chargeDeclined", params={"customer": ada.id})
    assert caught.value.http_status == 402


def test_the_card_that_attaches_but_does_not_pay(api):
    ada = api.customers.create(params={})
    kept = api.payment_methods.attach("pm_card_chargeCustomerFail", params={"customer": ada.id})
    with pytest.raises(stripe.CardError) as caught:
        api.payment_intents.create(params={"amount": 500, "currency": "eur", "customer": ada.id, "payment_method": kept.id, "payment_method_types": ["card"], "confirm": True})
    assert caught.value.code == "card_declined"


def test_a_payment_method_is_updated(api):
    ada = api.customers.create(params={})
    made = api.payment_methods.attach(card(api).id, params={"customer": ada.id})
    after = api.payment_methods.update(made.id, params={"metadata": {"k": "v"}, "billing_details": {"name": "Eve"}})
    assert (after.metadata["k"], after.billing_details.name) == ("v", "Eve")


def test_sepa_debit_shows_the_end_of_its_iban(api):
    made = api.payment_methods.create(params={"type": "sepa_debit", "sepa_debit": {"iban": "AT611904300234573201"}, "billing_details": {"name": "Ada", "email": "ada@shop.example"}})
    assert (made.type, made.sepa_debit.last4, made.sepa_debit.country) == ("sepa_debit", "3201", "AT")


@pytest.mark.parametrize("params, code, param", [
    ({"card": {"token": "tok_visa"}}, "parameter_missing", "type"),
    ({"type": "seashells"}, None, "type"),
    ({"type": "card", "card": {"token": "tok_missing"}}, "resource_missing", "card[token]"),
    ({"type": "card"}, None, None),
    ({"type": "card", "card": {"token": "tok_visa"}, "flavour": "mint"}, "parameter_unknown", "flavour"),
])
def test_a_payment_method_is_refused_by_the_name_of_its_parameter(api, params, code, param):
    refused(lambda: api.payment_methods.create(params=params), 400, code, param)


def test_an_unknown_payment_method_is_404(api):
    refused(lambda: api.payment_methods.retrieve("pm_missing"), 404, "resource_missing")
