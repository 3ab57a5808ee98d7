"""Requests sent again: through the doors, in order, all or none of a bad list."""

from __future__ import annotations

import json

import httpx
import pytest

from sendpulse_async.sandbox import Fault, Sandbox, Switches

REPLAY = "/_sandbox/replay"
EXPORT = "/_sandbox/export"
NDJSON = {"Content-Type": "application/x-ndjson"}
LINE = {"path": "/events/id/eb561baa181247d1cd378c4ead632877/1", "headers": [], "body": '{"email": "a@b.c"}'}


def post(sandbox, client, *numbers):
    for number in numbers:
        client.post(sandbox.event_url, json={"email": "a@b.c", "n": number})


def test_requests_come_again_as_if_sent_now(sandbox, client):
    """In the order asked for, with body and headers as they were, and places of their own."""
    post(sandbox, client, 1, 2, 3)

    answer = client.post(REPLAY, json={"sequences": [3, 1]})

    assert answer.json() == {"replayed": 2, "accepted": 2, "refused": 0, "first_sequence": 4, "last_sequence": 5}
    third, again = sandbox.events[2], sandbox.events[3]
    assert (again.body, again.headers, again.path, again.payload) == (
        third.body,
        third.headers,
        third.path,
        third.payload,
    )
    assert [event.duplicate_of for event in sandbox.events] == [None, None, None, 3, 1]


def test_a_search_chooses_what_is_replayed(sandbox, client):
    """Refused requests are replayed, and refused, too."""
    post(sandbox, client, 1, 2, 3)
    client.post(sandbox.event_url, json={"n": 4})

    answer = client.post(REPLAY, json={"q": "var.n>=2"})

    assert answer.json() == {"replayed": 3, "accepted": 2, "refused": 1, "first_sequence": 5, "last_sequence": 7}


def test_faults_and_switches_judge_anew(client, sandbox):
    """What is in play now meets a replayed request, and holds nothing up."""
    post(sandbox, client, 1, 2, 3, 4, 5)
    for fault in (
        Fault(status=429),
        Fault(drop="hang"),
        Fault(drop="reset", taken=False),
        Fault(drop="cut"),
        Fault(delay=3600),
    ):
        sandbox.add_fault(fault)

    answer = client.post(REPLAY, json={"q": ""}, timeout=10)

    assert answer.json() == {"replayed": 5, "accepted": 3, "refused": 2, "first_sequence": 6, "last_sequence": 10}
    assert sandbox.faults == ()


@pytest.mark.parametrize("accepts_api_key", [True, False])
def test_what_was_authorised_is_so_again(accepts_api_key):
    """An expired token is replaced, and a mask too; what was refused for its token is refused again."""
    with (
        Sandbox(switches=Switches(accepts_api_key=accepts_api_key)) as sandbox,
        httpx.Client(base_url=sandbox.origin, trust_env=False) as client,
    ):
        token = sandbox._state.tokens.issue()
        for bearer in (token, "wrong"):
            client.post("/events/name/a", json={"email": "a@b.c"}, headers={"Authorization": f"Bearer {bearer}"})
        sandbox.revoke_tokens()

        exported = client.get(EXPORT)
        by_sequence = client.post(REPLAY, json={"sequences": [1, 2]}).json()
        by_line = client.post(REPLAY, content=exported.content, headers=NDJSON).json()

    for answer in (by_sequence, by_line):
        assert (answer["accepted"], answer["refused"]) == (1, 1)


def test_an_export_is_replayed_into_another_sandbox(sandbox, client, by_key):
    """All encodings, odd bytes and names arrive as they did."""
    client.post(sandbox.event_url, data={"email": "a@b.c", "x[0]": "1"}, files={"f": (None, "y")})
    client.post(sandbox.event_url, data={"email": "a@b.c"})
    client.post(f"{sandbox.origin}//events/name/a%2Fb", json={"email": "a@b.c", "x": "Олена"}, headers=by_key)
    client.post(sandbox.event_url, content=b"\xff\x00")
    exported = client.get(EXPORT).content
    with Sandbox() as other, httpx.Client(base_url=other.origin, trust_env=False) as there:
        answer = there.post(REPLAY, content=exported, headers=NDJSON)

    assert answer.json()["replayed"] == 4
    for ours, theirs in zip(sandbox._state.ledger.requests, other._state.ledger.requests, strict=True):
        for name in ("door", "event", "path", "body", "payload", "content_type", "status", "is_taken"):
            assert getattr(ours, name) == getattr(theirs, name)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "sequences"),
        (b"[]", "sequences"),
        (b"{}", "sequences"),
        (b'{"q": "", "sequences": []}', "sequences"),
        (b'{"sequences": "1"}', "sequences"),
        (b'{"sequences": [true]}', "sequences"),
        (b'{"sequences": [1, 9]}', "request 9"),
        (b'{"q": 1}', "q"),
        (b'{"q": "colour:red"}', "q: "),
        (b'{"sequences": [' + b"1," * 1000 + b"1]}", "1000"),
    ],
)
def test_a_wrong_request_is_refused_and_nothing_replayed(sandbox, client, body, named):
    """422 with what is wrong."""
    post(sandbox, client, 1)

    answer = client.post(REPLAY, content=body)

    assert answer.status_code == 422
    assert named in answer.json()["message"]
    assert sandbox.accepted_count == 1


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("{", "JSON object"),
        ("[1]", "JSON object"),
        ({"email": "a@b.c"}, "view=requests"),
        (LINE | {"path": "/_sandbox/events"}, "path"),
        (LINE | {"path": "/events/id/ü"}, "path"),
        (LINE | {"path": "/events/id/a\r\nb"}, "path"),
        (LINE | {"headers": {}}, "headers"),
        (LINE | {"headers": [["a"]]}, "headers"),
        (LINE | {"headers": [["a", "b\r\n"]]}, "headers"),
        (LINE | {"headers": [["a", "\u0416"]]}, "headers"),
        (LINE | {"body": None}, "body"),
        (LINE | {"body": "\ud800"}, "body"),
        ({**LINE, "body": None, "body_base64": "?"}, "body"),
        (LINE | {"body": "x" * (2 * 1024 * 1024 + 1)}, "2 MiB"),
    ],
)
def test_a_bad_line_names_its_number_and_nothing_is_replayed(sandbox, client, line, named):
    """Good lines before it are not sent either; blank lines count."""
    text = line if isinstance(line, str) else json.dumps(line)

    answer = client.post(REPLAY, content=f"{json.dumps(LINE)}\n\n{text}\n".encode(), headers=NDJSON)

    assert answer.status_code == 422
    assert answer.json()["message"].startswith("line 3: ")
    assert named in answer.json()["message"]
    assert sandbox.accepted_count == 0


def test_a_thousand_lines_are_the_most(sandbox, client):
    """One more is refused whole."""
    content = f"{json.dumps(LINE)}\n".encode() * 1000

    assert client.post(REPLAY, content=content * 2, headers=NDJSON).status_code == 422
    assert sandbox.accepted_count == 0
    assert client.post(REPLAY, content=content, headers=NDJSON, timeout=30).json()["accepted"] == 1000


def test_replaying_nothing_is_fine(client):
    """A search without a match replays nothing."""
    answer = client.post(REPLAY, json={"q": "nobody"})

    assert answer.json() == {"replayed": 0, "accepted": 0, "refused": 0, "first_sequence": None, "last_sequence": None}


def test_get_does_not_replay(sandbox, client):
    """Only POST sends."""
    post(sandbox, client, 1)

    assert client.get(REPLAY).status_code == 405
    assert sandbox.accepted_count == 1
