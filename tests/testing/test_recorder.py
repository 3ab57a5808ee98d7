"""A recorder stands wherever a sender does, checks as one does, and keeps what it was given."""

from __future__ import annotations

import warnings

import anyio
import anyio.to_thread
import pytest

from sendpulse_async import (
    ApiKey,
    AuthenticationError,
    AuthorizedEventSender,
    BodyFormat,
    ConfigurationError,
    Event,
    EventSender,
    InvalidEventError,
    Journal,
    JournalError,
    NotSentError,
    Outbox,
    OutcomeStatus,
    RateLimitedError,
    RawEventSender,
    RejectedError,
    UnknownDeliveryError,
    send_many,
    stream_many,
)
from sendpulse_async.sandbox import Sandbox
from sendpulse_async.testing import RecordedEvent, Recorder

pytestmark = pytest.mark.anyio

ANA = {"email": "ana@b.c", "total": 10}


async def test_it_keeps_what_it_was_given():
    """Each event with its name, its payload and its contacts; the receipt is a real one's."""
    async with Recorder(event_name="purchase") as recorder:
        receipt = await recorder.send_event(ANA, deadline=5)
        await recorder.send_event(Event(phone="+100", event_name="registered"))
        await recorder.send_event(Event.custom({"mail": ["ana@b.c"]}), event_name="left a cart/100 %")

    assert isinstance(recorder, EventSender)
    assert (receipt.status_code, receipt.attempts, receipt.confirmed) == (200, 1, True)
    assert receipt.body == b'{"result": true}'
    one, two, three = recorder.events
    assert one == RecordedEvent(
        sequence=1, event=Event.from_mapping(ANA), event_name="purchase", payload=ANA, email="ana@b.c", phone=None
    )
    assert (two.sequence, two.event_name, two.email, two.phone) == (2, "registered", None, "+100")
    assert (three.event_name, three.payload) == ("left a cart/100 %", {"mail": ["ana@b.c"]})


async def test_it_keeps_what_was_given_then():
    """What the caller changes afterwards changes nothing of it."""
    given = {"email": "ana@b.c", "products": [{"name": "tea"}]}
    recorder = Recorder(event_name="purchase")

    await recorder.send_event(given)
    given["products"][0]["name"] = "coffee"

    recorder.assert_sent(variables={"products": [{"name": "tea"}]})


async def test_a_repr_shows_no_payload():
    """A test that fails, and its log, show no address and no variable of an event unless they are asked for."""
    recorder = Recorder(event_name="purchase")

    await recorder.send_event(ANA)

    assert "ana@b.c" not in repr(recorder.events)
    assert "purchase" in repr(recorder.events)
    assert repr(recorder) == "Recorder(<1 event>)"


WRONG = [
    ({}, {}),
    ({"email": "nobody"}, {}),
    ({"email": 5, "phone": "x", "at": object()}, {}),
    ("text", {}),
    (ANA, {"event_name": " "}),
    (ANA, {"event_name": "a\n"}),
    (ANA, {"event_name": 5}),
    (Event(email="ana@b.c", event_name=".."), {}),
    (ANA, {"deadline": 0}),
]


@pytest.mark.parametrize(("event", "options"), WRONG)
@pytest.mark.parametrize("is_raw", [False, True])
async def test_a_wrong_event_is_refused_as_by_a_real_sender(event, options, is_raw):
    """The same error with the same problems, and nothing is kept."""
    recorder = Recorder(is_raw=is_raw)
    with Sandbox() as sandbox:
        real = (
            RawEventSender(sandbox.event_url)
            if is_raw
            else AuthorizedEventSender(ApiKey(sandbox.api_key), base_url=sandbox.origin)
        )
        async with real:
            with pytest.raises((InvalidEventError, ConfigurationError)) as theirs:
                await real.send_event(event, **options)

    with pytest.raises((InvalidEventError, ConfigurationError)) as ours:
        await recorder.send_event(event, **options)

    assert (type(ours.value), str(ours.value)) == (type(theirs.value), str(theirs.value))
    assert recorder.attempts == ()


