"""The test API: what arrived and the faults in play, over HTTP, for this machine alone."""

from __future__ import annotations

import json

import httpx
import pytest

from sendpulse_async.sandbox import Fault

EVENTS = "/_sandbox/events"
REFUSED = "/_sandbox/refused"
FAULTS = "/_sandbox/faults"


def emails(answer):
    return [event["email"] for event in answer.json()["events"]]


def test_events_are_listed_newest_last(sandbox, client, by_key):
    """The list shows what arrived, and masks the authorisation."""
    client.post(sandbox.event_url, json={"email": "a@b.c"})
    client.post("/events/name/purchase", json={"phone": "+1", "email": "d@e.f"}, headers=by_key)

    answer = client.get(EVENTS)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["total"] == 2
    assert emails(answer) == ["a@b.c", "d@e.f"]
    newest = answer.json()["events"][1]
    assert newest["payload"] == {"phone": "+1", "email": "d@e.f"}
    assert (newest["event"], newest["phone"], newest["status"]) == ("purchase", "+1", 200)
    assert sandbox.api_key not in answer.text


def test_events_are_found_by_their_fields(sandbox, client, by_key):
    """The filters combine; the limit keeps the newest."""
    for number in range(3):
        client.post(f"/events/name/e{number % 2}", json={"email": f"{number}@b.c", "phone": "+1"}, headers=by_key)

    assert emails(client.get(EVENTS, params={"event": "e0"})) == ["0@b.c", "2@b.c"]
    assert emails(client.get(EVENTS, params={"event": "e0", "email": "2@b.c"})) == ["2@b.c"]
    assert emails(client.get(EVENTS, params={"phone": "+1", "limit": 2})) == ["1@b.c", "2@b.c"]
    assert emails(client.get(EVENTS, params={"phone": "+2"})) == []


@pytest.mark.parametrize("limit", ["0", "-1", "x", "10001", "9" * 5000, "²", ""])
def test_a_wrong_limit_names_itself(client, limit):
    """A limit that is no number of entries gets 422."""
    answer = client.get(EVENTS, params={"limit": limit})

    assert answer.status_code == 422
    assert "limit" in answer.json()["message"]


def test_refused_requests_are_listed_apart(sandbox, client):
    """Their status and code are there, and the body that could not be read."""
    client.post(sandbox.event_url, content=b'{"email": \xff')

    (entry,) = client.get(REFUSED).json()["refused"]

    assert (entry["status"], entry["error_code"], entry["payload"]) == (400, 999, None)
    assert entry["body"] == '{"email": \ufffd'
    assert client.get(EVENTS).json() == {"total": 0, "found": 0, "events": []}


@pytest.mark.parametrize(
    "body",
    [
        b'{"email": "<script>alert(1)</script>"}',
        b'{"email": "a@b.c", "x": "\\ud800"}',
        b'{"email": "a@b.c", "x": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"email": "a@b.c", "x": 1e400}',
    ],
    ids=["markup", "lone surrogate", "deep", "huge number"],
)
def test_odd_payloads_can_be_listed(sandbox, client, body):
    """Whatever was accepted can be shown, as JSON that no browser takes for a page."""
    assert client.post(sandbox.event_url, content=body).status_code == 200

    answer = client.get(EVENTS)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert len(json.loads(answer.text, parse_constant=pytest.fail)["events"]) == 1


def test_delete_clears_the_ledger(sandbox, client):
    """Events, refused requests and counts start anew; the order of arrival goes on, and faults stay."""
    client.post(sandbox.event_url, json={"email": "a@b.c"})
    client.post(sandbox.event_url, json={})
    sandbox.add_fault(Fault(status=202))

    assert client.delete(EVENTS).status_code == 204

    assert sandbox.events == sandbox.refused == ()
    assert sandbox.accepted_count == 0
    assert client.post(sandbox.event_url, json={"email": "a@b.c"}).status_code == 202
    assert (sandbox.events[0].sequence, sandbox.accepted_count) == (3, 1)


def test_a_fault_is_put_into_play_over_http(sandbox, client):
    """POST takes a fault's fields, GET shows what is left of it, DELETE ends it."""
    fault = {"status": 429, "times": 2, "headers": {"X-A": "1"}, "door": "raw"}

    posted = client.post(FAULTS, json=fault)
    hit = client.post(sandbox.event_url, json={"email": "a@b.c"})

    assert (posted.status_code, posted.json()["times"]) == (201, 2)
    assert (hit.status_code, hit.headers["x-a"]) == (429, "1")
    (shown,) = client.get(FAULTS).json()["faults"]
    assert (shown["times"], shown["headers"], shown["door"]) == (1, [["X-A", "1"]], "raw")
    assert client.delete(FAULTS).status_code == 204
    assert client.get(FAULTS).json() == {"faults": []}


