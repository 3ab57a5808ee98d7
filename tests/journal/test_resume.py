"""A run with a journal, and the run after it: what is sent, skipped, reported and refused."""

from __future__ import annotations

import gc
import json
import warnings

import anyio
import pytest
from bulk.scripted import (
    LOST,
    REFUSED,
    TAKEN,
    UNREACHABLE,
    URL,
    ForeignSender,
    ScriptedTransport,
    answer,
    item,
    items,
    sender_on,
)

from sendpulse_async import (
    AuthorizedEventSender,
    ConfigurationError,
    DuplicateEventError,
    Event,
    InvalidEventError,
    Journal,
    JournalError,
    NotSentError,
    OutcomeStatus,
    Quota,
    RawEventSender,
    Receipt,
    RejectedError,
    RetryPolicy,
    UnknownDeliveryError,
    send_many,
    stream_many,
)
from sendpulse_async._bulk import _calls
from sendpulse_async._bulk._resuming import Resuming
from sendpulse_async._journal import EntryState, identify
from sendpulse_async._tokens import ApiKey

from .network import Network
from .resuming import AFTERWARDS, UNAVAILABLE, WRONG, assert_done, named, run

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


async def states(path):
    async with Journal(path) as journal:
        return {entry.position: entry.state async for entry in journal.entries()}


# What a second run does


async def test_a_run_is_not_done_twice(path):
    """All that was accepted is counted as resumed: nothing is sent, nothing is told again."""
    first, sent, _ = await run(Journal(path), items(20))
    second, sent_again, outcomes = await run(Journal(path), items(20))

    assert (first.accepted, first.resumed, len(sent)) == (20, 0, 20)
    assert (second.total, second.resumed, sent_again, outcomes) == (20, 20, [], [])
    second.raise_for_failures()


@pytest.mark.parametrize(("answer", "state", "again"), AFTERWARDS.values(), ids=AFTERWARDS)
async def test_what_each_outcome_means_for_the_next_run(path, answer, state, again):
    """Settled: skipped; safe: sent; in doubt: reported, and sent only where that is asked for."""
    await run(Journal(path), items(1), lambda n: answer)
    assert await states(path) == {0: state}

    assert_done(again, *await run(Journal(path), items(1)))


async def test_doubt_is_reported_in_each_run_until_it_is_sent_again(path):
    """It says what was seen then, and `resend_unknown` ends it."""
    await run(Journal(path), items(3), lambda n: LOST if n == 1 else TAKEN)
    for _ in range(2):
        report, sent, outcomes = await run(Journal(path), items(3))
        assert (report.resumed, report.unknown, sent) == (2, 1, [])
        assert "in an earlier run: sent, but no answer came" in str(outcomes[0].error)

    report, sent, _ = await run(Journal(path), items(3), resend_unknown=True)
    assert (report.accepted, sent) == (1, [1])
    report, sent, _ = await run(Journal(path), items(3), resend_unknown=True)
    assert (report.resumed, sent) == (3, [])


async def test_an_old_doubt_has_its_status(path):
    """What the server said then is told again."""
    await run(Journal(path), items(1), lambda n: answer(502))

    _, _, outcomes = await run(Journal(path), items(1))

    assert outcomes[0].error.status_code == 502


@pytest.mark.parametrize("answer", [UNREACHABLE, REFUSED, LOST], ids=["unreachable", "refused", "lost"])
async def test_only_an_acceptance_ends_a_doubt(path, answer):
    """What a later attempt meets says nothing of the earlier one: the next run must not take it for unsent."""
    await run(Journal(path), items(1), lambda n: LOST)

    report, sent, outcomes = await run(Journal(path), items(1), lambda n: answer, resend_unknown=True)

    assert (report.unknown, sent) == (1, [0])
    assert isinstance(outcomes[0].error, UnknownDeliveryError)
    assert await states(path) == {0: EntryState.UNKNOWN}
    assert (await run(Journal(path), items(1)))[1] == []


async def test_old_doubts_stop_no_run(path):
    """Neither the breaker nor `max_failures` counts what this run did not meet."""
    await run(Journal(path), items(4), lambda n: LOST)

    report, sent, _ = await run(Journal(path), items(20), max_failures=0, max_in_flight=1)

    assert (report.unknown, report.accepted, report.stopped_because) == (4, 16, None)
    assert sent == list(range(4, 20))


