"""Hooks hear of each attempt, pause, token, outcome and run; what they do changes nothing, and the counts balance."""

from __future__ import annotations

import logging

import anyio
import pytest
from canaries import assert_silent, own_records
from fakes import (
    LOST,
    NO_CONNECTION,
    OVER_QUOTA,
    SILENCE,
    SILENCE_BEFORE,
    TAKEN,
    ScriptedTransport,
    Step,
    answer,
    backend,
    now,
    put_on_virtual_time,
    silence_after,
    turns,
)

from sendpulse_async import (
    ApiKey,
    AuthorizedEventSender,
    ClientCredentials,
    ConfigurationError,
    Event,
    Hooks,
    InvalidEventError,
    Outbox,
    Quota,
    RateLimit,
    RawEventSender,
    RetryPolicy,
    SenderStats,
    SendPulseError,
    send_many,
    stream_many,
)

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

URL = "http://127.0.0.1:9/events/id/canary/1"
EVENT = {"email": "canary@example.com"}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


@pytest.fixture(autouse=True)
def virtual_time(monkeypatch):
    put_on_virtual_time(monkeypatch)


class Heard(Hooks):
    """Keeps all that it hears, in order."""

    def __init__(self):
        self.told = []

    def on_start(self, sending):
        self.told.append(("start", sending))

    def on_attempt(self, attempt, sending):
        self.told.append(("attempt", attempt, sending))

    def on_outcome(self, outcome, sending):
        self.told.append(("outcome", outcome, sending))

    def on_pause(self, pause):
        self.told.append(("pause", pause))

    def on_token(self, request):
        self.told.append(("token", request))

    def on_run(self, run):
        self.told.append(("run", run))

    def on_report(self, report, run):
        self.told.append(("report", report, run))

    @property
    def names(self):
        return [name for name, *_ in self.told]

    def of(self, name):
        return [told for what, told, *_ in self.told if what == name]


class Broken(Hooks):
    """Raises whatever it hears."""

    def _raise(self, *_):
        raise ValueError("canary")

    on_start = on_attempt = on_outcome = on_pause = on_token = on_run = on_report = _raise


@pytest.fixture
def heard():
    return Heard()


def sender_on(*steps, hooks, **options):
    return RawEventSender(
        URL, **{"transport": ScriptedTransport(*steps), "hooks": hooks, "rate_limit": None, **options}
    )


async def sent(sender, event=EVENT, **options):
    """Send an event; return what came of it."""
    try:
        return await sender.send_event(event, **options)
    except SendPulseError as error:
        return error


async def test_an_event_is_told_from_its_start_to_its_outcome(heard):
    """Start, each attempt, outcome: all with one object, which holds nothing of the event but where it goes."""
    retry = RetryPolicy(base_delay=0)
    async with sender_on(answer(503, retry_after=1), NO_CONNECTION, TAKEN, hooks=[heard], retry=retry) as sender:
        receipt = await sender.send_event(EVENT)

    assert heard.names == ["start", "attempt", "attempt", "attempt", "outcome"]
    assert [(one.number, one.status.value, one.status_code) for one in heard.of("attempt")] == [
        (1, "not_sent", 503),
        (2, "not_sent", None),
        (3, "accepted", 200),
    ]
    (outcome,) = heard.of("outcome")
    (sending,) = {told[-1] for told in heard.told}
    assert outcome.receipt is receipt
    assert (sending.index, sending.event_name, sending.scheme, sending.host, sending.port, sending.run) == (
        *(0, None, "http", "127.0.0.1", 9),
        None,
    )
    assert_silent(repr(heard.told))


@pytest.mark.parametrize(
    ("step", "code", "status"),
    [
        (SILENCE, None, "unknown"),
        (SILENCE_BEFORE, None, "not_sent"),
        (silence_after(200), 200, "accepted"),
        (silence_after(400), 400, "rejected"),
    ],
)
@pytest.mark.parametrize("how", ["deadline", "cancelled"])
async def test_an_attempt_that_is_broken_off_is_told(how, step, code, status, heard):
    """By its deadline or its caller: with the seconds that it lasted, and what it means."""
    async with sender_on(step, hooks=[heard], deadline=2.0) as sender:
        with anyio.move_on_after(1.0 if how == "cancelled" else 5.0):
            await sent(sender)

    (attempt,) = heard.of("attempt")
    (outcome,) = heard.of("outcome")
    assert (attempt.number, attempt.status_code, attempt.status.value) == (1, code, status)
    assert attempt.elapsed == pytest.approx(1.0 if how == "cancelled" else 2.0)
    assert outcome.status is attempt.status


