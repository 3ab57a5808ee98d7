"""The live stream: complete, resumable, at a bearable pace, and gone with its reader."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import httpx
import pytest

from sendpulse_async.sandbox import Fault, Sandbox, Switches
from sendpulse_async.sandbox._ledger import MAX_ENTRIES, MAX_WEIGHT

from .stage import listeners, until
from .stage import raw_entry as entry

STREAM = "/_sandbox/stream"
EMAIL = {"email": "a@b.c"}


@pytest.fixture
def plain(sandbox):
    return httpx.AsyncClient(base_url=sandbox.origin, trust_env=False, timeout=30)


@contextlib.asynccontextmanager
async def opened(plain, path=STREAM, **options):
    """Yield the messages of a stream as `(id, event, data)`; they end after ten seconds."""
    async with asyncio.timeout(20), plain.stream("GET", path, **options) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield messages(answer)


async def messages(answer):
    fields = {}
    async for line in answer.aiter_lines():
        name, _, text = line.partition(": ")
        if line:
            fields[name] = text
        elif "event" in fields:
            yield fields["id"], fields["event"], json.loads(fields["data"])
            fields = {}


async def next_of(stream, *wanted):
    async for number, event, data in stream:
        if event in wanted:
            return number, event, data
    raise AssertionError("the stream ended")


async def rows_until(stream, last):
    rows, skipped = [], 0
    while not rows or rows[-1] < last:
        _, _, data = await next_of(stream, "requests")
        assert len(data["requests"]) <= 200
        rows += [row["sequence"] for row in data["requests"]]
        skipped += data["skipped"]
    return rows, skipped


def fill(sandbox, first, last, **changes):
    for number in range(first, last + 1):
        assert sandbox._state.ledger.next_sequence() == number
        sandbox._state.ledger.add(entry(sequence=number, payload={"email": "a@b.c", "n": number}, **changes))


@pytest.mark.asyncio
async def test_events_arrive_as_they_come(sandbox, plain):
    """First who this is, then each request as a row, and the counts."""
    async with plain, opened(plain) as stream:
        _, event, hello = await anext(stream)
        await plain.post(sandbox.event_url, json=EMAIL)
        number, _, data = await next_of(stream, "requests")
        _, _, stats = await next_of(stream, "stats")
        while stats["accepted"] == 0:
            _, _, stats = await next_of(stream, "stats")

    assert (event, hello["last_sequence"]) == ("hello", 0)
    assert number == f"{hello['instance']}-1"
    assert data["skipped"] == 0
    assert [(row["sequence"], row["email"]) for row in data["requests"]] == [(1, "a@b.c")]
    assert (stats["accepted"], stats["instance"]) == (1, hello["instance"])


@pytest.mark.asyncio
async def test_nothing_is_lost_to_one_who_comes_back(sandbox, plain):
    """`Last-Event-ID` and `after` go on where the reader was, in messages of up to 200 rows."""
    fill(sandbox, 1, 450)
    async with plain:
        async with opened(plain) as stream:
            _, _, hello = await anext(stream)
        async with opened(plain, headers={"Last-Event-ID": f"{hello['instance']}-10"}) as stream:
            by_id = await rows_until(stream, 450)
        async with opened(plain, params={"after": 440}) as stream:
            by_after = await rows_until(stream, 450)

    assert by_id == (list(range(11, 451)), 0)
    assert by_after == (list(range(441, 451)), 0)


@pytest.mark.asyncio
async def test_what_fell_out_of_the_ledger_is_told(sandbox, plain):
    """A reader that was away too long learns how many rows it missed."""
    fill(sandbox, 1, MAX_ENTRIES + 150)
    async with plain, opened(plain, params={"after": 50}) as stream:
        _, _, data = await next_of(stream, "requests")

    assert data["skipped"] == 100
    assert data["requests"][0]["sequence"] == 151


@pytest.mark.asyncio
async def test_another_sandboxes_place_means_a_new_start(sandbox, plain):
    """An id of another instance, or one that is none, is answered with `reset`."""
    fill(sandbox, 1, 3)
    async with plain:
        for foreign in ("0123456789abcdef-2", "rubbish", "-1"):
            async with opened(plain, headers={"Last-Event-ID": foreign}) as stream:
                _, event, data = await anext(stream)
                _, then, hello = await anext(stream)
            assert (event, then) == ("reset", "hello")
            assert data["instance"] == hello["instance"]


@pytest.mark.asyncio
async def test_a_search_narrows_the_rows(sandbox, plain):
    """Only what matches is sent; what does not match is not called skipped."""
    fill(sandbox, 1, 300)
    async with plain, opened(plain, params={"after": 0, "q": "var.n>=299"}) as stream:
        _, _, data = await next_of(stream, "requests")

    assert [row["sequence"] for row in data["requests"]] == [299, 300]
    assert data["skipped"] == 0


@pytest.mark.asyncio
async def test_a_clear_and_new_faults_and_switches_are_told(sandbox, plain):
    """The reader looks again; what was cleared is not called skipped."""
    fill(sandbox, 1, 3)
    async with plain, opened(plain) as stream:
        await anext(stream)
        sandbox.add_fault(Fault(status=500))
        assert (await next_of(stream, "faults"))[2] == {}
        sandbox._state.switches = Switches(refuse_duplicates=True)
        sandbox._state.listeners.notify()
        assert (await next_of(stream, "switches"))[2] == {}
        fill(sandbox, 4, 5)
        await next_of(stream, "requests")
        sandbox.clear()
        fill(sandbox, 6, 6)
        _, event, _ = await next_of(stream, "cleared")
        _, _, data = await next_of(stream, "requests")

    assert event == "cleared"
    assert ([row["sequence"] for row in data["requests"]], data["skipped"]) == ([6], 0)


@pytest.mark.asyncio
async def test_a_flood_comes_in_few_messages(sandbox, plain):
    """About ten a second, whatever arrives: what came meanwhile travels together."""
    async with plain, opened(plain) as stream:
        await anext(stream)
        begun, count = time.monotonic(), 0
        posting = asyncio.create_task(post_for(plain, sandbox, seconds=1.0))
        last = 0
        while not (posting.done() and last == sandbox._state.ledger.last_sequence):
            _, event, data = await anext(stream)
            count += 1
            last = data["requests"][-1]["sequence"] if event == "requests" else last
        elapsed = time.monotonic() - begun

    assert last > 20
    # Counts come with the rows, once a second.
    assert count <= 11 * elapsed + 4


async def post_for(plain, sandbox, *, seconds):
    until_then = time.monotonic() + seconds
    while time.monotonic() < until_then:
        await plain.post(sandbox.event_url, json=EMAIL)


@pytest.mark.asyncio
async def test_markup_and_line_breaks_stay_in_their_message(sandbox, plain):
    """No event can end its message early, or spell another."""
    async with plain, opened(plain) as stream:
        await anext(stream)
        hostile = "a\n\nevent: cleared\ndata: {}\n\n\u2028</script>@b.c"
        await plain.post(sandbox.event_url, json={"email": hostile})
        _, _, data = await next_of(stream, "requests", "cleared")

    assert data["requests"][0]["email"] == hostile


@pytest.mark.asyncio
async def test_a_reader_that_leaves_leaves_nothing_behind(sandbox, plain):
    """Its listener goes with it."""
    async with plain:
        async with opened(plain) as stream:
            await anext(stream)
            assert len(listeners(sandbox)) == 1
        await until(lambda: not listeners(sandbox))


@pytest.mark.asyncio
async def test_a_sandbox_that_stops_ends_its_streams_at_once():
    """Leaving takes less than a second with readers connected, slow ones too, and no listener stays."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as plain, contextlib.AsyncExitStack() as stack:
        async with Sandbox() as sandbox:
            fill(sandbox, 1, MAX_ENTRIES)
            for _ in range(5):
                answer = await stack.enter_async_context(
                    plain.stream("GET", f"{sandbox.origin}{STREAM}", params={"after": 0})
                )
                assert answer.status_code == 200
            begun = time.monotonic()

        assert time.monotonic() - begun < 1
        assert listeners(sandbox) == ()


