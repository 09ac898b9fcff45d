"""PaymentIntents, made and confirmed by the server alone."""

import pytest
import stripe
from sandbox import VERSION, client, intent_params

DECLINED = {
    "pm_card_visa_chargeDeclined": ("card_declined", "generic_decline"),
    "pm_card_chargeDeclined": ("card_declined", "generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds"),
    "pm_card_visa_chargeDeclinedLostCard": ("card_declined", "lost_card"),
    "pm_card_visa_chargeDeclinedStolenCard": ("card_declined", "stolen_card"),
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": ("card_declined", "card_velocity_exceeded"),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", None),
    "pm_card_chargeDeclinedIncorrectCvc": ("incorrect_cvc", None),
    "pm_card_chargeDeclinedProcessingError": ("processing_error", None),
}


def bare(**changes):
    return {"amount": 2000, "currency": "eur", **changes}


def test_a_bare_intent_waits_for_a_payment_method(api):
    intent = api.payment_intents.create(params=bare())
    assert intent.id.startswith("pi_") and intent.object == "payment_intent"
    assert (intent.status, intent.amount, intent.amount_received, intent.amount_capturable) == ("requires_payment_method", 2000, 0, 0)
    assert intent.client_secret.startswith(intent.id + "_secret_")
    assert (intent.capture_method, intent.confirmation_method, intent.latest_charge) == ("automatic_async", "automatic", None)
    assert intent.automatic_payment_methods.enabled is True


def test_an_intent_with_a_payment_method_waits_for_confirmation(api):
    intent = api.payment_intents.create(params=bare(payment_method="pm_card_visa", payment_method_types=["card"]))
    assert intent.status == "requires_confirmation" and intent.payment_method.startswith("pm_")


def test_the_currency_is_kept_in_lower_case(api):
    assert api.payment_intents.create(params=bare(currency="EUR")).currency == "eur"


@pytest.mark.parametrize("method, brand, last4", [("pm_card_visa", "visa", "4242"), ("pm_card_mastercard", "mastercard", "4444"), ("pm_card_amex", "amex", "0005")])
def test_confirming_with_a_test_card_succeeds(api, method, brand, last4):
    intent = api.payment_intents.create(params=intent_params(payment_method=method, expand=["latest_charge", "payment_method"]))
    assert (intent.status, intent.amount_received) == ("succeeded", 2000)
    assert (intent.payment_method.card.brand, intent.payment_method.card.last4) == (brand, last4)
    assert intent.latest_charge.payment_method_details.card.last4 == last4


def test_an_intent_is_confirmed_in_a_second_step(api):
    intent = api.payment_intents.create(params=bare(payment_method_types=["card"]))
    assert api.payment_intents.confirm(intent.id, params={"payment_method": "pm_card_visa"}).status == "succeeded"


def test_an_intent_with_automatic_methods_needs_a_return_url_or_no_redirects(api):
    with pytest.raises(stripe.InvalidRequestError):
        api.payment_intents.create(params=bare(payment_method="pm_card_visa", confirm=True))
    paid = api.payment_intents.create(params=bare(payment_method="pm_card_visa", confirm=True, return_url="https://shop.example/r"))
    assert paid.status == "succeeded"
    never = {"enabled": True, "allow_redirects": "never"}
    assert api.payment_intents.create(params=bare(payment_method="pm_card_visa", confirm=True, automatic_payment_methods=never)).status == "succeeded"


@pytest.mark.parametrize("method", list(DECLINED))
def test_a_decline_is_402_with_its_codes_and_the_whole_intent(api, method):
    code, decline_code = DECLINED[method]
    with pytest.raises(stripe.CardError) as caught:
        api.payment_intents.create(params=intent_params(payment_method=method))
    error = caught.value
    body = error.json_body["error"]
    assert (error.http_status, body["type"], error.code) == (402, "card_error", code)
    if decline_code:
        assert body["decline_code"] == decline_code
    assert body["payment_intent"]["status"] == "requires_payment_method"
    assert body["payment_intent"]["last_payment_error"]["code"] == code
    assert body["charge"].startswith("ch_") and body["payment_method"]["object"] == "payment_method"
    charge = api.charges.retrieve(body["charge"])
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, code)
    assert charge.outcome.network_status in ("declined_by_network", "not_sent_to_network")


def test_a_declined_intent_can_be_paid_with_another_card(api):
    intent = api.payment_intents.create(params=bare(payment_method_types=["card"]))
    with pytest.raises(stripe.CardError):
        api.payment_intents.confirm(intent.id, params={"payment_method": "pm_card_visa_chargeDeclined"})
    assert api.payment_intents.retrieve(intent.id).last_payment_error.code == "card_declined"
    paid = api.payment_intents.confirm(intent.id, params={"payment_method": "pm_card_visa"})
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    assert len(api.charges.list(params={"payment_intent": intent.id}).data) == 2