async def test_a_fault_of_a_transport_is_told(heard):
    """What raises something else entirely was an attempt too."""

    class Faulty(ScriptedTransport):
        async def send(self, request):
            raise OSError("canary")

    sender = RawEventSender(URL, transport=Faulty(), hooks=[heard], rate_limit=None)
    async with sender:
        with pytest.raises(OSError, match="canary"):
            await sender.send_event(EVENT)

    assert heard.names == ["start", "attempt", "outcome"]
    assert sender.stats() == SenderStats(offered=1, not_sent=1)


async def test_waiting_is_no_part_of_an_attempt(heard):
    """The seconds of an attempt begin when the rate limit has let it go."""
    travel = Step(answer(), seconds=0.25)
    async with sender_on(travel, hooks=[heard], rate_limit=RateLimit(per_second=0.1)) as sender:
        for _ in range(2):
            await sent(sender)

    assert [attempt.elapsed for attempt in heard.of("attempt")] == pytest.approx([0.25, 0.25])
    assert now() >= 10


@pytest.mark.parametrize("event", [{}, {"email": 5}, "no mapping", Event(email="a@example.com", event_name="order")])
async def test_what_never_sets_out_has_its_outcome(event, heard):
    """A wrong event: no attempt, one outcome."""
    async with sender_on(TAKEN, hooks=[heard]) as sender:
        await sent(sender, event)

    assert heard.names == ["start", "outcome"]
    assert sender.stats() == SenderStats(offered=1, rejected=1)


async def test_a_pause_is_told_once(heard):
    """To the sender whose request met it, with its length; what was under way together meets one pause."""
    quota = Quota(None, clock=now)
    sender = sender_on(*[Step(OVER_QUOTA, seconds=0.1)] * 3, TAKEN, hooks=[heard], rate_limit=quota)
    async with sender, anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(sent, sender)

    assert [pause.seconds for pause in heard.of("pause")] == [1.0]


async def test_tokens_are_told_and_not_shown(heard):
    """One request that failed, one that brought a token: what came of each, and no word of the token."""
    refused, granted = (
        answer(500),
        answer(body=b'{"access_token": "canary", "token_type": "Bearer", "expires_in": 3600}'),
    )
    transport = ScriptedTransport(refused, Step(granted, seconds=0.5), TAKEN)
    sender = AuthorizedEventSender(
        ClientCredentials("id", "canary"),
        event_name="order",
        base_url="http://127.0.0.1:9",
        transport=transport,
        hooks=[heard],
    )
    async with sender:
        await sender.send_event(EVENT)

    failed, brought = heard.of("token")
    assert (failed.error.status_code, brought.error, brought.elapsed) == (500, None, pytest.approx(0.5))
    assert heard.told[0][1].event_name == "order"
    assert_silent(repr(heard.told))


async def test_a_run_is_told_with_its_events(heard):
    """Its beginning, each event with the run that it is a part of, and its report, whatever the run does."""
    async with sender_on(TAKEN, answer(400), hooks=[heard]) as sender:
        report = await send_many(sender, [EVENT, EVENT, {}], max_in_flight=1)

    (run,) = heard.of("run")
    assert (heard.names[0], heard.names[-1], run.max_in_flight) == ("run", "report", 1)
    assert {told[-1].run for told in heard.told[1:-1]} == {run}
    (told,) = heard.of("report")
    assert (told.total, told.accepted, told.rejected) == (report.total, report.accepted, report.rejected) == (3, 1, 2)
    assert sender.stats() == SenderStats(offered=3, accepted=1, rejected=2)


async def test_a_run_that_breaks_off_has_its_report(heard):
    """An input that raises, and a consumer that leaves."""

    def events():
        yield EVENT
        raise OSError("the input")

    async with sender_on(*[TAKEN] * 9, hooks=[heard]) as sender:
        with pytest.raises(OSError, match="the input"):
            await send_many(sender, events())
        async with stream_many(sender, [EVENT] * 5, max_in_flight=2) as outcomes:
            await anext(outcomes)

    assert heard.of("report")[0].total == 1
    assert heard.names.count("run") == heard.names.count("report") == 2
    assert heard.names.count("start") == heard.names.count("outcome")
    assert sender.stats().pending == 0