async def test_an_intent_without_an_outcome_is_unknown(path):
    """As a crash leaves it: reported, then kept as unknown."""
    async with Journal(path) as journal:
        await leave_intents(journal, 2)
    assert await states(path) == {0: EntryState.INTENT, 1: EntryState.INTENT}

    report, sent, outcomes = await run(Journal(path), items(3))

    assert (report.unknown, report.accepted, sent) == (2, 1, [2])
    told = [str(outcome.error) for outcome in outcomes if outcome.status is OutcomeStatus.UNKNOWN]
    assert all("an earlier run ended when the event may have left" in text for text in told)
    assert await states(path) == {0: EntryState.UNKNOWN, 1: EntryState.UNKNOWN, 2: EntryState.ACCEPTED}


async def leave_intents(journal, count):
    """Do what a killed run would have done before its end."""
    async with sender_on(ScriptedTransport()) as sender:
        url = sender._door.target.url
    for number in range(count):
        await journal.claim(identify(Event.from_mapping(item(number)), number, url))


# Before the first byte, after the outcome


async def test_the_intent_is_on_disk_before_the_first_byte(path):
    """Nothing else is known of the event by then."""
    seen = []

    class Watching(ScriptedTransport):
        async def send(self, request):
            await request.before_first_byte()
            counts = await journal.counts()
            seen.append((counts[EntryState.INTENT], counts[EntryState.ACCEPTED]))
            return await super().send(request)

    async with Journal(path) as journal, sender_on(Watching()) as sender:
        report = await send_many(sender, items(3), journal=journal, max_in_flight=1)

    assert report.accepted == 3
    assert seen == [(1, 0), (1, 1), (1, 2)]


async def test_no_intent_stands_while_an_event_waits_for_the_end_of_a_pause(path):
    """A crash in a pause leaves no doubt: the refused event is noted as not sent, and its intent is written anew."""
    seen, answers = [], [answer(429, retry_after=1), TAKEN]

    async def rest(seconds):
        seen.append({state for state, count in (await journal.counts()).items() if count})
        await anyio.sleep(seconds)

    class Watching(ScriptedTransport):
        async def send(self, request):
            await request.before_first_byte()
            seen.append({state for state, count in (await journal.counts()).items() if count})
            return await super().send(request)

    quota = Quota(None, sleep=rest)
    transport = Watching(lambda n: answers.pop(0))
    async with Journal(path) as journal, sender_on(transport, rate_limit=quota) as sender:
        report = await send_many(sender, items(1), journal=journal, rate_limit=quota)

    assert report.accepted == 1
    assert [seen[0], seen[1], seen[-1]] == [{EntryState.INTENT}, {EntryState.NOT_SENT}, {EntryState.INTENT}]


async def test_an_event_has_one_intent_for_all_of_its_attempts(path, monkeypatch):
    """A repetition waits for no disk."""
    claims, answers = [], iter([UNAVAILABLE, UNAVAILABLE, TAKEN])
    claim = Journal.claim

    async def counted(journal, identity, found=None):
        claims.append(identity.position)
        await claim(journal, identity)

    monkeypatch.setattr(Journal, "claim", counted)
    retry = RetryPolicy(max_attempts=3, base_delay=0.0)
    async with sender_on(Network(lambda n: next(answers)), retry=retry) as sender:
        report = await send_many(sender, items(1), journal=Journal(path))

    assert report.accepted == 1
    assert claims == [0]


async def test_the_outcome_is_on_disk_before_anybody_hears_of_it(path):
    """Of the run, of the sender, of the stream."""
    counts = []

    async def heard(outcome):
        counts.append((await journal.counts())[EntryState.ACCEPTED])

    async with Journal(path) as journal, sender_on(ScriptedTransport(), on_outcome=heard) as sender:
        await send_many(sender, items(2), journal=journal, max_in_flight=1, on_outcome=heard)
        async with stream_many(sender, items(4), journal=journal, max_in_flight=1) as outcomes:
            async for outcome in outcomes:
                await heard(outcome)

    assert counts[:4] == [1, 1, 2, 2]
    assert all(count >= expected for count, expected in zip(counts, [1, 1, 2, 2, 3, 3, 4, 4], strict=True))