def test_a_card_that_needs_3d_secure_asks_for_an_action(api):
    intent = api.payment_intents.create(params=intent_params(payment_method="pm_card_authenticationRequired", return_url="https://shop.example/r"))
    assert intent.status == "requires_action" and intent.next_action.type == "redirect_to_url"
    assert intent.next_action.redirect_to_url.return_url == "https://shop.example/r"
    assert intent.next_action.redirect_to_url.url.startswith("http")


def test_the_3d_secure_step_of_an_intent_can_be_completed_by_plain_http(api):
    from hosted_page import Customer

    intent = api.payment_intents.create(params=intent_params(payment_method="pm_card_authenticationRequired", return_url="https://shop.example/r"))
    customer = Customer()
    back = customer.press(customer.open(intent.next_action.redirect_to_url.url), "complete|authori|approve|confirm|pass")
    assert back.location.startswith("https://shop.example/r") and f"payment_intent={intent.id}" in back.location
    assert api.payment_intents.retrieve(intent.id).status == "succeeded"


def test_error_on_requires_action_declines_instead(api):
    with pytest.raises(stripe.CardError) as caught:
        api.payment_intents.create(params=intent_params(payment_method="pm_card_authenticationRequired", error_on_requires_action=True))
    assert caught.value.code == "authentication_required"


def test_off_session_with_3d_secure_is_declined(api):
    with pytest.raises(stripe.CardError) as caught:
        api.payment_intents.create(params=intent_params(payment_method="pm_card_authenticationRequired", off_session=True))
    assert caught.value.code == "authentication_required"


def test_manual_capture_holds_and_captures_in_part(api):
    held = api.payment_intents.create(params=intent_params(capture_method="manual", expand=["latest_charge"]))
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 2000, 0)
    assert held.latest_charge.captured is False
    done = api.payment_intents.capture(held.id, params={"amount_to_capture": 1200, "expand": ["latest_charge"]})
    assert (done.status, done.amount_received, done.amount_capturable, done.amount) == ("succeeded", 1200, 0, 2000)
    assert (done.latest_charge.captured, done.latest_charge.amount_captured) == (True, 1200)


def test_capturing_more_than_was_held_is_refused(api):
    held = api.payment_intents.create(params=intent_params(capture_method="manual"))
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.payment_intents.capture(held.id, params={"amount_to_capture": 2001})
    assert caught.value.http_status == 400 and caught.value.code == "amount_too_large"
    assert api.payment_intents.retrieve(held.id).status == "requires_capture"


def test_capturing_twice_is_refused(api):
    held = api.payment_intents.create(params=intent_params(capture_method="manual"))
    api.payment_intents.capture(held.id)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.payment_intents.capture(held.id)
    error = caught.value
    assert (error.http_status, error.code) == (400, "payment_intent_unexpected_state")
    assert error.json_body["error"]["payment_intent"]["id"] == held.id


# Since 2025-03-31 Stripe shows no refund where nothing was taken:
# https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow
@pytest.mark.parametrize("version, refunded", [(VERSION, False), ("2025-02-24.acacia", True)])
def test_a_held_intent_can_be_canceled_and_its_charge_is_released(version, refunded):
    api = client(version=version).v1
    held = api.payment_intents.create(params=intent_params(capture_method="manual"))
    gone = api.payment_intents.cancel(held.id, params={"cancellation_reason": "abandoned"})
    assert (gone.status, gone.cancellation_reason, gone.amount_capturable) == ("canceled", "abandoned", 0)
    assert gone.canceled_at >= gone.created
    charge = api.charges.retrieve(gone.latest_charge)
    assert (charge.refunded, charge.amount_refunded, charge.captured) == (refunded, 2000 if refunded else 0, False)


@pytest.mark.parametrize("act", ["cancel", "confirm", "capture"])
def test_a_succeeded_intent_moves_no_further(api, act):
    paid = api.payment_intents.create(params=intent_params())
    with pytest.raises(stripe.InvalidRequestError) as caught:
        getattr(api.payment_intents, act)(paid.id)
    assert (caught.value.http_status, caught.value.code) == (400, "payment_intent_unexpected_state")


def test_a_canceled_intent_cannot_be_confirmed(api):
    intent = api.payment_intents.create(params=bare())
    api.payment_intents.cancel(intent.id)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.payment_intents.confirm(intent.id, params={"payment_method": "pm_card_visa"})
    assert caught.value.code == "payment_intent_unexpected_state"


def test_an_intent_can_be_updated_before_it_is_paid_but_its_amount_not_after(api):
    intent = api.payment_intents.create(params=bare(metadata={"a": "1"}))
    updated = api.payment_intents.update(intent.id, params={"amount": 2500, "description": "More", "metadata": {"b": "2"}})
    assert (updated.amount, updated.description, updated.metadata.to_dict()) == (2500, "More", {"a": "1", "b": "2"})
    paid = api.payment_intents.create(params=intent_params())
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.payment_intents.update(paid.id, params={"amount": 1})
    assert caught.value.http_status == 400