async def test_an_event_that_is_put_back_is_one_event(heard):
    """A pause that is longer than the deadline: it is tried again with its attempts counted on, and told once."""
    refusal = answer(429, retry_after=60)
    async with sender_on(refusal, TAKEN, hooks=[heard], deadline=5.0) as sender:
        report = await send_many(sender, [EVENT])

    assert heard.names == ["run", "start", "pause", "attempt", "attempt", "outcome", "report"]
    assert [attempt.number for attempt in heard.of("attempt")] == [1, 2]
    assert report.accepted == 1
    assert sender.stats() == SenderStats(offered=1, accepted=1)


async def test_hooks_that_raise_change_nothing(heard, caplog):
    """Each outcome, and each other hook, is what it would be; the log says so without the fault's text."""
    async with sender_on(OVER_QUOTA, TAKEN, LOST, hooks=[Broken(), heard]) as sender:
        report = await send_many(sender, [EVENT, EVENT], max_in_flight=1)

    assert (report.accepted, report.unknown) == (1, 1)
    assert heard.names.count("outcome") == 2
    errors = {record.getMessage() for record in own_records(caplog) if record.levelno == logging.ERROR}
    assert errors == {"a method of the hooks Broken raised ValueError; nothing else changes"}


@pytest.mark.parametrize("hooks", [Heard(), [object()], "hooks", None, {Heard()}])
def test_what_is_no_list_of_hooks_is_refused(hooks):
    """The error names the keyword, and what it takes."""
    with pytest.raises(
        ConfigurationError, match=r"hooks must be a list of Hooks objects, as in hooks=\[Telemetry\(\)\]"
    ):
        RawEventSender(URL, hooks=hooks)


def test_an_async_hook_is_refused():
    """Nobody would await it: the error names it, and where to go."""

    class Waiting(Hooks):
        async def on_pause(self, pause):
            raise AssertionError

    with pytest.raises(ConfigurationError, match=r"hooks: on_pause of Waiting is async, .* on_outcome="):
        RawEventSender(URL, hooks=[Heard(), Waiting()])


@pytest.mark.parametrize("name", ["two\nlines", 5, " "])
async def test_a_name_that_cannot_be_sent_is_told_to_nobody(name, heard):
    """It might be anything."""
    sender = AuthorizedEventSender(ApiKey("sp_apikey_canary"), transport=ScriptedTransport(TAKEN), hooks=[heard])
    async with sender:
        with pytest.raises(InvalidEventError):
            await sender.send_event(EVENT, event_name=name)

    assert [told[-1].event_name for told in heard.told] == [None, None]


async def test_hooks_hear_of_an_outcome_before_on_outcome_does(heard):
    """So that what it looks up of the hooks is there."""
    seen = []
    async with sender_on(TAKEN, hooks=[heard], on_outcome=lambda _: seen.append(list(heard.names))) as sender:
        await sender.send_event(EVENT)

    assert seen == [["start", "attempt", "outcome"]]


async def test_an_interrupt_leaves_its_event_pending():
    """Of a program that ends in the middle nobody learns what came of its event."""

    def interrupt(_):
        raise KeyboardInterrupt

    async with sender_on(interrupt, hooks=[]) as sender:
        with pytest.raises(KeyboardInterrupt):
            await sender.send_event(EVENT)

    assert sender.stats() == SenderStats(offered=1, pending=1)


async def test_the_counts_balance_at_any_moment():
    """Offered is what came of the events, and those that are on their way."""
    gate = anyio.Event()
    steps = [TAKEN, answer(400), LOST, NO_CONNECTION, Step(answer(), after=gate)]
    sender = sender_on(*steps, hooks=[], retry=RetryPolicy(max_attempts=1))
    async with sender, anyio.create_task_group() as group:
        for _ in steps:
            group.start_soon(sent, sender)
        await turns(100)
        meanwhile = sender.stats()
        gate.set()

    assert meanwhile == SenderStats(offered=5, accepted=1, rejected=1, not_sent=1, unknown=1, pending=1)
    assert sender.stats() == SenderStats(offered=5, accepted=2, rejected=1, not_sent=1, unknown=1)


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_an_outbox_offers_anew_what_it_tries_again(heard):
    """Each try of an outbox is an event to its sender, and the counts balance."""
    sender = sender_on(NO_CONNECTION, TAKEN, hooks=[heard], retry=RetryPolicy(max_attempts=1))
    async with sender, Outbox.in_memory(sender) as outbox:
        await outbox.put(EVENT)
        await outbox.aclose(drain=60)

    assert [outcome.status.value for outcome in heard.of("outcome")] == ["not_sent", "accepted"]
    assert sender.stats() == SenderStats(offered=2, accepted=1, not_sent=1)
