"""An outbox in good health: what is put is delivered once, in order, and counted."""

from __future__ import annotations

import asyncio
import contextvars
import logging

import anyio
import pytest
from canaries import assert_silent, own_records
from fakes import AsyncListener, Step, answer, turns

from sendpulse_async import (
    AuthorizedEventSender,
    ClientCredentials,
    ConfigurationError,
    Event,
    InvalidEventError,
    JournalError,
    Outbox,
    OutboxStats,
    OutcomeStatus,
    RejectedError,
)
from sendpulse_async.sandbox import Sandbox

from .stage import BROKEN, REFUSED, TheirSender, event, settled, until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


async def test_events_are_delivered_in_the_order_in_which_they_were_put(stage):
    """One at a time, each once; the numbers rise, and `on_outcome` hears each with its number."""
    most = 0

    def script(number):
        nonlocal most
        most = max(most, stage.transport.running)
        return answer()

    stage.script = script
    async with stage.outbox() as outbox:
        numbers = [await outbox.put(event(number)) for number in range(20)]
        stats = await settled(outbox)

    assert stage.sent == list(range(20))
    assert most == 1
    assert numbers == sorted(set(numbers))
    assert stats == OutboxStats(put=20, accepted=20)
    assert [(outcome.index, outcome.status) for outcome in stage.listener.outcomes] == [
        (number, OutcomeStatus.ACCEPTED) for number in numbers
    ]


async def test_many_may_put_at_once(stage):
    """Whoever puts at the same time has one opening, one worker, and a number each."""
    outbox = stage.outbox()
    numbers = await asyncio.gather(*[outbox.put(event(number)) for number in range(50)])

    assert await settled(outbox) == OutboxStats(put=50, accepted=50)
    assert sorted(numbers) == sorted(set(numbers))
    assert sorted(stage.sent) == list(range(50))
    await outbox.aclose()


async def test_an_event_may_be_anything_that_a_sender_takes(stage):
    """A mapping, an `Event`, a custom one: it arrives as it would by `send_event`, and the outcome has it."""
    given = [event(0), Event(email="someone@example.com", variables={"n": 1}), Event.custom({"n": 2, "email": 5})]
    async with stage.outbox() as outbox:
        for one in given:
            await outbox.put(one)
        await settled(outbox)

    assert stage.sent == [0, 1, 2]
    assert [outcome.event for outcome in stage.listener.outcomes] == [Event.from_mapping(given[0]), *given[1:]]


@pytest.mark.parametrize(
    "wrong", [{}, {"email": "nobody"}, "text", None, {"email": "canary@example.com", "x": object()}]
)
async def test_a_wrong_event_is_told_at_once(stage, wrong):
    """Nothing is stored, and nothing was opened for it."""
    outbox = stage.outbox()

    with pytest.raises(InvalidEventError) as caught:
        await outbox.put(wrong)

    assert_silent(str(caught.value))
    assert await outbox.stats() == OutboxStats()
    await outbox.aclose()


async def test_a_name_is_the_senders_affair(stage, path):
    """A raw URL takes none, the authorised endpoint needs one; it beats the event's own, in a dead letter too."""
    with pytest.raises(InvalidEventError, match="event_name"):
        await stage.outbox().put(event(0), event_name="order")

    async with (
        Sandbox() as sandbox,
        AuthorizedEventSender(
            ClientCredentials(sandbox.client_id, sandbox.client_secret), base_url=sandbox.origin, rate_limit=None
        ) as sender,
        Outbox(path.with_name("named"), sender) as outbox,
    ):
        with pytest.raises(InvalidEventError, match="event_name"):
            await outbox.put(event(0))
        with pytest.raises(InvalidEventError, match="event_name"):
            await outbox.put(event(0), event_name="")
        await outbox.put(Event.from_mapping(event(1), event_name="own"))
        await outbox.put(Event.from_mapping(event(2), event_name="own"), event_name="call's")
        await settled(outbox)
        assert [(entry.payload["n"], entry.event) for entry in sandbox.events] == [(1, "own"), (2, "call's")]


