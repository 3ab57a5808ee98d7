"""A request copied as curl and as Python: what runs sends the same bytes, and shows no secret."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import Event
from sendpulse_async.sandbox._ledger import to_curl, to_python

from .stage import JSON
from .stage import named_entry as entry

BODIES = {
    "plain": b'{"email": "a@b.c"}',
    "quotes": b"""{"email": "a@b.c", "x": "it's $HOME `id` \\\\ !! \\"q\\""}""",
    "lines": b'{\r\n\t"email": "a@b.c"\n}\n\n',
    "not UTF-8": b'{"email": "\xff\xfe"}',
    "zero bytes": b"a\x00b",
    "control": b"\x1b[31mred",
    "at": b"@/etc/passwd",
    "empty": b"",
    "letters": '{"email": "a@b.c", "x": "Олена 🙂"}'.encode(),
    "huge": b'{"email": "a@b.c", "x": "' + b"y" * 300_000 + b'"}',
}


@pytest.fixture
def environment(sandbox):
    return {
        **os.environ,
        **sandbox.environment(),
        "NO_PROXY": "127.0.0.1",
        "PYTHONWARNINGS": "",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


def run(environment, *command, **options):
    return subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60, **options)


def both(sandbox):
    """Return the two requests that arrived, the copied one and its copy."""
    first, second = sandbox._state.ledger.requests
    return first, second


@pytest.mark.parametrize("content_type", ["application/json", None, "", "text/plain; a='b c\"'"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_curl_sends_the_same_bytes(sandbox, client, environment, body, content_type):
    """Whatever the body holds, a shell that runs the command sends it again, with the same content type."""
    client.post(sandbox.event_url, content=body, headers={} if content_type is None else {"Content-Type": content_type})

    run(environment, "sh", "-s", input=to_curl(sandbox._state.ledger.requests[0]).encode())

    first, second = both(sandbox)
    assert (second.body, second.content_type) == (body, content_type)
    assert second.path == first.path


@pytest.mark.parametrize("segment", ["purchase", "a%20b", "..", "{a,b}", "it's"])
def test_curl_sends_to_the_same_name(sandbox, client, by_key, environment, segment):
    """The path is kept as it was sent, and the key comes from the environment."""
    path = f"/events/name/{segment}"
    client.send(
        client.build_request("POST", path, json={"email": "a@b.c"}, headers=by_key)
        if segment != ".."
        else odd(client, by_key)
    )
    command = to_curl(sandbox._state.ledger.requests[0])

    run({**environment, "SENDPULSE_API_KEY": sandbox.api_key}, "sh", "-s", input=command.encode())

    first, second = both(sandbox)
    assert (second.path, second.event, second.is_taken) == (first.path, first.event, True)
    assert sandbox.api_key not in command


def test_curl_says_what_it_misses(sandbox, client, by_key, environment):
    """Without a key in the environment the shell says so, and nothing is sent."""
    client.post("/events/name/purchase", json={"email": "a@b.c"}, headers=by_key)
    command = to_curl(sandbox._state.ledger.requests[0])

    ended = subprocess.run(["sh", "-s"], input=command.encode(), env=environment, capture_output=True, check=False)

    assert ended.returncode != 0
    assert b"SENDPULSE_API_KEY: an API key, or a token" in ended.stderr
    assert len(sandbox._state.ledger.requests) == 1


def odd(client, headers):
    """Return a request whose path httpx would tidy up."""
    request = client.build_request("POST", "/", json={"email": "a@b.c"}, headers=headers)
    request.extensions = {**request.extensions, "target": b"/events/name/.."}
    return request


@pytest.mark.parametrize(
    ("options", "sender"),
    [
        ({"json": {"email": "a@b.c", "phone": "+1", "x": [1, 2.5, None, True, {"y": 'it\'s "q"\n' * 40}]}}, True),
        ({"json": {"email": "a@b.c", "automation_id": 7}}, True),
        ({"data": {"email": "a@b.c", "products[0][name]": "tea", "products[0][id]": "7"}}, True),
        ({"data": {"email": "a@b.c"}, "files": {"x": (None, "y")}}, True),
        ({"json": {"email": " a@b.c"}}, False),
        ({"json": {"email": "a@b.c", "phone": None}}, False),
        ({"json": {"email": "a@b.c", "automation_id": "7"}}, False),
        ({"content": b'{"email": "a@b.c", "x": 1e400}', "headers": {"Content-Type": "application/json"}}, False),
        ({"content": b'{"email": "a@b.c", "x": "\\ud800"}', "headers": {"Content-Type": "application/json"}}, False),
        ({"content": b'{"email": "a@b.c"}'}, False),
        ({"content": b"\xff\x00'", "headers": {"Content-Type": "x/\xe9"}}, False),
        ({"json": {}}, False),
    ],
)
def test_python_sends_the_same_event(sandbox, client, environment, options, sender):
    """The library's own sender where it would send just this, httpx where it would not: the payload is the same."""
    options = dict(options)
    if "\xe9" in str(options.get("headers")):
        options["headers"] = {"Content-Type": "x/\xe9".encode("latin-1")}
    client.post(sandbox.event_url, **options)
    program = to_python(sandbox._state.ledger.requests[0])

    assert ("RawEventSender" in program) is sender
    run(environment, sys.executable, "-c", program)

    first, second = both(sandbox)
    assert (second.payload, second.is_taken, second.path) == (first.payload, first.is_taken, first.path)
    if not sender:
        assert (second.body, second.content_type) == (first.body, first.content_type)


@pytest.mark.parametrize("payload", [{"email": "a@b.c"}, {"email": "a@b.c "}])
def test_python_sends_to_the_same_name(sandbox, client, by_key, environment, payload):
    """At the named door too, with credentials from the environment."""
    client.post("/events/name/a%20b", json=payload, headers=by_key)
    program = to_python(sandbox._state.ledger.requests[0])
    for name in ("SENDPULSE_CLIENT_ID", "SENDPULSE_CLIENT_SECRET"):
        del environment[name]

    run({**environment, "SENDPULSE_API_KEY": sandbox.api_key}, sys.executable, "-c", program)

    first, second = both(sandbox)
    assert (second.payload, second.event, second.is_taken) == (first.payload, "a b", True)
    assert sandbox.api_key not in program


def test_a_copy_shows_no_secret(sandbox, client):
    """Neither the raw URL's hash nor a token."""
    client.post(sandbox.event_url, json={"email": "a@b.c"}, headers={"Authorization": "Bearer hidden-token"})
    copied = sandbox.events[0]

    for text in (to_curl(copied), to_python(copied)):
        assert "eb561baa" not in text
        assert "hidden-token" not in text


PAYLOADS = st.dictionaries(st.text(), JSON).map(lambda fields: {"email": "a@b.c", **fields})


@given(st.one_of(PAYLOADS, st.fixed_dictionaries({"email": st.text(), "phone": st.text()})))
def test_what_is_left_to_the_sender_is_an_event(payload):
    """Every payload that is copied as an event of this library is one, and none of it gets lost."""
    # By its first line: a payload may hold any word.
    if to_python(entry(door="raw", path="/events/id/x/1", payload=payload)).startswith("import asyncio"):
        assert Event.from_mapping(payload).to_payload() == payload
