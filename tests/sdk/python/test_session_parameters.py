"""Every documented parameter of a payment session: accepted and shown again, or refused by name."""

import pytest
import stripe
from hosted_page import Customer
from mistakes import of_the_wrong_kind, rejected
from sandbox import LINE, SUCCESS, now, raw, session_params

SHIPPING = {"shipping_rate_data": {"display_name": "Post", "type": "fixed_amount", "fixed_amount": {"amount": 500, "currency": "eur"}}}

ECHOED = {
    "adaptive_pricing": ({"enabled": False}, {"enabled": False}),
    "after_expiration": ({"recovery": {"enabled": True}}, {"recovery": {"enabled": True}}),
    "allow_promotion_codes": (True, True),
    "automatic_tax": ({"enabled": False}, {"enabled": False}),
    "billing_address_collection": ("required", "required"),
    "branding_settings": ({"display_name": "The Shop", "background_color": "#112233"}, {"display_name": "The Shop", "background_color": "#112233"}),
    "cancel_url": ("https://shop.example/no", "https://shop.example/no"),
    "client_reference_id": ("order-1001", "order-1001"),
    "consent_collection": ({"payment_method_reuse_agreement": {"position": "auto"}}, {"payment_method_reuse_agreement": {"position": "auto"}}),
    "currency": ("eur", "eur"),
    "custom_text": ({"submit": {"message": "Thank you"}}, {"submit": {"message": "Thank you"}}),
    "customer_creation": ("always", "always"),
    "customer_email": ("ada@shop.example", "ada@shop.example"),
    "integration_identifier": ("shop_1", "shop_1"),
    "invoice_creation": ({"enabled": True, "invoice_data": {"description": "Bill"}}, {"enabled": True}),
    "locale": ("de", "de"),
    "metadata": ({"cart": "77"}, {"cart": "77"}),
    "mode": ("payment", "payment"),
    "name_collection": ({"individual": {"enabled": True}}, {"individual": {"enabled": True}}),
    "origin_context": ("web", "web"),
    "payment_method_options": ({"card": {"request_three_d_secure": "any"}}, {"card": {"request_three_d_secure": "any"}}),
    "payment_method_types": (["card"], ["card"]),
    "phone_number_collection": ({"enabled": True}, {"enabled": True}),
    "shipping_address_collection": ({"allowed_countries": ["DE", "FR"]}, {"allowed_countries": ["DE", "FR"]}),
    "submit_type": ("donate", "donate"),
    "success_url": ("https://shop.example/yes", "https://shop.example/yes"),
    "tax_id_collection": ({"enabled": True}, {"enabled": True}),
    "ui_mode": ("hosted_page", "hosted_page"),
    "wallet_options": ({"link": {"display": "never"}}, {"link": {"display": "never"}}),
    "excluded_payment_method_types": (["klarna"], ["klarna"]),
}


def holds(part, whole):
    if isinstance(part, dict):
        return all(name in whole and holds(value, whole[name]) for name, value in part.items())
    return part == whole


@pytest.mark.parametrize("name", sorted(ECHOED))
def test_a_parameter_is_accepted_and_shown_again(api, name):
    sent, expected = ECHOED[name]
    session = api.checkout.sessions.create(params=session_params(**{name: sent})).to_dict()
    assert name in session, f"{name} is missing from the session"
    assert holds(expected, session[name]), session[name]
    again = api.checkout.sessions.retrieve(session["id"]).to_dict()
    assert again[name] == session[name]


@pytest.mark.parametrize("types", [["card", "link"], ["card", "paypal"], ["card", "klarna"], ["card", "ideal", "bancontact"]])
def test_other_payment_method_types_may_be_offered_beside_cards(api, types):
    session = api.checkout.sessions.create(params=session_params(payment_method_types=types))
    assert session.payment_method_types == types
    customer = Customer()
    customer.pay(customer.open(session.url), "4242424242424242")
    assert api.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_expires_at_is_kept(api):
    at = now(api) + 3600
    assert api.checkout.sessions.create(params=session_params(expires_at=at)).expires_at == at


def test_custom_fields_are_kept_with_their_limits(api):
    fields = [
        {"key": "engraving", "label": {"type": "custom", "custom": "Engraving"}, "type": "text", "optional": True, "text": {"maximum_length": 20}},
        {"key": "size", "label": {"type": "custom", "custom": "Size"}, "type": "dropdown", "dropdown": {"options": [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}]}},
        {"key": "age", "label": {"type": "custom", "custom": "Age"}, "type": "numeric"},
    ]
    made = api.checkout.sessions.create(params=session_params(custom_fields=fields)).custom_fields
    assert [(f.key, f.type, f.optional) for f in made] == [("engraving", "text", True), ("size", "dropdown", False), ("age", "numeric", False)]
    assert made[0].text.maximum_length == 20
    assert [o.value for o in made[1].dropdown.options] == ["s", "l"]


