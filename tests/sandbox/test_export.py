"""What arrived as lines: complete, one object each, and fit to be sent again."""

from __future__ import annotations

import base64
import json

import pytest

EXPORT = "/_sandbox/export"


def lines(answer):
    return [json.loads(line) for line in answer.text.splitlines()]


def test_requests_are_exported_whole(sandbox, client, by_key):
    """Accepted and refused, bodies as text or as base64, the authorisation masked."""
    client.post("/events/name/purchase", json={"email": "a@b.c", "x": "line\n\u2028"}, headers=by_key)
    client.post(sandbox.event_url, content=b"\xff")

    answer = client.get(EXPORT)
    first, second = lines(answer)

    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert answer.headers["content-disposition"] == 'attachment; filename="sandbox-requests.jsonl"'
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")
    assert json.loads(first["body"]) == first["payload"] == {"email": "a@b.c", "x": "line\n\u2028"}
    assert ["authorization", "***"] in first["headers"]
    assert sandbox.api_key not in answer.text
    assert "body" not in second
    assert base64.b64decode(second["body_base64"]) == b"\xff"


def test_payloads_are_those_of_accepted_objects(sandbox, client):
    """One payload a line, as input of `send-many`; a search narrows them."""
    for payload in ({"email": "a@b.c", "n": 1}, {"n": 2}, {"email": "a@b.c", "n": 3}):
        client.post(sandbox.event_url, json=payload)

    assert [line["n"] for line in lines(client.get(EXPORT, params={"view": "payloads"}))] == [1, 3]
    assert lines(client.get(EXPORT, params={"view": "payloads", "q": "var.n>1"})) == [{"email": "a@b.c", "n": 3}]


def test_an_export_of_nothing_is_empty(client):
    """No event, no line."""
    assert client.get(EXPORT).text == ""


@pytest.mark.parametrize(("name", "value"), [("q", "a:b"), ("view", "odd")])
def test_a_wrong_parameter_names_itself(client, name, value):
    """422 rather than a file with an error in it."""
    answer = client.get(EXPORT, params={name: value})

    assert answer.status_code == 422
    assert answer.json()["message"].startswith(name)