async def test_a_sender_of_somebody_elses_serves_as_well(path):
    """It is given an `Event`, under the name that the call gave, and what it raises decides."""

    async def script(given):
        if given.variables["n"] == 1:
            raise RejectedError("no")

    sender = TheirSender(script)
    async with Outbox(path, sender) as outbox:
        for number in range(3):
            await outbox.put(event(number), event_name="order")
        stats = await settled(outbox)
        (letter,) = await outbox.dead_letters()

    assert stats == OutboxStats(put=3, accepted=2, rejected=1)
    assert [(seen.variables["n"], seen.event_name) for seen in sender.seen] == [(n, "order") for n in range(3)]
    assert (letter.event_name, letter.reason) == ("order", "no")


# Dead letters


async def test_what_is_given_up_is_a_dead_letter(stage, monkeypatch):
    """A rejection and an unknown end are kept with their reasons; what follows goes on."""
    stage.script = {0: REFUSED, 1: BROKEN, 2: answer()}.get
    outbox = stage.outbox()
    await outbox.open()
    monkeypatch.setattr(outbox._session._delivery._turns, "jitter", lambda: 0.0)
    numbers = [await outbox.put(event(number, secret="canary")) for number in range(3)]
    stats = await settled(outbox)
    letters = await outbox.dead_letters()

    assert stats == OutboxStats(put=3, accepted=1, rejected=1, unknown=1)
    assert stats.dead == 2
    assert [letter.number for letter in letters] == numbers[:2]
    assert [letter.status.value for letter in letters] == ["rejected", "unknown"]
    assert [letter.event.variables["n"] for letter in letters] == [0, 1]
    assert stage.listener.statuses == ["rejected", "unknown", "accepted"]
    assert [letter.reason for letter in letters] == [str(outcome.error) for outcome in stage.listener.outcomes[:2]]
    assert all(letter.at > 1_700_000_000 for letter in letters)
    assert_silent(repr(letters), *[letter.reason for letter in letters])
    assert [letter.number for letter in await outbox.dead_letters(limit=1)] == numbers[:1]
    await outbox.aclose()


async def test_a_dead_letter_may_be_sent_again(stage):
    """By itself or by its number; it counts as put once, and its next outcome is told."""
    stage.script = lambda number: REFUSED
    async with stage.outbox() as outbox:
        first, second = [await outbox.put(event(number)) for number in range(2)]
        await settled(outbox)
        stage.script = lambda number: answer()

        (letter, _) = await outbox.dead_letters()
        await outbox.requeue(letter)
        await outbox.requeue(second)
        stats = await settled(outbox)

        assert stats == OutboxStats(put=2, accepted=2)
        assert await outbox.dead_letters() == []
        for gone in (letter, second, 10**6):
            with pytest.raises(JournalError, match="has no dead letter"):
                await outbox.requeue(gone)

    assert stage.sent == [0, 1, 0, 1]
    assert [outcome.index for outcome in stage.listener.outcomes] == [first, second] * 2


# Hooks


async def test_both_hooks_hear_what_is_on_disk(stage):
    """The sender's and the outbox's: each outcome once, when the counts tell it already; a slow one is waited for."""
    senders, own, counts = AsyncListener(), AsyncListener(), []

    async def hear(outcome):
        counts.append(await outbox.stats())
        await own(outcome)

    stage.sender = stage.sender_on(on_outcome=senders)
    async with stage.outbox(on_outcome=hear) as outbox:
        for number in range(3):
            await outbox.put(event(number))
        await settled(outbox)

    assert senders.statuses == own.statuses == ["accepted"] * 3
    assert [count.accepted for count in counts] == [1, 2, 3]


async def test_a_hook_that_fails_harms_nobody(stage, caplog):
    """Its fault is logged by its kind, and delivery goes on."""

    def fail(outcome):
        raise ValueError("canary")

    async with stage.outbox(on_outcome=fail) as outbox:
        for number in range(2):
            await outbox.put(event(number))
        assert await settled(outbox) == OutboxStats(put=2, accepted=2)

    messages = [record.getMessage() for record in own_records(caplog)]
    assert messages == ["on_outcome raised ValueError; the outcome stands"] * 2