def test_bytes_in_a_fault_can_be_shown(sandbox, client):
    """A body that only Python can give is listed as text."""
    sandbox.add_fault(Fault(body=b"\xff!"))

    assert client.get(FAULTS).json()["faults"][0]["body"] == "\ufffd!"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"status": "500"}', "status"),
        (b'{"status": 500, "color": "red"}', "color"),
        (b'{"status": 500, "answer": 1}', "answer"),
        (b'{"headers": [[[], 1]], "status": 500}', "headers"),
        (b"[]", "JSON object"),
        (b"", "JSON object"),
        (b"[" * 100_000, "JSON object"),
        (b"x" * (3 * 1024 * 1024), "JSON object"),
    ],
    ids=["wrong", "unknown", "not settable", "headers", "list", "empty", "deep", "huge"],
)
def test_a_wrong_fault_names_its_field(sandbox, client, body, named):
    """A bad field gets 422 with its name, and nothing is put into play."""
    answer = client.post(FAULTS, content=body)

    assert answer.status_code == 422
    assert named in answer.json()["message"]
    assert sandbox.faults == ()


def test_get_changes_nothing(sandbox, client):
    """Looking leaves events and faults as they are."""
    client.post(sandbox.event_url, json={"email": "a@b.c"})
    sandbox.add_fault(Fault(status=500))
    before = (sandbox.events, sandbox.refused, sandbox.faults)

    for path in (EVENTS, REFUSED, FAULTS, "/"):
        assert client.get(path).status_code == 200

    assert (sandbox.events, sandbox.refused, sandbox.faults) == before


def test_the_front_page_says_what_this_is(sandbox, client):
    """Plain text with the addresses to use."""
    answer = client.get("/")

    assert answer.headers["content-type"].startswith("text/plain")
    assert "stand-in for SendPulse" in answer.text
    for part in (sandbox.event_url, sandbox.client_id, sandbox.client_secret, f"{sandbox.origin}{EVENTS}"):
        assert part in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8000", "127.8.8.8", "[::1]:80"])
def test_this_machines_names_are_served(client, host):
    """Any loopback name, with any port."""
    assert client.get(EVENTS, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "192.168.0.1", "[::2]", "localhost:x", ""]
)
def test_a_foreign_name_for_this_machine_is_refused(sandbox, client, host):
    """DNS rebinding: a page cannot reach the sandbox under a name of its own."""
    assert client.get(EVENTS, headers={"Host": host}).status_code == 403
    assert client.post(sandbox.event_url, json={"email": "a@b.c"}, headers={"Host": host}).status_code == 403
    assert sandbox.events == ()


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://evil.example", 403), ("null", 403), ("http://localhost:3000", 201), ("https://127.0.0.1", 201)],
)
def test_a_foreign_page_cannot_play_faults(client, origin, status):
    """A cross-site request that needs no preflight is refused by its origin; this machine's pages pass."""
    body = b'{"status": 500}'

    answer = client.post(FAULTS, content=body, headers={"Origin": origin, "Content-Type": "text/plain"})

    assert answer.status_code == status


def test_any_language_can_read_it(sandbox):
    """A bare request without a client's usual headers works."""
    assert httpx.get(f"{sandbox.origin}{EVENTS}", headers={"Accept": ""}, trust_env=False).status_code == 200


@pytest.mark.parametrize("name", ["authorization", "proxy-authorization", "cookie", "x-api-key"])
@pytest.mark.parametrize("path", ["events", "requests/1", "export"])
def test_credentials_in_headers_are_masked(sandbox, client, name, path):
    """They are shown nowhere, and a search does not guess them."""
    client.post(sandbox.event_url, json={"email": "a@b.c"}, headers={name: "s3cret"})

    assert "s3cret" not in client.get(f"/_sandbox/{path}").text
    assert client.get("/_sandbox/requests", params={"q": f"header.{name}:s3c"}).json()["found"] == 0
    assert client.get("/_sandbox/requests", params={"q": f"header.{name}:"}).json()["found"] == 1