@pytest.mark.parametrize(("name", "value"), [("q", "colour:red"), ("after", "x")])
def test_a_wrong_parameter_names_itself(client, name, value):
    """422 before any stream begins."""
    answer = client.get(STREAM, params={name: value})

    assert answer.status_code == 422
    assert answer.json()["message"].startswith(name)


@pytest.mark.asyncio
async def test_a_quiet_stream_shows_that_it_lives(plain, monkeypatch):
    """A comment line comes now and then, so that nobody between takes the connection for dead."""
    monkeypatch.setattr("sendpulse_async.sandbox._api._stream._QUIET", 0.05)
    async with plain, asyncio.timeout(20), plain.stream("GET", STREAM) as answer:
        comments = 0
        async for line in answer.aiter_lines():
            comments += line.startswith(":")
            if comments == 2:
                break


@pytest.mark.asyncio
async def test_a_request_that_could_not_be_kept_holds_nobody_up(sandbox, plain):
    """One that outweighs the ledger is told as skipped, and the stream goes on."""
    async with plain, opened(plain) as stream:
        await anext(stream)
        fill(sandbox, 1, 1, body=bytes(MAX_WEIGHT))
        _, _, missed = await next_of(stream, "requests")
        fill(sandbox, 2, 2)
        _, _, data = await next_of(stream, "requests")

    assert (missed["requests"], missed["skipped"]) == ([], 1)
    assert ([row["sequence"] for row in data["requests"]], data["skipped"]) == ([2], 0)


@pytest.mark.asyncio
async def test_counts_come_while_rows_pile_up(sandbox, plain):
    """A reader that is far behind learns the counts all the same, once a second."""
    fill(sandbox, 1, 5000)
    async with plain, opened(plain, params={"after": 0}) as stream:
        seen = [(await next_of(stream, "stats", "requests"))[1] for _ in range(27)]

    assert seen.count("stats") >= 2


def test_a_look_at_its_headers_ends(client):
    """HEAD is answered at once, and its connection takes the next request."""
    assert client.head(STREAM).headers["content-type"].startswith("text/event-stream")
    assert client.get("/_sandbox/stats").status_code == 200