def test_shipping_options_make_a_rate_and_count_in_the_total(api):
    session = api.checkout.sessions.create(params=session_params(shipping_options=[SHIPPING], shipping_address_collection={"allowed_countries": ["DE"]}))
    assert session.shipping_options[0].shipping_amount == 500
    assert str(session.shipping_options[0].shipping_rate).startswith("shr_")
    customer = Customer()
    customer.pay(customer.open(session.url), "4242424242424242")
    paid = api.checkout.sessions.retrieve(session.id, params={"expand": ["payment_intent"]})
    assert (paid.amount_subtotal, paid.amount_total, paid.total_details.amount_shipping) == (5000, 5500, 500)
    assert (paid.shipping_cost.amount_total, paid.payment_intent.amount_received) == (500, 5500)


def test_optional_items_are_shown(api):
    product = api.products.create(params={"name": "Mug"})
    price = api.prices.create(params={"product": product.id, "currency": "eur", "unit_amount": 900})
    session = api.checkout.sessions.create(params=session_params(optional_items=[{"price": price.id, "quantity": 1}]))
    assert [(item.price, item.quantity) for item in session.optional_items] == [(price.id, 1)]


def test_customer_update_needs_a_customer_and_is_accepted_with_one(api):
    ada = api.customers.create(params={"email": "ada@shop.example"})
    update = {"address": "auto", "name": "auto"}
    assert api.checkout.sessions.create(params=session_params(customer=ada.id, customer_update=update)).customer == ada.id
    refused(api, "customer_update", customer_update=update)


def test_saved_payment_method_options_are_accepted_with_a_customer(api):
    ada = api.customers.create(params={"email": "ada@shop.example"})
    options = {"payment_method_save": "enabled", "allow_redisplay_filters": ["always"]}
    session = api.checkout.sessions.create(params=session_params(customer=ada.id, saved_payment_method_options=options))
    assert session.saved_payment_method_options.payment_method_save == "enabled"


def test_line_items_accept_all_of_their_own_parameters(api):
    line = {
        "price_data": {
            "currency": "eur", "unit_amount_decimal": "1250", "tax_behavior": "inclusive",
            "product_data": {"name": "Print", "description": "A3", "images": ["https://shop.example/p.png"], "metadata": {"sku": "9"}, "tax_code": "txcd_99999999"},
        },
        "quantity": 2, "adjustable_quantity": {"enabled": True, "minimum": 1, "maximum": 9}, "metadata": {"row": "1"},
    }
    session = api.checkout.sessions.create(params=session_params(line_items=[line], expand=["line_items.data.price.product"]))
    item = session.line_items.data[0]
    assert (session.amount_total, item.price.unit_amount, item.price.tax_behavior) == (2500, 1250, "inclusive")
    assert (item.price.product.description, item.price.product.metadata["sku"]) == ("A3", "9")


def test_payment_intent_data_reaches_the_payment_intent(api):
    data = {
        "description": "Two tickets", "metadata": {"order": "7"}, "receipt_email": "r@shop.example", "setup_future_usage": "off_session",
        "statement_descriptor_suffix": "TICKETS", "transfer_group": "g1",
        "shipping": {"name": "Ada", "phone": "+491", "address": {"line1": "A 1", "city": "Berlin", "postal_code": "10115", "country": "DE"}},
    }
    session = api.checkout.sessions.create(params=session_params(payment_intent_data=data))
    customer = Customer()
    customer.pay(customer.open(session.url), "4242424242424242")
    intent = api.checkout.sessions.retrieve(session.id, params={"expand": ["payment_intent"]}).payment_intent
    assert (intent.description, intent.metadata["order"], intent.receipt_email) == ("Two tickets", "7", "r@shop.example")
    assert (intent.setup_future_usage, intent.statement_descriptor_suffix, intent.transfer_group) == ("off_session", "TICKETS", "g1")
    assert intent.shipping.address.city == "Berlin"


# --- refusals -------------------------------------------------------------------------------------------------------


def refused(api, param, code=None, drop=(), **changes):
    params = {name: value for name, value in session_params(**changes).items() if name not in drop}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.checkout.sessions.create(params=params)
    error = caught.value
    assert error.http_status == 400
    assert error.json_body["error"]["type"] == "invalid_request_error"
    assert error.json_body["error"].get("message")
    if param:
        assert error.param == param, (error.param, str(error))
    if code:
        assert error.code == code, (error.code, str(error))
    return error