async def test_a_foreign_sender_has_a_journal_too(path):
    """Of how far it gets nobody knows, so the intent is written before it begins."""
    seen = []

    class Theirs:
        async def send_event(self, event):
            seen.append((await journal.counts())[EntryState.INTENT])
            if event["n"] == 1:
                raise NotSentError("no")
            return Receipt(200, 1, 0.0, True)

    async with Journal(path) as journal:
        first = await send_many(Theirs(), items(3), journal=journal, max_in_flight=1)
        second = await send_many(Theirs(), items(3), journal=journal, max_in_flight=1)

    assert (first.accepted, first.not_sent) == (2, 1)
    assert (second.resumed, second.not_sent) == (2, 1)
    assert seen == [1, 1, 1, 1]


async def test_a_foreign_senders_doubt_stays(path):
    """Its refusal of a repetition does not settle what may have been taken before."""
    sender = ForeignSender(lambda event: UnknownDeliveryError("?"))
    await send_many(sender, items(1), journal=Journal(path))
    for error in (NotSentError("no"), RejectedError("no"), InvalidEventError(["email: no"])):
        sender.script = lambda event, error=error: error
        report = await send_many(sender, items(1), journal=Journal(path), resend_unknown=True)
        assert (report.unknown, report.total) == (1, 1)


# What is not an event, and what comes twice


async def test_a_wrong_event_is_told_once(path):
    """It is settled by its problems; the events beside it go their way."""
    first, _, _ = await run(Journal(path), [item(0), WRONG, item(2)])
    second, sent, outcomes = await run(Journal(path), [item(0), WRONG, item(2)])

    assert (first.accepted, first.rejected) == (2, 1)
    assert (second.resumed, sent, outcomes) == (3, [], [])


async def test_a_wrong_event_may_be_mended(path):
    """Nothing of it was ever sent, so what stands in its place now is sent."""
    await run(Journal(path), [item(0), WRONG])

    report, sent, _ = await run(Journal(path), items(2))

    assert (report.resumed, report.accepted, sent) == (1, 1, [1])


async def test_a_right_event_may_not_become_a_wrong_one(path):
    """Then the input is another one."""
    await run(Journal(path), items(1))

    with pytest.raises(JournalError, match="event 1 of the input is not the one that the journal knows"):
        await run(Journal(path), [WRONG])


async def test_an_event_that_was_spoiled_after_its_look_up_stays_doubtful(path):
    """That it cannot be sent any more says nothing of the time when it could."""
    event = Event.from_mapping({**item(0), "sizes": []})
    await run(Journal(path), [event], lambda n: LOST)

    async def spoil(seconds):
        event.variables["sizes"].append(object())
        await anyio.sleep(seconds)

    quota = Quota(None, sleep=spoil)
    await quota.pause(quota.now(), 0.5)
    report, sent, outcomes = await run(Journal(path), [event], resend_unknown=True, rate_limit=quota)

    assert (report.unknown, report.total, sent) == (1, 1, [])
    assert "an earlier attempt may have been taken; then: event: was changed" in str(outcomes[0].error)
    assert await states(path) == {0: EntryState.UNKNOWN}


async def test_an_event_that_was_spoiled_ends_no_run(path):
    """It is told as invalid, as without a journal, and the others are sent."""
    spoiled = Event.from_mapping({**item(1), "sizes": []})
    spoiled.variables["sizes"].append(object())

    report, sent, outcomes = await run(Journal(path), [item(0), spoiled, item(2)])

    assert (report.accepted, report.rejected, sent) == (2, 1, [0, 2])
    (told,) = [outcome.error for outcome in outcomes if outcome.error]
    assert "was changed after it was checked" in str(told)


async def test_a_repeated_id_is_not_sent(path):
    """The second one is refused as a duplicate, in this run and as settled in the next."""
    first, sent, outcomes = await run(Journal(path), named(1, 2, 1, 3, 1))
    second, sent_again, told = await run(Journal(path), named(1, 2, 1, 3, 1))

    assert (first.accepted, first.rejected, sent) == (3, 2, [1, 2, 3])
    errors = [outcome.error for outcome in outcomes if outcome.error]
    assert all(isinstance(error, DuplicateEventError) for error in errors)
    assert "event_id: an earlier event of this run has the same one" in str(errors[0])
    assert (second.resumed, sent_again, told) == (5, [], [])


async def test_the_first_of_an_id_is_the_one_that_came_first(path):
    """However the event loop orders its tasks."""
    for number in range(8):
        report, _, outcomes = await run(Journal(path), named(*[number] * 8))
        assert (report.accepted, report.rejected) == (1, 7)
        assert [outcome.index for outcome in outcomes if not outcome.error] == [0]
        path.unlink()


