"""Lists of requests, narrowed by the search grammar, and one request with all that is said of it."""

from __future__ import annotations

import asyncio
import base64
import threading
import time

import httpx
import pytest

from sendpulse_async.sandbox import Sandbox
from sendpulse_async.sandbox._api import _events
from sendpulse_async.sandbox._api._entries import sift

REQUESTS = "/_sandbox/requests"
LISTS = ("/_sandbox/events", "/_sandbox/refused", REQUESTS)


@pytest.fixture
def filled(sandbox, client):
    """Five requests, of which the second and the fourth are refused."""
    for number in range(1, 6):
        contact = {"email": f"{number}@b.c"} if number % 2 else {}
        client.post(sandbox.event_url, json={**contact, "n": number})
    return client


def sequences(answer, name="requests"):
    return [entry["sequence"] for entry in answer.json()[name]]


@pytest.mark.parametrize(
    ("params", "found", "expected"),
    [
        ({}, 5, [1, 2, 3, 4, 5]),
        ({"limit": 2}, 5, [4, 5]),
        ({"limit": 2, "before": 4}, 3, [2, 3]),
        ({"limit": 2, "after": 1}, 4, [2, 3]),
        ({"after": 0, "before": 3}, 2, [1, 2]),
        ({"after": 5}, 0, []),
        ({"q": "var.n>=3 -is:refused"}, 2, [3, 5]),
        ({"q": "is:refused", "limit": 1}, 2, [4]),
        ({"q": "var.n>1", "email": "3@b.c"}, 1, [3]),
    ],
)
def test_requests_of_both_kinds_are_paged_and_narrowed(filled, params, found, expected):
    """Oldest first; the newest, or with `after` the first; found counts what matches."""
    answer = filled.get(REQUESTS, params=params)

    assert (answer.json()["total"], answer.json()["found"]) == (5, found)
    assert sequences(answer) == expected


def test_events_and_refused_take_the_same_parameters(filled):
    """Each list holds its own kind."""
    assert sequences(filled.get(LISTS[0], params={"q": "var.n>1", "after": 1, "limit": 1}), "events") == [3]
    assert sequences(filled.get(LISTS[1], params={"q": "var.n>2"}), "refused") == [4]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("name", "value"),
    [("q", "colour:red"), ("before", "x"), ("after", "-1"), ("after", "1" * 30), ("limit", "0"), ("view", "odd")],
)
def test_a_wrong_parameter_names_itself(client, path, name, value):
    """422 with the parameter's name, and nothing of it is kept or read as a page."""
    answer = client.get(path, params={name: value})

    assert answer.status_code == answer.json()["error_code"] == 422
    assert answer.json()["message"].startswith(name)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_a_summary_is_one_short_row(filled):
    """It has what a list shows, and no payload."""
    (row,) = filled.get(REQUESTS, params={"view": "summary", "q": "sequence:2"}).json()["requests"]

    assert row.pop("received_at") > 0
    assert row == {
        "sequence": 2,
        "door": "raw",
        "event": None,
        "email": None,
        "phone": None,
        "status": 400,
        "error_code": 8,
        "is_taken": False,
        "size": len(b'{"n":2}'),
        "findings": 1,
        "is_duplicate": False,
    }


def test_one_request_is_shown_with_all_that_is_said_of_it(sandbox, client):
    """Findings, commands that send it again, its duplicates, and its bytes."""
    body = b'{"email": " a@b.c", "x": "\\ud800"}'
    for _ in range(3):
        client.post(sandbox.event_url, content=body)

    answer = client.get(f"{REQUESTS}/2").json()

    assert (answer["sequence"], answer["duplicate_of"], answer["same"]) == (2, 1, [1, 3])
    assert {finding["field"] for finding in answer["findings"]} == {"", "email", "header.content-type"}
    assert answer["curl"].startswith("curl ")
    assert "import httpx" in answer["python"]
    assert base64.b64decode(answer["body_base64"]) == body


@pytest.mark.parametrize(("sequence", "status"), [("9", 404), ("0", 404), ("9" * 5000, 404), ("x", 422), ("²", 422)])
def test_what_is_not_kept_is_not_found(client, sequence, status):
    """404 for a request that is not there, 422 for what is no number."""
    assert client.get(f"{REQUESTS}/{sequence}").status_code == status


def test_markup_stays_json(sandbox, client):
    """An event full of markup is data in an answer that no browser takes for a page."""
    client.post(sandbox.event_url, json={"email": "a@b.c", "x": "</script><script>alert(1)</script>"})

    answer = client.get(f"{REQUESTS}/1")

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_row_has_no_text_without_end(sandbox, client):
    """A list of hundreds stays small, whatever is in it; the request itself has all of it."""
    email = f"{'a' * 100_000}@b.c"
    client.post(sandbox.event_url, json={"email": email})

    (row,) = client.get("/_sandbox/requests", params={"view": "summary"}).json()["requests"]

    assert row["email"] == f"{'a' * 200}…"
    assert client.get("/_sandbox/requests/1").json()["email"] == email


@pytest.mark.asyncio
async def test_others_are_served_during_a_search():
    """By time, not by number: a search may look at one request for long."""
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def is_wanted(_):
        ends = time.perf_counter() + 0.02
        while time.perf_counter() < ends:
            pass
        return True

    task = asyncio.create_task(other())
    found = await sift(["a", "b", "c", "d", "e"], is_wanted)
    task.cancel()

    assert found == ["a", "b", "c", "d", "e"]
    assert turns >= 5


def test_a_stop_ends_a_search_without_a_word(monkeypatch, caplog):
    """Whoever searches loses the connection; the log has nothing of it."""
    is_searching = threading.Event()

    async def search_for_ever(*_):
        is_searching.set()
        while True:
            await asyncio.sleep(0)

    monkeypatch.setattr(_events, "sift", search_for_ever)
    lost = []

    def search():
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{sandbox.origin}{REQUESTS}", trust_env=False)
        lost.append(True)

    with Sandbox() as sandbox:
        client = threading.Thread(target=search)
        client.start()
        assert is_searching.wait(20)
    client.join(20)

    assert lost == [True]
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []
