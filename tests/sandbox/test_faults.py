"""Faults on a real socket: what the client sees, and what the ledger says."""

from __future__ import annotations

import json
import socket
import threading
import time

import httpx
import pytest

from sendpulse_async._listeners import Listeners
from sendpulse_async.sandbox import Fault
from sendpulse_async.sandbox._faults._board import MAX_WEIGHT, FaultBoard

EMAIL = {"email": "a@b.c"}


def ledger_and_refused(sandbox):
    return len(sandbox.events), len(sandbox.refused)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 422, 425, 429, 307, 301])
def test_a_refusing_status_is_filed_apart(sandbox, client, status):
    """I3: what SendPulse refuses is not in the ledger."""
    sandbox.add_fault(Fault(status=status))

    assert client.post(sandbox.event_url, json=EMAIL).status_code == status

    assert ledger_and_refused(sandbox) == (0, 1)
    assert sandbox.refused[0].status == status


@pytest.mark.parametrize("status", [200, 201, 202, 204, 500, 502, 503, 504, 520])
def test_a_status_that_settles_nothing_stands_in_the_ledger(sandbox, client, status):
    """A success, and a server fault that a proxy may have made up, come after the event was taken."""
    sandbox.add_fault(Fault(status=status))

    answer = client.post(sandbox.event_url, json=EMAIL)

    assert answer.status_code == status
    assert ("<h1>" in answer.text) == (status >= 500)
    assert ledger_and_refused(sandbox) == (1, 0)
    assert sandbox.events[0].status == status


@pytest.mark.parametrize(
    ("fault", "is_taken"),
    [
        (Fault(status=503, retry_after=2), False),
        (Fault(status=503, headers={"Retry-After": "soon"}), False),
        (Fault(status=503, body={"message": "busy", "error_code": 1}), False),
        (Fault(status=503, body="busy"), True),
        (Fault(status=500, body={"error_code": 2020202020}), False),
        (Fault(status=200, body={"error_code": 2020202020}), False),
        (Fault(body={"result": False, "message": "Dublicate data"}), False),
        (Fault(body='{"success": false}'), False),
        (Fault(body={}), True),
        (Fault(body=b"[" * 100_000), True),
        (Fault(status=429, taken=True), True),
        (Fault(status=500, taken=False), False),
        (Fault(drop="reset"), True),
        (Fault(drop="hang", taken=False), False),
    ],
)
def test_whether_an_event_was_taken_follows_from_the_answer(fault, is_taken):
    """The ledger never holds what an honest client may call NOT_SENT or REJECTED, unless told so."""
    assert fault.is_taken is is_taken


def test_a_limit_speaks_sendpulses_words(sandbox, client):
    """A bare 429 has SendPulse's error code, `Retry-After` and more headers where they are given."""
    sandbox.add_fault(Fault(status=429, retry_after=2.5, headers=[("X-Trace", "1")]))

    answer = client.post(sandbox.event_url, json=EMAIL)

    assert answer.json() == {"message": "More than 10 requests per second", "error_code": 2020202020}
    assert (answer.headers["retry-after"], answer.headers["x-trace"]) == ("2.5", "1")
    assert sandbox.refused[0].error_code == 2020202020


@pytest.mark.parametrize(("seconds", "text"), [(2, "2"), (2.0, "2"), (86400 * 365.0, "31536000"), (0, "0")])
def test_whole_seconds_are_written_whole(seconds, text):
    """`Retry-After` is an integer where it can be."""
    assert Fault(status=429, retry_after=seconds).answer.headers == (("retry-after", text),)


@pytest.mark.parametrize(
    ("fault", "content_type", "body"),
    [
        (Fault(body={"result": True}), "application/json", b'{"result": true}'),
        (Fault(body="<p>ü\ud800"), "text/html", "<p>ü?".encode()),
        (Fault(body=b"\xff", headers={"Content-Type": "image/png"}), "image/png", b"\xff"),
        (Fault(status=302, headers={"Location": "http://127.0.0.1:1/"}), None, b""),
        (
            Fault(status=404),
            "application/json",
            b'{"message": "The sandbox was told to answer 404", "error_code": 404}',
        ),
    ],
)
def test_a_body_is_sent_as_given(sandbox, client, fault, content_type, body):
    """An object is JSON, text and bytes are HTML or what the headers say; a redirect has no body."""
    sandbox.add_fault(fault)

    answer = client.post(sandbox.event_url, json=EMAIL)

    assert (answer.headers.get("content-type"), answer.content) == (content_type, body)


@pytest.mark.parametrize(
    ("drop", "error"),
    [("reset", httpx.ReadError), ("close", httpx.RemoteProtocolError), ("cut", httpx.RemoteProtocolError)],
)
def test_a_dropped_connection_comes_after_the_ledger_entry(sandbox, client, drop, error):
    """RST, FIN and a body cut half way: the client learns nothing, the event was taken; the next one passes."""
    sandbox.add_fault(Fault(drop=drop))

    with pytest.raises(error):
        client.post(sandbox.event_url, json=EMAIL)

    assert ledger_and_refused(sandbox) == (1, 0)
    assert sandbox.events[0].status == (200 if drop == "cut" else None)
    assert client.post(sandbox.event_url, json=EMAIL).status_code == 200