async def test_repetitions_are_no_outage(path):
    """Any number of them in a row stops nothing."""
    report, sent, _ = await run(Journal(path), named(*[1] * 30, 2), max_in_flight=1)

    assert (report.rejected, report.accepted, report.stopped_because) == (29, 2, None)
    assert sent == [1, 2]


async def test_an_id_is_known_at_any_place(path):
    """Events with ids may come in another order, with others between them."""
    await run(Journal(path), named(1, 2, 3))

    report, sent, _ = await run(Journal(path), named(4, 3, 2, 1))

    assert (report.resumed, report.accepted, sent) == (3, 1, [4])


async def test_an_unsent_event_is_sent_where_its_repetition_was(path):
    """That the other one comes no more must not lose both."""
    await run(Journal(path), named(1, 2, 1), lambda n: UNREACHABLE if n == 1 else TAKEN, max_in_flight=1)

    report, sent, _ = await run(Journal(path), named(3, 4, 1))

    assert (report.resumed, report.accepted, sent) == (0, 3, [1, 3, 4])


async def test_a_repetition_is_settled_before_its_original(path):
    """Which of the two is looked up first is chance on trio; none of them is told again."""
    await run(Journal(path), named(1, 2, 1), max_in_flight=1)

    report, sent, outcomes = await run(Journal(path), [*named(3, 4, 1), *named(1)])

    assert (report.resumed, report.accepted, report.rejected) == (2, 2, 0)
    assert (sent, len(outcomes)) == ([3, 4], 2)


async def test_an_id_counts_for_one_door(path):
    """The same id for another event name is another event."""
    transport = ScriptedTransport()
    for name in ("registered", "bought", "registered"):
        sender = AuthorizedEventSender(
            ApiKey("sp_apikey_x"), event_name=name, base_url="http://127.0.0.1:9", transport=transport, rate_limit=None
        )
        async with sender:
            report = await send_many(sender, named(1), journal=Journal(path))
        assert report.total == 1

    assert transport.sent == [1, 1]
    assert report.resumed == 1


# Another input, another run, another process


async def test_another_address_is_another_input(path):
    """What was sent to one event is not thought sent to another."""
    await run(Journal(path), items(1))

    async with RawEventSender(f"{URL}2", transport=ScriptedTransport(), rate_limit=None) as sender:
        with pytest.raises(JournalError, match="resume with the same input, settings and event"):
            await send_many(sender, items(1), journal=Journal(path))


@pytest.mark.parametrize("place", [0, 2])
async def test_another_input_is_refused(path, place):
    """A position whose event differs ends the run before that event is sent; what is in flight ends well."""
    await run(Journal(path), items(3))
    other = [*items(place), item(99), *items(5)[place + 1 :]]

    transport = ScriptedTransport()
    async with sender_on(transport) as sender:
        with pytest.raises(JournalError, match=f"event {place + 1} of the input is not the one") as raised:
            await send_many(sender, other, journal=Journal(path), max_in_flight=1)

    assert transport.sent == []
    assert "1 not sent" in raised.value.__notes__[0]
    assert (await run(Journal(path), items(3)))[0].resumed == 3


async def test_a_journal_serves_one_run_at_a_time(path):
    """A second run with it is refused, whatever it has open."""
    async with Journal(path) as journal, sender_on(ScriptedTransport()) as sender:
        async with stream_many(sender, items(100), journal=journal, max_in_flight=1):
            with pytest.raises(JournalError, match="another run has the journal"):
                await send_many(sender, items(1), journal=journal)
        with pytest.raises(JournalError, match="is in use"):
            await send_many(sender, items(1), journal=Journal(path))
        report = await send_many(sender, items(1), journal=journal)
    assert report.total == 1


async def test_each_run_with_an_open_journal_begins_anew(path):
    """An id that came in the one before is no repetition."""
    async with Journal(path) as journal:
        await run(journal, named(1), lambda n: UNREACHABLE)
        report, sent, _ = await run(journal, named(1))

    assert (report.accepted, sent) == (1, [1])


