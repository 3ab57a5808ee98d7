"""A wait for events: over as soon as they are there, and no later than told."""

from __future__ import annotations

import asyncio
import gc
import time

import httpx
import pytest

from sendpulse_async.sandbox import Sandbox
from sendpulse_async.sandbox._ledger import MAX_WEIGHT, LedgerEntry

from .stage import listeners, until
from .stage import raw_entry as entry

WAIT = "/_sandbox/wait"


@pytest.fixture
def plain(sandbox):
    return httpx.AsyncClient(base_url=sandbox.origin, trust_env=False, timeout=30)


@pytest.mark.asyncio
async def test_it_answers_once_enough_events_match(sandbox, plain):
    """Those that were there count, refused ones and others do not."""
    async with plain:
        await plain.post(sandbox.event_url, json={"email": "a@b.c", "n": 1})
        params = {"q": "var.n>0", "count": 2, "timeout": 30}
        waiting = asyncio.create_task(plain.get(WAIT, params=params))
        await until(lambda: listeners(sandbox))
        for payload in ({"n": 2}, {"email": "a@b.c", "n": 0}):
            await plain.post(sandbox.event_url, json=payload)
        assert not waiting.done()

        await plain.post(sandbox.event_url, json={"email": "a@b.c", "n": 3})
        answer = await waiting

    assert answer.status_code == 200
    assert answer.json()["found"] == 2
    assert [event["payload"]["n"] for event in answer.json()["events"]] == [1, 3]
    assert listeners(sandbox) == ()


@pytest.mark.asyncio
async def test_it_gives_up_in_time_with_what_came(sandbox, plain):
    """404 says how many there were; `after` leaves out the earlier ones."""
    async with plain:
        for _ in range(2):
            await plain.post(sandbox.event_url, json={"email": "a@b.c"})

        answer = await plain.get(WAIT, params={"after": 1, "count": 2, "timeout": 0.05})

    assert answer.status_code == 404
    assert (answer.json()["found"], len(answer.json()["events"])) == (1, 1)
    assert "1 of 2" in answer.json()["message"]
    assert listeners(sandbox) == ()


def test_no_time_is_a_look(sandbox, client):
    """With a timeout of 0 it tells what is there."""
    assert client.get(WAIT, params={"timeout": 0}).status_code == 404
    client.post(sandbox.event_url, json={"email": "a@b.c"})
    assert client.get(WAIT, params={"timeout": 0}).json()["found"] == 1


@pytest.mark.asyncio
async def test_what_was_cleared_meanwhile_does_not_count(sandbox, plain):
    """A ledger that starts anew is waited for anew."""
    async with plain:
        await plain.post(sandbox.event_url, json={"email": "a@b.c"})
        waiting = asyncio.create_task(plain.get(WAIT, params={"count": 2, "timeout": 30}))
        await until(lambda: listeners(sandbox))
        sandbox.clear()
        for _ in range(2):
            await plain.post(sandbox.event_url, json={"email": "a@b.c"})

        answer = await waiting

    assert [event["sequence"] for event in answer.json()["events"]] == [2, 3]


@pytest.mark.asyncio
async def test_a_client_that_leaves_leaves_nothing_behind(sandbox, plain):
    """Its listener goes with it, long before the time is over."""
    async with plain:
        waiting = asyncio.create_task(plain.get(WAIT, params={"timeout": 60}))
        await until(lambda: listeners(sandbox))

        waiting.cancel()
        await until(lambda: not listeners(sandbox))


@pytest.mark.asyncio
async def test_a_sandbox_that_stops_waits_for_nobody():
    """Leaving takes no part of the 60 seconds."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as plain:
        async with Sandbox() as sandbox:
            waiting = asyncio.create_task(plain.get(f"{sandbox.origin}{WAIT}", params={"timeout": 60}))
            await until(lambda: listeners(sandbox))
            begun = time.monotonic()

        assert time.monotonic() - begun < 1
        with pytest.raises(httpx.TransportError):
            await waiting
    assert listeners(sandbox) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [("timeout", "61"), ("timeout", "nan"), ("timeout", "-1"), ("count", "0"), ("q", '"'), ("after", "x")],
)
def test_a_wrong_parameter_names_itself(client, name, value):
    """422 at once."""
    answer = client.get(WAIT, params={name: value})

    assert answer.status_code == 422
    assert answer.json()["message"].startswith(name)


@pytest.mark.asyncio
async def test_what_the_ledger_dropped_counts_and_is_not_kept(sandbox, plain):
    """A long wait for many large events holds no more of them than the ledger does."""
    ledger, large = sandbox._state.ledger, b"x" * (MAX_WEIGHT // 2)
    async with plain:
        waiting = asyncio.create_task(plain.get(WAIT, params={"count": 4, "timeout": 60}))
        await until(lambda: listeners(sandbox))
        for _ in range(3):
            ledger.add(entry(sequence=ledger.next_sequence(), body=large))
            # The wait has seen it once the server, whose loop it shares, has answered twice.
            for _ in range(2):
                await plain.get("/_sandbox/stats")
        gc.collect()
        held = [one.sequence for one in gc.get_objects() if isinstance(one, LedgerEntry) and one.body is large]
        assert not waiting.done()

        ledger.add(entry(sequence=ledger.next_sequence()))
        answer = await waiting

    assert held == [3]
    assert answer.status_code == 200
    assert answer.json()["found"] == 4
    assert [event["sequence"] for event in answer.json()["events"]] == [3, 4]