def test_the_fields_of_an_intent_are_kept(api):
    ada = api.customers.create(params={"name": "Ada"})
    sent = {
        "customer": ada.id, "description": "Tea", "receipt_email": "r@shop.example", "statement_descriptor_suffix": "TEA", "transfer_group": "g",
        "setup_future_usage": "on_session", "shipping": {"name": "Ada", "address": {"line1": "A 1", "city": "Berlin", "country": "DE", "postal_code": "10115"}},
        "metadata": {"k": "v"},
    }
    intent = api.payment_intents.create(params=bare(**sent)).to_dict()
    for name in ("customer", "description", "receipt_email", "statement_descriptor_suffix", "transfer_group", "setup_future_usage", "metadata"):
        assert intent[name] == sent[name], name
    assert intent["shipping"]["address"]["city"] == "Berlin"


WRONG = {
    "no amount": ({"currency": "eur"}, "amount", "parameter_missing"),
    "no currency": ({"amount": 100}, "currency", "parameter_missing"),
    "amount zero": (bare(amount=0), "amount", None),
    "a negative amount": (bare(amount=-1), "amount", "parameter_invalid_integer"),
    "a fractional amount": (bare(amount="10.5"), "amount", "parameter_invalid_integer"),
    "too small an amount": (bare(amount=10), "amount", "amount_too_small"),
    "too large an amount": (bare(amount=100000000), "amount", "amount_too_large"),
    "an unknown currency": (bare(currency="xxq"), "currency", None),
    "an unknown parameter": (bare(flavour="mint"), "flavour", "parameter_unknown"),
    "an unknown customer": (bare(customer="cus_missing"), "customer", "resource_missing"),
    "an unknown payment method": (bare(payment_method="pm_missing"), "payment_method", "resource_missing"),
    "an unknown capture method": (bare(capture_method="later"), "capture_method", None),
    "both ways to choose methods": (bare(payment_method_types=["card"], automatic_payment_methods={"enabled": True}), None, None),
    "confirming without a method": (bare(confirm=True, payment_method_types=["card"]), None, None),
    "a reason that is none": (None, "cancellation_reason", None),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_an_intent_is_refused_for(api, name):
    params, param, code = WRONG[name]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        if params is None:
            api.payment_intents.cancel(api.payment_intents.create(params=bare()).id, params={"cancellation_reason": "rain"})
        api.payment_intents.create(params=params)
    assert caught.value.http_status == 400
    if param:
        assert caught.value.param == param, str(caught.value)
    if code:
        assert caught.value.code == code, str(caught.value)


def test_an_unknown_intent_is_404(api):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.payment_intents.retrieve("pi_missing")
    error = caught.value
    assert (error.http_status, error.code, error.param) == (404, "resource_missing", "intent")


def test_intents_are_listed_by_customer():
    api = client().v1
    ada = api.customers.create(params={})
    hers = api.payment_intents.create(params=bare(customer=ada.id))
    api.payment_intents.create(params=bare())
    assert [i.id for i in api.payment_intents.list(params={"customer": ada.id}).data] == [hers.id]
    assert len(api.payment_intents.list().data) == 2


def test_a_saved_card_pays_off_session(api):
    ada = api.customers.create(params={})
    first = api.payment_intents.create(params=intent_params(customer=ada.id, setup_future_usage="off_session"))
    again = api.payment_intents.create(params=intent_params(customer=ada.id, payment_method=first.payment_method, off_session=True))
    assert (again.status, again.payment_method) == ("succeeded", first.payment_method)


def test_a_payment_method_pays_once_unless_it_is_saved(api):
    first = api.payment_intents.create(params=intent_params())
    with pytest.raises(stripe.InvalidRequestError):
        api.payment_intents.create(params=intent_params(payment_method=first.payment_method))


def test_installments_are_shown_as_the_document_says(api):
    intent = api.payment_intents.create(params=bare(payment_method_types=["card"], payment_method_options={"card": {"installments": {"enabled": True}}}))
    assert intent.payment_method_options.card.installments.enabled is True
    plan = {"type": "fixed_count", "count": 3, "interval": "month"}
    intent = api.payment_intents.create(params=bare(payment_method_types=["card"], payment_method_options={"card": {"installments": {"plan": plan}}}))
    assert intent.payment_method_options.card.installments.plan.to_dict() == plan


def test_payment_method_data_makes_a_method_from_a_token(api):
    data = {"type": "card", "card": {"token": "tok_visa"}, "billing_details": {"name": "Ada"}}
    params = {"amount": 2000, "currency": "eur", "payment_method_types": ["card"], "confirm": True, "payment_method_data": data, "expand": ["payment_method"]}
    intent = api.payment_intents.create(params=params)
    assert intent.status == "succeeded" and intent.payment_method.billing_details.name == "Ada"