async def test_its_memory_does_not_grow_with_the_input(path, monkeypatch):
    """What it keeps of an event while that is under way is gone with its outcome."""
    resumings = []
    monkeypatch.setattr(_calls, "Resuming", lambda *arguments: resumings.append(Resuming(*arguments)) or resumings[0])

    await run(Journal(path), [*items(50), WRONG, *named(51, 51)], lambda n: TAKEN if n % 2 else REFUSED)

    assert resumings[0]._intents == {}


async def test_who_opens_it_closes_it(path):
    """A run closes what it opened, and leaves open what it was given open."""
    journal = Journal(path)
    await run(journal, items(1))
    with pytest.raises(JournalError, match="the journal is closed"):
        await journal.counts()

    async with journal:
        await run(journal, items(1))
        assert (await journal.counts())[EntryState.ACCEPTED] == 1


async def test_a_stream_that_cannot_begin_leaves_nothing(tmp_path):
    """Its journal cannot be made: the error comes out, and nothing has to be closed."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with sender_on(ScriptedTransport()) as sender:
            with pytest.raises(JournalError, match="cannot be made"):
                async with stream_many(sender, items(1), journal=Journal(tmp_path / "missing" / "journal")):
                    pass
        gc.collect()
    assert not [str(warning.message) for warning in warned]


@pytest.mark.parametrize(
    ("options", "text"),
    [({"journal": "run.journal"}, "journal must be a Journal"), ({"resend_unknown": True}, "resend_unknown needs a")],
)
async def test_wrong_settings(options, text):
    """Told before anything is sent."""
    async with sender_on(ScriptedTransport()) as sender:
        with pytest.raises(ConfigurationError, match=text):
            await send_many(sender, items(1), **options)


async def test_it_holds_no_payload(path):
    """No address, number, name or value of an event is in the file or its log; nor is the event's URL."""
    secret = {"email": "someone@example.com", "phone": "+15550100", "card": "4111 1111", "n": 1}
    async with Journal(path) as journal, sender_on(ScriptedTransport(lambda n: REFUSED)) as sender:
        await send_many(sender, [secret, {"n": 0, "card": "4111 1111"}], journal=journal)
        content = b"".join(file.read_bytes() for file in path.parent.iterdir())

    assert b"refused" in content
    for value in (b"someone", b"example.com", b"15550100", b"4111", b"card", b"/events/id"):
        assert value not in content


async def test_it_keeps_what_decided(path):
    """The status and the error, not all of a long one, and how many requests were made; an acceptance has no reason."""
    long = "the name is wrong, " * 100
    error = RejectedError(long, status_code=422)
    error.attempts = 3
    await send_many(ForeignSender(lambda event: error if event["n"] else None), items(2), journal=Journal(path))

    async with Journal(path) as journal:
        accepted, rejected = [entry async for entry in journal.entries()]

    assert (accepted.status_code, accepted.attempts, accepted.reason) == (200, 1, "")
    assert (rejected.status_code, rejected.attempts, rejected.reason) == (422, 3, long[:500])


async def test_it_says_that_it_was_left_open(path):
    """A file that nobody closed is a warning, and no second process waits for it."""
    journal = Journal(path)
    await journal.open()
    with pytest.warns(ResourceWarning, match="unclosed Journal"):
        del journal
    with anyio.fail_after(10):
        while True:
            try:
                async with Journal(path):
                    return
            except JournalError:
                await anyio.sleep(0.01)


async def test_the_order_of_keys_does_not_make_another_event(path):
    """A mapping is the same event in any order."""
    event = {"email": "someone@example.com", "n": 1, "a": {"x": 1, "y": 2}}
    await run(Journal(path), [event])

    report, _, _ = await run(
        Journal(path), [json.loads('{"a": {"y": 2, "x": 1}, "n": 1, "email": "someone@example.com"}')]
    )

    assert report.resumed == 1


async def test_counting_reads_no_journal(path):
    """A long journal is read a page at a time."""
    await run(Journal(path), items(2500))

    async with Journal(path) as journal:
        positions = [entry.position async for entry in journal.entries()]
    assert positions == list(range(2500))


async def test_a_journal_that_cannot_be_opened_leaves_nothing_behind(tmp_path):
    """The stream was never begun: no end of it is left open, and nothing was sent."""
    transport = ScriptedTransport()
    async with sender_on(transport) as sender:
        with pytest.raises(JournalError, match="cannot be made"):
            async with stream_many(sender, items(3), journal=Journal(tmp_path / "missing" / "run.journal")):
                raise AssertionError
    gc.collect()

    assert transport.sent == []
