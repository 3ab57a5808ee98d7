"""What a person should notice about a request, and what is nothing to notice."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given

from sendpulse_async.sandbox._ledger import findings_of

from .stage import JSON
from .stage import named_entry as entry

CONTACT = {"email": "a@b.c", "phone": "+380501234567"}


def found(payload=CONTACT, **changes):
    return [(finding.field, finding.text) for finding in findings_of(entry(payload=payload, **changes))]


@pytest.mark.parametrize(
    "payload",
    [
        CONTACT,
        {"email": "a@b.c"},
        {"phone": "380501234567"},
        {"email": "a@b.c", "phone": None},
        {"email": "a@b.c", "automation_id": 12},
        {"email": "a@b.c", "date": "2026-12-31", "total": "12.5", "version": "1.2.3", "zip": "01234"},
        {"email": "a@b.c", "x": "y" * 255, "variables": "none"},
        {"email": "a@b.c", "products": [{"name": "tea", "id": "7"}]},
    ],
)
def test_an_event_as_the_contract_has_it_is_not_odd(payload):
    """Nothing is said of what SendPulse documents."""
    assert found(payload) == []


@pytest.mark.parametrize(
    ("payload", "field", "part"),
    [
        ({}, "", "neither an email nor a phone"),
        ({"email": " ", "phone": None}, "", "neither an email nor a phone"),
        ({"email": " a@b.c"}, "email", "blanks"),
        ({"phone": "+1 "}, "phone", "blanks"),
        ({"email": "a.b.c"}, "email", "no @"),
        ({"email": "a@b@c"}, "email", "more than one @"),
        ({"phone": "+1 (2) 3"}, "phone", "digits"),
        ({"phone": "1+2"}, "phone", "digits"),
        ({"email": ["a@b.c"]}, "email", "no text"),
        ({"email": "a@b.c", "phone": 380}, "phone", "no text"),
        (CONTACT | {"date": "31.12.2026"}, "date", "YYYY-MM-DD"),
        (CONTACT | {"date": "12/31/2026"}, "date", "YYYY-MM-DD"),
        (CONTACT | {"date": "2026/12/31"}, "date", "YYYY-MM-DD"),
        (CONTACT | {"date": "2026-12-31T23:59:59Z"}, "date", "YYYY-MM-DD"),
        (CONTACT | {"orders": [{"at": "1.2.2026"}]}, "orders.0.at", "YYYY-MM-DD"),
        (CONTACT | {"x": "y" * 256}, "x", "256 characters"),
        (CONTACT | {"variables": {"x": 1}}, "variables", "wrapper"),
        (CONTACT | {"automation_id": "7"}, "automation_id", "whole number"),
        (CONTACT | {"automation_id": True}, "automation_id", "whole number"),
        (CONTACT | {"items": [{"automation_id": 7}]}, "items.0.automation_id", "top"),
        ([CONTACT], "", "list"),
        ("text", "", "no object"),
    ],
)
def test_what_is_odd_is_named_with_its_field(payload, field, part):
    """Each finding says what it is and where."""
    assert any(at == field and part in text for at, text in found(payload))


@pytest.mark.parametrize(
    ("changes", "field", "part"),
    [
        ({"payload": None, "body": b"{"}, "", "could not be read"),
        ({"payload": None, "body": b""}, "", "empty or was too large"),
        ({"content_type": None}, "header.content-type", "no content type"),
        ({"headers": (("authorization", "Bearer b'abc'"),)}, "header.authorization", "official Python client"),
        ({"duplicate_of": 4}, "", "request 4"),
    ],
)
def test_a_whole_request_can_be_odd(changes, field, part):
    """Its body, its headers, and that it came before."""
    assert any(at == field and part in text for at, text in found(**changes))


@pytest.mark.parametrize(("text", "count"), [("7", 0), ("7.5", 1), ("x", 1)])
def test_a_number_in_a_form_is_its_text(text, count):
    """A form knows only text, so the digits of a number are no finding there."""
    kind = "application/x-www-form-urlencoded; charset=utf-8"

    assert len(found(CONTACT | {"automation_id": text}, content_type=kind)) == count


def test_a_finding_shows_no_secret():
    """The token in the official client's disguise is not repeated."""
    assert "hidden" not in str(found(headers=(("authorization", "Bearer b'hidden'"),)))


def test_findings_are_bounded():
    """However much is odd, and however large a payload is, a person gets what they can read."""
    assert len(found(CONTACT | {str(number): "y" * 256 for number in range(10_000)})) == 50
    assert found(CONTACT | {"x": [[] for _ in range(100_000)]}) == []


@pytest.mark.parametrize(
    "odd",
    [
        {"k" * 1_000_000: [{"y": "z"}] * 2_000},
        {"a": {"b" * 500_000: {"c" * 500_000: ["x" * 300] * 2_000}}},
        {str(number): "y" for number in range(100_000)},
        json.loads("[" * 500 + "]" * 500),
    ],
    ids=["long name", "long names", "many names", "deep"],
)
def test_a_large_payload_costs_little(odd):
    """A row of a list is looked at again and again: names as long as a body are in no path, and copied nowhere."""
    given_entry = entry(payload=CONTACT | {"odd": odd} | (odd if isinstance(odd, dict) else {}))

    tracemalloc.start()
    try:
        findings = findings_of(given_entry)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 2_000_000
    assert all(len(finding.field) < 1_000 for finding in findings)


@given(JSON)
def test_any_payload_can_be_looked_at(payload):
    """No JSON value breaks it."""
    assert len(found(payload)) <= 50