async def test_a_hook_may_put(stage):
    """What follows from an event can be put where its outcome is heard."""

    async def chain(outcome):
        if (number := outcome.event.variables["n"]) < 3:
            await outbox.put(event(number + 1))

    async with stage.outbox(on_outcome=chain) as outbox:
        await outbox.put(event(0))
        await until(lambda: len(stage.sent) == 4)

    assert stage.sent == [0, 1, 2, 3]


async def test_a_callers_context_is_its_own(stage):
    """The worker sees no context variable of whoever happened to put first."""
    variable, seen = contextvars.ContextVar("variable", default="nobody's"), []
    variable.set("a caller's")

    async with stage.outbox(on_outcome=lambda outcome: seen.append(variable.get())) as outbox:
        await outbox.put(event(0))
        await settled(outbox)

    assert seen == ["nobody's"]


# Manners


@pytest.mark.parametrize(
    "make",
    [
        lambda path, sender: Outbox(5, sender),
        lambda path, sender: Outbox("", sender),
        lambda path, sender: Outbox(path, object()),
        lambda path, sender: Outbox(path, sender, max_pending=0),
        lambda path, sender: Outbox(path, sender, max_pending=True),
        lambda path, sender: Outbox(path, sender, on_outcome=5),
        lambda path, sender: Outbox.in_memory(sender, max_pending="5"),
        lambda path, sender: Outbox.in_memory(type(sender)),
    ],
)
async def test_wrong_arguments_are_told_at_once(path, make):
    """When it is made, and without a trace of it."""
    with pytest.raises(ConfigurationError):
        make(path, TheirSender())

    assert not path.exists()


@pytest.mark.parametrize("drain", [-1, float("nan"), "5", True, None])
async def test_wrong_arguments_of_calls_are_told_too(stage, drain):
    """Before anything is done."""
    outbox = stage.outbox()

    with pytest.raises(ConfigurationError, match="drain"):
        await outbox.aclose(drain)
    for limit in (0, 2**63, "5"):
        with pytest.raises(ConfigurationError, match="limit"):
            await outbox.dead_letters(limit)
        with pytest.raises(ConfigurationError, match="letter"):
            await outbox.requeue(limit)


async def test_a_repr_shows_the_path_alone(path):
    """No secret URL is in it."""
    assert repr(Outbox(path, TheirSender())) == f"Outbox({str(path)!r})"
    assert repr(Outbox.in_memory(TheirSender())) == "Outbox.in_memory(…)"


def test_it_is_asyncios(stage):
    """On trio it says so, before it touches anything."""
    outbox = stage.outbox()

    for call in (outbox.open, lambda: outbox.put(event(0)), outbox.stats, outbox.aclose):
        with pytest.raises(ConfigurationError, match="asyncio"):
            anyio.run(call, backend="trio")
    assert stage.path is None or not stage.path.exists()


async def test_an_idle_outbox_leaves_the_loop_alone(stage):
    """Where nothing is pending there is no task; nor is there one after its end."""
    before = asyncio.all_tasks()
    async with stage.outbox() as outbox:
        await outbox.put(event(0))
        await settled(outbox)
        assert asyncio.all_tasks() == before
    assert asyncio.all_tasks() == before


async def test_debug_logs_hold_nothing_of_events(stage, caplog):
    """What an outbox logs in good health is a line for each event, at DEBUG, without a word of it."""
    caplog.set_level(logging.DEBUG)
    async with stage.outbox() as outbox:
        await outbox.put(event(0, secret="canary"))
        await settled(outbox)
        await turns()

    assert own_records(caplog) == []


async def test_an_event_that_is_under_way_may_be_waited_for(stage):
    """`put` returns when its event is stored, however long others are under way."""
    go = asyncio.Event()
    stage.script = lambda number: Step(answer(), after=go)
    async with stage.outbox() as outbox:
        for number in range(3):
            await outbox.put(event(number))
        assert (await outbox.stats()).pending == 3
        go.set()
        assert (await settled(outbox)).accepted == 3