def test_a_cut_answer_promises_more_than_it_gives(sandbox):
    """`cut` sends half of the body under the whole body's Content-Length, then FIN."""
    sandbox.add_fault(Fault(drop="cut", status=500, body="0123456789"))
    host, _, port = sandbox.origin.removeprefix("http://").partition(":")
    path = sandbox.event_url.removeprefix(sandbox.origin)

    with socket.create_connection((host, int(port)), timeout=10) as plain:
        body = json.dumps(EMAIL).encode()
        plain.sendall(f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = b"".join(iter(lambda: plain.recv(4096), b""))

    head, _, half = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500 ")
    assert b"content-length: 10" in head
    assert half == b"01234"


def test_a_hanging_answer_never_comes(sandbox, client):
    """`hang` takes the event and stays silent until the client gives up; the sandbox goes on."""
    sandbox.add_fault(Fault(drop="hang"))

    with pytest.raises(httpx.ReadTimeout):
        client.post(sandbox.event_url, json=EMAIL, timeout=0.05)

    assert ledger_and_refused(sandbox) == (1, 0)
    assert client.post(sandbox.event_url, json=EMAIL).status_code == 200


def test_a_delay_comes_between_the_ledger_and_the_answer(sandbox, client):
    """A delayed event is in the ledger before its answer leaves, and then answered as ever."""
    sandbox.add_fault(Fault(delay=0.05))
    begun = time.monotonic()

    answer = client.post(sandbox.event_url, json=EMAIL)

    assert answer.json() == {"result": True}
    assert time.monotonic() - begun >= 0.05
    assert ledger_and_refused(sandbox) == (1, 0)


def test_a_client_that_leaves_during_a_delay_is_let_go(sandbox, client):
    """The rest of the fault is not played to nobody."""
    sandbox.add_fault(Fault(delay=3600, status=500))

    with pytest.raises(httpx.ReadTimeout):
        client.post(sandbox.event_url, json=EMAIL, timeout=0.05)

    assert client.post(sandbox.event_url, json=EMAIL).status_code == 200


@pytest.mark.parametrize("times", [1, 3, None])
def test_a_fault_is_played_as_often_as_told(sandbox, client, times):
    """`times` counts down; None never ends."""
    sandbox.add_fault(Fault(status=429, times=times))

    statuses = [client.post(sandbox.event_url, json=EMAIL).status_code for _ in range(5)]

    assert statuses.count(429) == (times or 5)
    assert statuses == sorted(statuses, reverse=True)


def test_faults_match_door_event_and_address(sandbox, client, by_key):
    """Only the requests that a fault means meet it."""
    sandbox.add_fault(Fault(status=500, door="raw", times=None))
    sandbox.add_fault(Fault(status=502, event="refund", times=None))
    sandbox.add_fault(Fault(status=504, email="x@y.z", times=None))

    def post(path, email):
        return client.post(path, json={"email": email}, headers=by_key).status_code

    assert post(sandbox.event_url, "x@y.z") == 500
    assert post("/events/name/refund", "x@y.z") == 502
    assert post("/events/name/purchase", " x@y.z") == 504
    assert post("/events/name/purchase", "a@b.c") == 200


def test_what_is_refused_anyway_uses_up_no_fault(sandbox, client):
    """A fault waits for a request that would be accepted."""
    sandbox.add_fault(Fault(status=500))

    assert client.post(sandbox.event_url, json={}).status_code == 400
    assert client.post(sandbox.event_url, json=EMAIL).status_code == 500


def test_cleared_faults_are_out_of_play(sandbox, client):
    """`clear_faults` ends them, those for ever included."""
    sandbox.add_fault(Fault(status=500, times=None))

    sandbox.clear_faults()

    assert sandbox.faults == ()
    assert client.post(sandbox.event_url, json=EMAIL).status_code == 200


def test_a_countdown_loses_nothing_under_concurrency(sandbox):
    """Forty requests at once use up exactly the faults that there are."""
    sandbox.add_fault(Fault(status=429, times=17))
    statuses = []

    def post():
        statuses.append(httpx.post(sandbox.event_url, json=EMAIL, trust_env=False).status_code)

    threads = [threading.Thread(target=post) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (statuses.count(429), statuses.count(200)) == (17, 23)
    assert ledger_and_refused(sandbox) == (23, 17)


def test_faults_hold_bodies_of_a_bounded_size():
    """In play the next is refused; of those played out the oldest are forgotten."""
    board, large = FaultBoard(Listeners()), Fault(body=b"x" * (MAX_WEIGHT // 2))
    for _ in range(2):
        board.add(large)
    for one_more in (Fault(body="x"), Fault(status=500, headers={"x": "y"}), Fault(status=500, where="event:x")):
        with pytest.raises(ValueError, match="16 MiB"):
            board.add(one_more)

    for _ in range(3):
        board.take("raw")
        board.add(large)
    assert len(board.in_play) == 2
    assert [placed.id for placed in board.over] == [2, 3]