async def test_by_name_an_event_needs_one():
    """As with `AuthorizedEventSender`: the call's beats the event's, which beats the recorder's."""
    recorder = Recorder()

    with pytest.raises(InvalidEventError, match="none was given by the call, the event or the sender"):
        await recorder.send_event(ANA)
    await recorder.send_event(Event(email="ana@b.c", event_name="one"), event_name="two")

    assert [one.event_name for one in recorder.events] == ["two"]


async def test_a_raw_one_takes_no_name():
    """As with `RawEventSender`: its URL would name the event."""
    recorder = Recorder(is_raw=True)

    for event, name in ((ANA, "purchase"), (Event(email="ana@b.c", event_name="purchase"), None)):
        with pytest.raises(InvalidEventError, match="a raw event URL names its event already"):
            await recorder.send_event(event, event_name=name)
    await recorder.send_event(ANA)

    assert [one.event_name for one in recorder.events] == [None]
    with pytest.raises(AssertionError, match="the raw door knows no names"):
        recorder.assert_sent("purchase")


async def test_a_form_refuses_what_it_cannot_carry():
    """A variable whose name has a bracket cannot stand in a form, and can in JSON."""
    event = {"email": "ana@b.c", "a[b]": 1}

    await Recorder(is_raw=True).send_event(event)
    with pytest.raises(InvalidEventError, match="bracket"):
        await Recorder(is_raw=True, body_format=BodyFormat.URLENCODED).send_event(event)


@pytest.mark.parametrize(
    "options",
    [
        {"is_raw": True, "event_name": "purchase"},
        {"body_format": BodyFormat.FORM_DATA},
        {"event_name": ".."},
        {"on_outcome": 5},
    ],
)
async def test_a_wrong_setting_is_refused(options):
    """A recorder that could not stand for any sender is none."""
    with pytest.raises(ConfigurationError):
        Recorder(**options)


async def test_it_fails_as_often_as_it_is_told():
    """One error after the other, each as often as asked for; then events are accepted again."""
    recorder = Recorder(event_name="purchase")
    recorder.fail_with(RateLimitedError("later", retry_after=5.0), times=2)
    recorder.fail_with(RejectedError("no", status_code=422))
    met = []

    for number in range(4):
        try:
            await recorder.send_event({**ANA, "n": number})
        except (RateLimitedError, RejectedError) as error:
            met.append(error)

    assert [type(error) for error in met] == [RateLimitedError, RateLimitedError, RejectedError]
    assert met[0] is not met[1]
    assert (met[1].retry_after, met[1].attempts, met[2].status_code) == (5.0, 1, 422)
    assert [one.payload["n"] for one in recorder.events] == [3]
    assert [one.error for one in recorder.attempts] == [*met, None]


async def test_a_wrong_event_uses_up_no_error():
    """Only what passes the checks meets an error: a real sender would have sent nothing."""
    recorder = Recorder(event_name="purchase")
    recorder.fail_with(NotSentError("down"))

    with pytest.raises(InvalidEventError):
        await recorder.send_event({})
    with pytest.raises(NotSentError):
        await recorder.send_event(ANA)

    assert len(recorder.attempts) == 1


async def test_what_is_unknown_is_an_attempt_and_no_event():
    """Nobody was told that it was taken, so `events` does not have it; `attempts` has, with its error."""
    recorder = Recorder(event_name="purchase")
    recorder.fail_with(UnknownDeliveryError("no answer"), times=None)

    for _ in range(2):
        with pytest.raises(UnknownDeliveryError):
            await recorder.send_event(ANA)

    assert recorder.events == ()
    assert [type(one.error) for one in recorder.attempts] == [UnknownDeliveryError] * 2
    recorder.assert_nothing_sent()
    with pytest.raises(AssertionError) as caught:
        recorder.assert_sent("purchase")
    assert str(caught.value).splitlines() == [
        "expected at least 1 event, but nothing was sent",
        "  event  'purchase'",
        "2 events met an error of fail_with:",
        "  #1  purchase, ana@b.c: UnknownDeliveryError",
        "  #2  purchase, ana@b.c: UnknownDeliveryError",
    ]