def line(**changes):
    return {name: value for name, value in {**LINE, **changes}.items() if value is not None}


def data(**changes):
    whole = {**LINE["price_data"], **changes}
    return [{"price_data": {name: value for name, value in whole.items() if value is not None}, "quantity": 1}]


def test_line_items_are_required_in_payment_mode(api):
    refused(api, "line_items", "parameter_missing", drop=["line_items"])


def test_a_hosted_page_needs_a_success_url(api):
    refused(api, "success_url", "parameter_missing", drop=["success_url"])


def test_an_empty_required_parameter_is_refused(api):
    refused(api, "success_url", success_url="")


REFUSALS = {
    "an unknown parameter": ("flavour", "parameter_unknown", {"flavour": "mint"}),
    "an unknown nested parameter": ("line_items[0][flavour]", "parameter_unknown", {"line_items": [line(flavour="mint")]}),
    "an unknown parameter in price_data": ("line_items[0][price_data][flavour]", "parameter_unknown", {"line_items": data(flavour="mint")}),
    "an unknown parameter in payment_intent_data": ("payment_intent_data[flavour]", "parameter_unknown", {"payment_intent_data": {"flavour": "mint"}}),
    "an unknown mode": ("mode", None, {"mode": "gift"}),
    "an unknown price": ("line_items[0][price]", "resource_missing", {"line_items": [{"price": "price_missing", "quantity": 1}]}),
    "an unknown customer": ("customer", "resource_missing", {"customer": "cus_missing"}),
    "an unknown product": ("line_items[0][price_data][product]", "resource_missing", {"line_items": data(product="prod_missing", product_data=None)}),
    "a quantity of zero": ("line_items[0][quantity]", "parameter_invalid_integer", {"line_items": [line(quantity=0)]}),
    "a quantity that is no number": ("line_items[0][quantity]", "parameter_invalid_integer", {"line_items": [line(quantity="two")]}),
    "a negative quantity": ("line_items[0][quantity]", "parameter_invalid_integer", {"line_items": [line(quantity=-1)]}),
    "a fractional amount": ("line_items[0][price_data][unit_amount]", "parameter_invalid_integer", {"line_items": data(unit_amount="12.5")}),
    "a negative amount": ("line_items[0][price_data][unit_amount]", "parameter_invalid_integer", {"line_items": data(unit_amount=-100)}),
    "price_data without a currency": ("line_items[0][price_data][currency]", "parameter_missing", {"line_items": data(currency=None)}),
    "price_data with an unknown currency": ("line_items[0][price_data][currency]", None, {"line_items": data(currency="xxq")}),
    "price_data without an amount": (None, None, {"line_items": data(unit_amount=None)}),
    "price_data without a product": (None, None, {"line_items": data(product_data=None)}),
    "product_data without a name": ("line_items[0][price_data][product_data][name]", "parameter_missing", {"line_items": data(product_data={"description": "x"})}),
    "a line without a price": (None, None, {"line_items": [{"quantity": 1}]}),
    "a line without a quantity": (None, None, {"line_items": [line(quantity=None)]}),
    "a line with price and price_data": (None, None, {"line_items": [line(price="price_1")]}),
    "lines in two currencies": (None, None, {"line_items": [*data(), *data(currency="usd")]}),
    "a total below the smallest charge": (None, "amount_too_small", {"line_items": data(unit_amount=10)}),
    "a recurring price in payment mode": (None, None, {"line_items": data(recurring={"interval": "month"})}),
    "more than 100 lines": ("line_items", None, {"line_items": data() * 101}),
    "a success_url that is no URL": ("success_url", "url_invalid", {"success_url": "not a url"}),
    "a cancel_url that is no URL": ("cancel_url", "url_invalid", {"cancel_url": "not a url"}),
    "an email that is none": ("customer_email", "email_invalid", {"customer_email": "nobody"}),
    "customer and customer_email together": (None, None, {"customer_email": "a@shop.example", "customer": "cus_x"}),
    "an expiry in 10 minutes": ("expires_at", None, {"expires_at": 600}),
    "an expiry in 25 hours": ("expires_at", None, {"expires_at": 25 * 3600}),
    "an expiry that is no time": ("expires_at", None, {"expires_at": "tomorrow"}),
    "a reference over 200 characters": ("client_reference_id", None, {"client_reference_id": "x" * 201}),
    "subscription_data in payment mode": ("subscription_data", None, {"subscription_data": {"description": "x"}}),
    "setup_intent_data in payment mode": ("setup_intent_data", None, {"setup_intent_data": {"description": "x"}}),
    "payment_method_collection in payment mode": ("payment_method_collection", None, {"payment_method_collection": "always"}),
    "return_url on a hosted page": ("return_url", None, {"return_url": "https://shop.example/back"}),
    "redirect_on_completion on a hosted page": ("redirect_on_completion", None, {"redirect_on_completion": "never"}),
    "a payment method type that does not exist": ("payment_method_types[0]", None, {"payment_method_types": ["seashells"]}),
    "a payment method that cannot take the currency": (None, None, {"payment_method_types": ["sepa_debit"], "line_items": data(currency="usd")}),
    "a coupon that does not exist": ("discounts[0][coupon]", "resource_missing", {"discounts": [{"coupon": "none"}]}),
    "discounts beside allow_promotion_codes": (None, None, {"discounts": [{"coupon": "none"}], "allow_promotion_codes": True}),
    "a country that does not exist": ("shipping_address_collection[allowed_countries][0]", None, {"shipping_address_collection": {"allowed_countries": ["QQ"]}}),
    "four custom fields": ("custom_fields", None, {"custom_fields": [{"key": f"k{n}", "label": {"type": "custom", "custom": "L"}, "type": "text"} for n in range(4)]}),
    "two custom fields of one key": (None, None, {"custom_fields": [{"key": "k", "label": {"type": "custom", "custom": "L"}, "type": "text"}] * 2}),
    "a custom field without a key": ("custom_fields[0][key]", "parameter_missing", {"custom_fields": [{"label": {"type": "custom", "custom": "L"}, "type": "text"}]}),
    "a dropdown without options": ("custom_fields[0][dropdown][options]", None, {"custom_fields": [{"key": "k", "label": {"type": "custom", "custom": "L"}, "type": "dropdown", "dropdown": {"options": ""}}]}),
    "a custom field of no known type": ("custom_fields[0][type]", None, {"custom_fields": [{"key": "k", "label": {"type": "custom", "custom": "L"}, "type": "colour"}]}),
    "six shipping options": ("shipping_options", None, {"shipping_options": [SHIPPING] * 6}),
    "shipping in another currency": (None, None, {"shipping_options": [{"shipping_rate_data": {"display_name": "P", "type": "fixed_amount", "fixed_amount": {"amount": 1, "currency": "usd"}}}]}),
    "a shipping rate that does not exist": ("shipping_options[0][shipping_rate]", "resource_missing", {"shipping_options": [{"shipping_rate": "shr_missing"}]}),
    "a capture method that does not exist": ("payment_intent_data[capture_method]", None, {"payment_intent_data": {"capture_method": "later"}}),
    "a custom text over 1200 characters": ("custom_text[submit][message]", None, {"custom_text": {"submit": {"message": "x" * 1201}}}),
    "51 metadata keys": (None, None, {"metadata": {f"k{n}": "v" for n in range(51)}}),
    "a metadata key over 40 characters": (None, None, {"metadata": {"k" * 41: "v"}}),
    "a metadata value over 500 characters": (None, None, {"metadata": {"k": "v" * 501}}),
    "metadata that is no map": ("metadata", None, {"metadata": "cart"}),
    "expanding what cannot be expanded": (None, None, {"expand": ["flavour"]}),
}


@pytest.mark.parametrize("name", list(REFUSALS))
def test_a_session_is_refused_for(api, name):
    param, code, changes = REFUSALS[name]
    if isinstance(changes.get("expires_at"), int):
        changes = {"expires_at": now(api) + changes["expires_at"]}
    refused(api, param, code, **changes)


FORM = {
    "mode": "payment", "success_url": SUCCESS, "line_items[0][price_data][currency]": "eur", "line_items[0][price_data][unit_amount]": "2500",
    "line_items[0][price_data][product_data][name]": "Ticket", "line_items[0][quantity]": "1",
}


@pytest.mark.parametrize("changes, param", [pytest.param(c, p, id=n) for n, c, p in of_the_wrong_kind("/v1/checkout/sessions")])
def test_a_value_of_the_wrong_kind_is_refused_by_the_name_of_its_parameter(key, changes, param):
    rejected(key, "/v1/checkout/sessions", FORM, changes, param)


def test_a_list_may_be_sent_without_indices(key):
    form = {**FORM, "payment_method_types[]": "card", "expand[]": "line_items"}
    body = raw("POST", "/v1/checkout/sessions", key, form).json()
    assert body["payment_method_types"] == ["card"] and body["line_items"]["data"][0]["quantity"] == 1
