"""The measuring stick is measured first: each kind of mistake must be seen, and good answers must pass."""

import copy

import pytest
from spec import Document

ROW = {
    "id": "we_1", "object": "webhook_endpoint", "api_version": None, "application": None, "created": 1790000000,
    "description": None, "enabled_events": ["*"], "livemode": False, "metadata": {}, "status": "enabled", "url": "https://a.example/",
}
ANSWER = {"object": "list", "url": "/v1/webhook_endpoints", "has_more": False, "data": [ROW]}
PATH = "/v1/webhook_endpoints"


@pytest.fixture(scope="module")
def document():
    return Document()


def kinds(document, body, status=200, method="GET", path=PATH):
    return sorted({f.kind for f in document.check_answer(method, path, status, body)})


def changed(**fields):
    answer = copy.deepcopy(ANSWER)
    answer["data"][0].update(fields)
    return answer


def test_a_good_answer_has_no_findings(document):
    assert kinds(document, ANSWER) == []


@pytest.mark.parametrize(
    "field, value",
    [
        ("created", "1790000000"), ("created", True), ("created", 1790000000000), ("livemode", 0), ("object", "webhook"),
        ("enabled_events", ["*", 5]), ("enabled_events", "*"), ("metadata", {"a": 1}), ("url", None), ("url", "x" * 6000), ("id", 3),
    ],
)
def test_a_wrong_value_is_an_error(document, field, value):
    assert "error" in kinds(document, changed(**{field: value}))


def test_an_absent_required_field_is_an_error(document):
    answer = copy.deepcopy(ANSWER)
    del answer["data"][0]["status"]
    assert kinds(document, answer) == ["error"]


def test_an_absent_nullable_field_and_an_unknown_field_are_told_apart(document):
    answer = changed(surprise=1)
    del answer["data"][0]["description"]
    assert kinds(document, answer) == ["absent", "unknown"]


def test_a_field_that_begins_with_an_underscore_is_an_error(document):
    assert kinds(document, changed(_secret=1)) == ["error"]


def test_an_expandable_field_may_be_an_id_or_the_whole_object_and_nothing_else(document):
    schema = document.schemas["refund"]["properties"]["charge"]
    assert document.check(schema, "ch_1") == []
    assert document.check(schema, None) == []
    assert [f.kind for f in document.check(schema, 5)] == ["error"]
    assert any(f.kind == "error" for f in document.check(schema, {"id": "ch_1", "object": "charge"}))
    assert any(f.kind == "error" for f in document.check(schema, {"id": "cus_1", "object": "customer"}))


def test_a_deleted_object_fits_where_the_document_allows_one(document):
    gone = {"id": "cus_1", "object": "customer", "deleted": True}
    assert kinds(document, gone, path="/v1/customers/cus_1") == []
    assert "error" in kinds(document, {"id": "cus_1", "object": "customer"}, path="/v1/customers/cus_1")


def test_the_object_inside_an_event_is_held_against_its_own_schema(document):
    event = {
        "id": "evt_1", "object": "event", "api_version": "2026-05-27.dahlia", "created": 1790000000, "livemode": False,
        "pending_webhooks": 0, "request": None, "type": "customer.created", "data": {"object": {"id": "cus_1", "object": "customer"}},
    }
    assert "error" in kinds(document, event, path="/v1/events/evt_1")


def test_errors_are_held_against_the_error_schema(document):
    good = {"error": {"type": "invalid_request_error", "message": "no", "param": "amount"}}
    assert kinds(document, good, status=400) == []
    assert kinds(document, {"error": {"type": "validation_error", "message": "no"}}, status=400) == ["error"]
    assert kinds(document, {"message": "no"}, status=404) == ["error", "unknown"]


def test_a_path_outside_the_document_may_fail_but_not_succeed(document):
    assert kinds(document, {"ok": True}, path="/v1/nonsense") == ["error"]
    assert kinds(document, {"error": {"type": "invalid_request_error"}}, status=404, path="/v1/nonsense") == []


def test_a_literal_path_wins_over_a_template(document):
    assert document.operation("GET", "/v1/customers/search")[0] == "/v1/customers/search"
    assert document.operation("GET", "/v1/customers/cus_1")[0] == "/v1/customers/{customer}"