@pytest.mark.parametrize(("error", "times"), [(ValueError("x"), 1), (NotSentError, 1), (NotSentError("x"), 0)])
async def test_what_no_sender_raises_is_refused(error, times):
    """`fail_with` takes an error of this library, and a count."""
    with pytest.raises(ConfigurationError):
        Recorder().fail_with(error, times=times)


async def test_an_error_that_is_no_delivery_error_is_raised_too():
    """Such as what an outbox or a journal of the caller's own sender would raise."""
    recorder = Recorder(event_name="purchase")
    recorder.fail_with(JournalError("the disk is full"))

    with pytest.raises(JournalError):
        await recorder.send_event(ANA)


async def test_clear_forgets_events_and_errors():
    """What comes after it starts anew."""
    recorder = Recorder(event_name="purchase")
    await recorder.send_event(ANA)
    recorder.fail_with(NotSentError("down"), times=None)

    recorder.clear()
    recorder.assert_nothing_sent()
    await recorder.send_event(ANA)

    assert [one.sequence for one in recorder.events] == [1]


async def test_a_bulk_run_ends_as_with_a_real_sender(anyio_backend):
    """A bad row is rejected, an error makes an outcome, the rest is kept; each outcome is told once."""
    told = []
    recorder = Recorder(event_name="purchase", on_outcome=told.append)
    recorder.fail_with(UnknownDeliveryError("no answer"))
    rows = [ANA, {"total": 1}, *({"email": f"a{n}@b.c"} for n in range(20))]

    report = await send_many(recorder, rows, max_in_flight=4)

    assert (report.total, report.accepted, report.rejected, report.unknown) == (22, 20, 1, 1)
    assert len(recorder.events) == 20
    assert len(told) == 22


async def test_refused_credentials_stop_a_run():
    """An error of the account ends a bulk run, as it does with a real sender."""
    recorder = Recorder(event_name="purchase")
    recorder.fail_with(AuthenticationError("refused"), times=None)

    report = await send_many(recorder, ({"email": f"a{n}@b.c"} for n in range(50)), max_in_flight=1)

    assert isinstance(report.stopped_because, AuthenticationError)
    assert report.total < 5


async def test_outcomes_stream_and_a_journal_resumes(tmp_path):
    """`stream_many` hands out its outcomes; a second run of a journal sends only what was not sent."""
    rows = [{"email": f"a{n}@b.c"} for n in range(10)]
    first, second = Recorder(event_name="purchase"), Recorder(event_name="purchase")
    first.fail_with(NotSentError("down"), times=3)

    async with stream_many(first, rows, journal=Journal(tmp_path / "j")) as outcomes:
        statuses = [outcome.status async for outcome in outcomes]
    report = await send_many(second, rows, journal=Journal(tmp_path / "j"))

    assert statuses.count(OutcomeStatus.NOT_SENT) == 3
    assert (report.resumed, report.accepted, len(second.events)) == (7, 3, 3)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_outbox_delivers_to_it():
    """What was put arrives, and a passing refusal is tried again."""
    recorder = Recorder(event_name="purchase")

    async with Outbox.in_memory(recorder) as outbox:
        for number in range(5):
            await outbox.put({**ANA, "n": number})
        await recorder.wait_sent("purchase", times=5)

    assert [one.payload["n"] for one in recorder.events] == list(range(5))


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_outbox_checks_what_it_is_given():
    """As with a real sender, an event without a name is refused when it is put, not when it is delivered."""
    async with Outbox.in_memory(Recorder()) as outbox:
        with pytest.raises(InvalidEventError, match="event_name"):
            await outbox.put(ANA)


async def test_a_full_quota_pauses_a_run():
    """An event that is refused for the quota is tried again after the pause, so all are accepted in the end."""
    recorder = Recorder(event_name="purchase")
    recorder.fail_with(RateLimitedError("later", retry_after=0.01), times=2)

    report = await send_many(recorder, [ANA, {"email": "ben@b.c"}])

    assert report.accepted == len(recorder.events) == 2
    assert len(recorder.attempts) == 4


