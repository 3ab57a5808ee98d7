"""Telling the outcomes of a cancelled run: each once, to the end, and never for longer than a second."""

from __future__ import annotations

import time as real_time

import anyio
import pytest

from sendpulse_async import OutcomeStatus, RateLimit, _telling, send_many

from .scripted import FORBIDDEN, TAKEN, ForeignSender, Input, ScriptedTransport, items, sender_on, turns

pytestmark = pytest.mark.anyio


@pytest.fixture
def short_patience(monkeypatch):
    """Let what may take a second take less."""
    monkeypatch.setattr(_telling, "PATIENCE", 0.1)


@pytest.mark.parametrize("step", [TAKEN, FORBIDDEN])
async def test_cancelled_from_the_callback_while_others_wait(step):
    """A callback that cancels the run, be it on the outcome that stops it, leaves no waiting event untold."""
    source, limit = Input(items(20)), RateLimit(per_second=0.001)

    def heard(outcome):
        source.heard(outcome)
        scope.cancel()

    async with sender_on(ScriptedTransport(lambda n: step)) as sender:
        with anyio.CancelScope() as scope:
            await send_many(sender, source, max_in_flight=5, rate_limit=limit, on_outcome=heard)

    source.check()
    assert source.pulled >= 5


async def test_a_callback_under_way_is_finished():
    """An outcome that is being told when the run is cancelled is told to its end, within the second of patience."""
    finished, source = [], Input(items(9))

    async def listen(outcome):
        source.heard(outcome)
        await turns(30)
        finished.append(outcome.index)

    async with sender_on(ScriptedTransport()) as sender:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: send_many(sender, source, max_in_flight=3, on_outcome=listen))
                await turns(15)
                scope.cancel()

    source.check()
    assert sorted(finished) == list(range(source.pulled))


async def test_a_callback_that_fails_does_not_replace_the_cancellation():
    """A callback that raises while the run is cancelled changes nothing: all are told, the cancellation comes out."""
    source = Input(items(9))

    def refuse(outcome):
        source.heard(outcome)
        raise KeyError("no room")

    async with sender_on(ScriptedTransport(travel=lambda n: anyio.sleep_forever())) as sender:
        with anyio.move_on_after(0.05) as scope:
            await send_many(sender, source, max_in_flight=4, on_outcome=refuse)

    source.check()
    assert scope.cancelled_caught


async def test_patience_is_a_second():
    """The outcome of a cancelled event is told in a second at most."""
    assert _telling.PATIENCE == 1.0


@pytest.mark.parametrize("is_own", [False, True])
async def test_a_callback_that_hangs(short_patience, is_own):
    """A callback that hangs holds up a cancelled run for the patience alone, however many events are in flight."""
    source = Input(items(90))

    async def hang(outcome):
        source.heard(outcome)
        await anyio.sleep_forever()

    class Stuck(ForeignSender):
        async def send_event(self, event):
            await anyio.sleep_forever()

    async with sender_on(ScriptedTransport(travel=lambda n: anyio.sleep_forever())) as own:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                sender = own if is_own else Stuck()
                group.start_soon(lambda: send_many(sender, source, max_in_flight=30, on_outcome=hang))
                await turns(20)
                began = real_time.monotonic()
                scope.cancel()

    assert real_time.monotonic() - began < 0.1 + 0.4
    source.check()
    assert source.pulled == 30


async def test_a_sender_callback_that_hangs_does_not_silence_the_runs(short_patience):
    """A sender's own callback that hangs does not keep a cancelled event from the run's `on_outcome`."""
    source = Input(items(9))

    async def hang(outcome):
        await anyio.sleep_forever()

    transport = ScriptedTransport(travel=lambda n: anyio.sleep_forever())
    async with sender_on(transport, on_outcome=hang) as sender:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: send_many(sender, source, max_in_flight=3, on_outcome=source.heard))
                await turns(20)
                scope.cancel()

    source.check()


async def test_cancelled_while_the_sender_tells():
    """A run that is cancelled while a sender's own callback hears of an event tells the run's callback all the same."""
    source = Input(items(9))

    async def listen(outcome):
        await turns(60)

    async with sender_on(ScriptedTransport(), on_outcome=listen) as sender:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: send_many(sender, source, max_in_flight=3, on_outcome=source.heard))
                await turns(30)
                scope.cancel()

    source.check()
    assert [outcome.status for outcome in source.outcomes] == [OutcomeStatus.ACCEPTED] * 3
