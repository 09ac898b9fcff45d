"""Discounts, taxes and shipping: what they do to a session's amounts, and what the payment then is."""

import pytest
import stripe
from hosted_page import Customer
from sandbox import LINE, client, session_params


def paid(api, session):
    customer = Customer()
    assert customer.pay(customer.open(session.url), "4242424242424242").status in (302, 303)
    return api.checkout.sessions.retrieve(session.id, params={"expand": ["payment_intent", "line_items", "total_details.breakdown"]})


def test_a_coupon_takes_its_percentage_off(api):
    coupon = api.coupons.create(params={"percent_off": 20, "duration": "once"})
    session = api.checkout.sessions.create(params=session_params(discounts=[{"coupon": coupon.id}]))
    assert (session.amount_subtotal, session.amount_total, session.total_details.amount_discount) == (5000, 4000, 1000)
    after = paid(api, session)
    assert after.payment_intent.amount_received == 4000
    assert [item.amount_discount for item in after.line_items.data] == [1000]
    assert sum(d.amount for d in after.total_details.breakdown.discounts) == 1000


def test_a_coupon_takes_its_amount_off_several_lines_to_the_last_cent(api):
    coupon = api.coupons.create(params={"amount_off": 1000, "currency": "eur", "duration": "once"})
    session = api.checkout.sessions.create(params=session_params(line_items=[LINE, {**LINE, "quantity": 1}, {**LINE, "quantity": 4}], discounts=[{"coupon": coupon.id}], expand=["line_items"]))
    assert (session.amount_subtotal, session.amount_total) == (17500, 16500)
    assert sum(item.amount_discount for item in session.line_items.data) == 1000
    assert all(item.amount_total == item.amount_subtotal - item.amount_discount for item in session.line_items.data)


def test_a_promotion_code_applies_its_coupon(api):
    coupon = api.coupons.create(params={"percent_off": 50, "duration": "once"})
    code = api.promotion_codes.create(params={"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "HALF"})
    session = api.checkout.sessions.create(params=session_params(discounts=[{"promotion_code": code.id}]))
    assert session.amount_total == 2500
    assert [str(d.promotion_code) for d in session.discounts] == [code.id]


def test_a_coupon_in_another_currency_is_refused(api):
    coupon = api.coupons.create(params={"amount_off": 1000, "currency": "usd", "duration": "once"})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.checkout.sessions.create(params=session_params(discounts=[{"coupon": coupon.id}]))
    assert caught.value.http_status == 400


def test_an_exclusive_tax_rate_is_added_and_an_inclusive_one_is_not(api):
    vat = {"display_name": "VAT", "percentage": 20}
    added = api.tax_rates.create(params={**vat, "inclusive": False})
    within = api.tax_rates.create(params={**vat, "inclusive": True})
    session = api.checkout.sessions.create(params=session_params(line_items=[{**LINE, "tax_rates": [added.id]}]))
    assert (session.amount_subtotal, session.amount_total, session.total_details.amount_tax) == (5000, 6000, 1000)
    session = api.checkout.sessions.create(params=session_params(line_items=[{**LINE, "tax_rates": [within.id]}]))
    assert (session.amount_total, session.total_details.amount_tax) == (5000, 833)
    assert paid(api, session).payment_intent.amount == 5000


def test_taxes_are_told_line_by_line_and_in_the_breakdown(api):
    rate = api.tax_rates.create(params={"display_name": "VAT", "percentage": 19, "inclusive": False})
    session = api.checkout.sessions.create(params=session_params(line_items=[{**LINE, "tax_rates": [rate.id]}, {**LINE, "quantity": 1}]))
    after = paid(api, session)
    assert after.payment_intent.amount_received == after.amount_total == 5000 + 950 + 2500
    assert [(t.amount, t.rate.id, t.taxable_amount) for t in after.total_details.breakdown.taxes] == [(950, rate.id, 5000)]
    items = api.checkout.sessions.line_items.list(session.id, params={"expand": ["data.taxes", "data.discounts"]}).data
    assert sorted((i.amount_tax, i.amount_total, len(i.taxes), len(i.discounts)) for i in items) == [(0, 2500, 0, 0), (950, 5950, 1, 0)]


def test_a_discount_comes_before_the_tax(api):
    rate = api.tax_rates.create(params={"display_name": "VAT", "percentage": 10, "inclusive": False})
    coupon = api.coupons.create(params={"percent_off": 50, "duration": "once"})
    session = api.checkout.sessions.create(params=session_params(line_items=[{**LINE, "tax_rates": [rate.id]}], discounts=[{"coupon": coupon.id}]))
    assert (session.amount_subtotal, session.total_details.amount_discount, session.total_details.amount_tax, session.amount_total) == (5000, 2500, 250, 2750)


def test_an_unknown_tax_rate_is_refused_by_name(api):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.checkout.sessions.create(params=session_params(line_items=[{**LINE, "tax_rates": ["txr_missing"]}]))
    assert (caught.value.code, caught.value.param) == ("resource_missing", "line_items[0][tax_rates][0]")


def test_a_shipping_rate_made_beforehand_is_charged(api):
    rate = api.shipping_rates.create(params={"display_name": "Post", "type": "fixed_amount", "fixed_amount": {"amount": 700, "currency": "eur"}})
    session = api.checkout.sessions.create(params=session_params(shipping_options=[{"shipping_rate": rate.id}]))
    assert [str(o.shipping_rate) for o in session.shipping_options] == [rate.id]
    after = paid(api, session)
    assert (after.amount_total, after.shipping_cost.amount_total, after.payment_intent.amount) == (5700, 700, 5700)


def test_fractions_of_a_cent_are_rounded_once_a_line(api):
    line = {"price_data": {"currency": "eur", "unit_amount_decimal": "0.5", "product_data": {"name": "Screw"}}, "quantity": 401}
    session = api.checkout.sessions.create(params=session_params(line_items=[line]))
    assert session.amount_total in (200, 201)
    assert paid(api, session).payment_intent.amount == session.amount_total


def test_large_orders_do_not_overflow():
    api = client().v1
    line = {"price_data": {"currency": "eur", "unit_amount": 99999999, "product_data": {"name": "House"}}, "quantity": 1}
    assert api.checkout.sessions.create(params=session_params(line_items=[line])).amount_total == 99999999
    for quantity in (2, 999999999999):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            api.checkout.sessions.create(params=session_params(line_items=[{**line, "quantity": quantity}]))
        assert caught.value.http_status == 400