async def test_a_recorder_of_ones_own_is_asked_itself():
    """A subclass that does more in `send_event` does it in a bulk run too."""

    class Counting(Recorder):
        calls = 0

        async def send_event(self, *args, **options):
            self.calls += 1
            return await super().send_event(*args, **options)

    recorder = Counting(event_name="purchase")

    await send_many(recorder, [ANA, ANA])

    assert (recorder.calls, len(recorder.events)) == (2, 2)


async def test_a_closed_one_sends_nothing():
    """A recorder notices a program that goes on with a sender that it closed."""
    async with Recorder(event_name="purchase") as recorder:
        await recorder.send_event(ANA)

    with pytest.raises(NotSentError, match="closed"):
        await recorder.send_event(ANA)
    recorder.assert_sent("purchase", times=1)


async def test_one_that_is_left_open_says_nothing():
    """There is no connection that anybody could forget to close."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recorder = Recorder(event_name="purchase")
        await recorder.send_event(ANA)
        del recorder


async def test_who_is_cancelled_leaves_nothing():
    """An event that was cancelled was not sent."""
    recorder = Recorder(event_name="purchase")

    with anyio.CancelScope() as scope:
        scope.cancel()
        await recorder.send_event(ANA)

    recorder.assert_nothing_sent()


async def test_events_of_background_work_are_waited_for():
    """`wait_sent` returns as soon as they are there, be they sent by a task or by another thread's event loop."""
    recorder = Recorder(event_name="purchase")

    def in_a_thread():
        anyio.run(recorder.send_event, {"email": "ben@b.c"})

    async with anyio.create_task_group() as group:
        group.start_soon(recorder.send_event, ANA)
        group.start_soon(anyio.to_thread.run_sync, in_a_thread)
        (ana,) = await recorder.wait_sent("purchase", email="ana@b.c", timeout=60)
        both = await recorder.wait_sent("purchase", times=2, timeout=60)

    assert ana in both
    assert {one.email for one in both} == {"ana@b.c", "ben@b.c"}


async def test_a_wait_in_vain_says_what_it_waited_for():
    """After its seconds it fails, with the nearest miss."""
    recorder = Recorder(event_name="purchase")
    await recorder.send_event(ANA)

    with pytest.raises(AssertionError) as caught:
        await recorder.wait_sent("purchase", times=2, timeout=0.05)

    assert str(caught.value).splitlines() == [
        "waited 0.05 s: expected exactly 2 events, found 1 among 1",
        "  event  'purchase'",
        "this one matches:",
        "  #1  purchase, ana@b.c  {'total': 10}",
    ]


async def test_too_many_fail_a_wait_at_once():
    """More than asked for never become as many as asked for."""
    recorder = Recorder(event_name="purchase")
    await send_many(recorder, [ANA, ANA])

    with pytest.raises(AssertionError, match=r"^expected exactly 1 event, found 2"):
        await recorder.wait_sent("purchase", times=1, timeout=60)


async def test_a_wait_that_is_cancelled_leaves_no_thread():
    """The thread that it waits in is let go, and nobody is told of further events."""
    recorder = Recorder(event_name="purchase")
    listeners = recorder._memory.listeners

    async with anyio.create_task_group() as group:
        group.start_soon(recorder.wait_sent, "purchase")
        await anyio.wait_all_tasks_blocked()
        (wake,) = listeners._calls
        group.cancel_scope.cancel()

    assert wake.__self__.is_set()
    assert listeners._calls == ()


@pytest.mark.parametrize("options", [{"times": 0}, {"timeout": 0}, {"timeout": float("inf")}, {"timeout": True}])
async def test_a_wait_for_nothing_is_refused(options):
    """Nobody can wait until nothing is sent, nor for ever."""
    with pytest.raises(ValueError, match=next(iter(options))):
        await Recorder().wait_sent("purchase", **options)
