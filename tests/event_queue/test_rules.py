"""What a worker does, without any server: each rule, and each order in which things may break."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import attrs
import fakes
import pytest
from canaries import own_records
from fakes import CUT_EARLY, NO_CONNECTION, OVER_QUOTA, SILENCE, answer, turns
from outbox.stage import Network

from sendpulse_async import (
    ConfigurationError,
    Event,
    Journal,
    JournalError,
    NotSentError,
    Outcome,
    OutcomeStatus,
    RateLimitedError,
    RawEventSender,
    Receipt,
    RejectedError,
    RetryPolicy,
    ServiceUnavailableError,
    UnknownDeliveryError,
)
from sendpulse_async._journal import ClaimedError, Entry, EntryState, identify_message
from sendpulse_async._records import record_of
from sendpulse_async._senders import carrier_of
from sendpulse_async.integrations.taskiq._claim import World
from sendpulse_async.integrations.taskiq._life import Life
from sendpulse_async.integrations.taskiq._messages import Queued
from sendpulse_async.integrations.taskiq._options import Options
from sendpulse_async.integrations.taskiq._verdicts import LOST, Breaker, Dead, Done, Later, Rules
from sendpulse_async.integrations.taskiq._worker import Worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

URL = "http://127.0.0.1:9/events/id/x/1"
RETRY, GRACE, DEADLINE = 10.0, 30.0, 20.0
OPTIONS = Options("amqp://127.0.0.1/", retry_delay=RETRY, grace=GRACE)
REFUSED = answer(400, {"result": False})
DOUBTFUL = answer(502, body=b"")


@pytest.fixture
def anyio_backend():
    return fakes.backend("asyncio")


@pytest.fixture(autouse=True)
def virtual_time(monkeypatch):
    fakes.put_on_virtual_time(monkeypatch)


def queued(number=0, **fields):
    event = Event.from_mapping({"email": "someone@example.com", "n": number})
    return Queued(record_of(event, None).encode(), f"key-{number}", **fields)


def identity(number=0, generation=0, address=URL):
    return identify_message(f"key-{number}", generation, address)


class Log:
    """A log in memory, which does as it is told.

    Attributes:
        entries: By the keys of identities.
        troubles: What each question raises, in order; None: nothing. Empty: none does.
        steps: What was asked, in order.
    """

    def __init__(self, steps):
        self.entries = {}
        self.troubles = {"find": [], "claim": [], "settle": []}
        self.steps = steps

    @asynccontextmanager
    async def run(self):
        yield self

    def is_new(self, identity):
        return False

    async def find(self, identity):
        self._ask("find")
        return self.entries.get(identity.key)

    async def claim(self, identity, found=None):
        self._ask("claim")
        self.entries[identity.key] = Entry(0, EntryState.INTENT)

    async def settle(self, identity, outcome):
        self._ask("settle")
        self.entries[identity.key] = Entry.of(0, outcome)

    def _ask(self, what):
        self.steps.append(what)
        trouble = self.troubles[what].pop(0) if self.troubles[what] else None
        if trouble is not None:
            raise trouble

    def state(self, number=0, generation=0):
        entry = self.entries.get(identity(number, generation).key)
        return entry and entry.state


@attrs.define
class Delivery:
    queued: Queued
    steps: list

    async def ack(self):
        self.steps.append("ack")

    async def put_back(self):
        self.steps.append("put back")


class Stage:
    """A worker above a scripted network, and the order in which everything happens in `steps`."""

    def __init__(self):
        self.steps = []
        self.log = Log(self.steps)
        self.script = answer()
        self.transport = Network(lambda request: self.script)
        self.trouble = None
        self.buried, self.delays, self.told = [], [], []
        options = {"transport": self.transport, "rate_limit": None, "retry": RetryPolicy(max_attempts=1)}
        self.sender = RawEventSender(URL, deadline=DEADLINE, on_outcome=self.told.append, **options)

    def worker(self, sender=None):
        world = World(clock=fakes.now, wall_clock=lambda: 1_700_000_000.0, sleep=asyncio.sleep)
        return Worker(carrier_of(sender or self.sender), self.log, self, OPTIONS, world)

    async def delay(self, queued, seconds):
        self._leave("delay")
        self.delays.append(seconds)

    async def bury(self, queued, dead, at):
        self._leave("bury")
        self.buried.append((dead.status, dead.reason))

    def _leave(self, how):
        if self.trouble is not None:
            self.steps.append(f"no {how}")
            raise self.trouble
        self.steps.append(how)

    async def work(self, *events, worker=None):
        """Bring some events to their ends, and return what happened meanwhile."""
        worker, before = worker or self.worker(), len(self.steps)
        for each in events or (queued(),):
            await worker.work(Delivery(each, self.steps))
        return self.steps[before:]

    @property
    def left(self):
        """How many events left."""
        return len(self.transport.left)


@pytest.fixture
async def stage():
    stage = Stage()
    yield stage
    await stage.sender.aclose()


# The order of things


async def test_an_accepted_event(stage):
    """Looked up, claimed, sent, settled, and only then acknowledged."""
    assert await stage.work() == ["find", "claim", "settle", "ack"]
    assert stage.log.state() is EntryState.ACCEPTED
    assert stage.told[0].status is OutcomeStatus.ACCEPTED
    assert stage.left == 1


@pytest.mark.parametrize(("script", "status"), [(REFUSED, "rejected"), (DOUBTFUL, "unknown"), (SILENCE, "unknown")])
async def test_a_dead_event(stage, script, status):
    """Its dead letter is written before it is acknowledged; it is told once."""
    stage.script = script

    assert await stage.work() == ["find", "claim", "settle", "bury", "ack"]

    assert stage.buried == [(OutcomeStatus(status), str(stage.told[0].error))]
    assert [outcome.status.value for outcome in stage.told] == [status]
    assert stage.log.state().value == status


@pytest.mark.parametrize("script", [CUT_EARLY, OVER_QUOTA])
async def test_an_event_that_was_not_sent(stage, script):
    """Its claim is taken back, and its copy is safe before it is acknowledged; nobody is told."""
    stage.script = script

    assert await stage.work() == ["find", "claim", "settle", "delay", "ack"]

    assert stage.log.state() is EntryState.NOT_SENT
    assert stage.delays == [RETRY]
    assert stage.told == []


async def test_an_event_that_met_no_connection(stage):
    """Nothing was claimed, and nothing is settled."""
    stage.script = NO_CONNECTION

    assert await stage.work() == ["find", "delay", "ack"]


async def test_one_claim_for_all_attempts(stage):
    """A sender may try more than once; the claim is written before the first byte of the first time."""
    steps = iter([CUT_EARLY, CUT_EARLY, answer()])
    transport = Network(lambda request: next(steps))
    async with RawEventSender(URL, transport=transport, rate_limit=None) as sender:
        assert await stage.work(worker=stage.worker(sender)) == ["find", "claim", "settle", "ack"]

    assert len(transport.requests) == 3


# What the log knows


@pytest.mark.parametrize(
    ("state", "steps"),
    [
        (EntryState.ACCEPTED, ["find", "ack"]),
        (EntryState.REJECTED, ["find", "bury", "ack"]),
        (EntryState.UNKNOWN, ["find", "bury", "ack"]),
        (EntryState.INTENT, ["find", "bury", "ack"]),
        (EntryState.NOT_SENT, ["find", "claim", "settle", "ack"]),
        (EntryState.REFUSED, ["find", "claim", "settle", "ack"]),
    ],
)
async def test_an_event_that_the_log_knows(stage, state, steps):
    """What is settled or in doubt is not sent; what became of it is written again, lest a crash hid it."""
    stage.log.entries[identity().key] = Entry(0, state, reason="why", at=0.0)

    assert await stage.work() == steps

    assert stage.left == steps.count("claim")
    reason = LOST if state is EntryState.INTENT else "why"
    assert [reason for _, reason in stage.buried] == [reason] * steps.count("bury")


@pytest.mark.parametrize(("age", "is_lost"), [(0, False), (DEADLINE + GRACE - 1, False), (DEADLINE + GRACE, True)])
async def test_how_long_a_claim_stands(stage, age, is_lost):
    """Until the sender's deadline and the grace are over it may be under way; then it is UNKNOWN, and told."""
    stage.log.entries[identity().key] = Entry(0, EntryState.INTENT, at=1_700_000_000.0 - age)

    assert await stage.work() == (["find", "bury", "ack"] if is_lost else ["find", "delay", "ack"])

    assert stage.buried == [(OutcomeStatus.UNKNOWN, LOST)] * is_lost
    assert [outcome.status for outcome in stage.told] == [OutcomeStatus.UNKNOWN] * is_lost
    assert stage.left == 0


async def test_another_worker_is_quicker(stage):
    """It has the claim: this one settles nothing, and looks again later."""
    stage.log.troubles["claim"] = [ClaimedError(Entry(0, EntryState.INTENT))]

    assert await stage.work() == ["find", "claim", "delay", "ack"]

    assert (stage.left, stage.told) == (0, [])


async def test_each_replay_is_an_event_of_its_own(stage):
    """What is settled in one generation may be sent in the next."""
    stage.log.entries[identity().key] = Entry(0, EntryState.REJECTED)

    assert await stage.work(queued(generation=1)) == ["find", "claim", "settle", "ack"]

    assert stage.log.state(generation=1) is EntryState.ACCEPTED


@pytest.mark.parametrize(("script", "way"), [(REFUSED, "bury"), (CUT_EARLY, "delay")])
async def test_what_was_unknown_before_it_was_replayed(stage, script, way):
    """Only an acceptance settles it: a refusal leaves it UNKNOWN, in the log too; not sent, it is tried again."""
    stage.script = script

    assert await stage.work(queued(was_unknown=True)) == ["find", "claim", "settle", way, "ack"]

    expected = EntryState.UNKNOWN if script is REFUSED else EntryState.NOT_SENT
    assert stage.log.state() is expected
    assert [status for status, _ in stage.buried] == [OutcomeStatus.UNKNOWN] * (script is REFUSED)


# What breaks


async def test_the_log_is_away_when_it_is_asked(stage):
    """Nothing is sent, and it is tried again."""
    stage.log.troubles["find"] = [JournalError("away")]

    assert await stage.work() == ["find", "delay", "ack"]
    assert stage.left == 0


async def test_the_log_is_away_at_the_claim(stage, caplog):
    """Nothing is sent; the claim, which may have been written, is taken back; it is tried again."""
    stage.log.troubles["claim"] = [JournalError("away")]

    assert await stage.work() == ["find", "claim", "settle", "delay", "ack"]

    assert (stage.left, stage.told) == (0, [])
    (record,) = own_records(caplog)
    assert record.getMessage().endswith("is in trouble: an event ended not_sent, JournalError")


async def test_the_log_is_away_after_the_answer(stage):
    """It is told a few times."""
    stage.log.troubles["settle"] = [JournalError("away")] * 3

    assert await stage.work() == ["find", "claim", *["settle"] * 4, "ack"]

    assert stage.log.state() is EntryState.ACCEPTED


@pytest.mark.parametrize(("script", "end"), [(answer(), ["ack"]), (DOUBTFUL, ["bury", "ack"])])
async def test_the_log_stays_away_after_the_answer(stage, caplog, script, end):
    """Nobody will send it again: the error is logged by its kind, and the message goes where it would have gone."""
    stage.script = script
    stage.log.troubles["settle"] = [JournalError("canary@example.com")] * 4

    assert await stage.work() == ["find", "claim", *["settle"] * 4, *end]

    texts = [record.getMessage() for record in own_records(caplog)]
    assert "what came of an event is not in the delivery log: JournalError" in texts


@pytest.mark.parametrize(("script", "way"), [(REFUSED, "bury"), (CUT_EARLY, "delay")])
async def test_rabbitmq_takes_no_copy(stage, caplog, script, way):
    """The message is not acknowledged but put back: it comes again, and the log knows what came of it."""
    stage.script = script
    stage.trouble = JournalError("canary@example.com")

    assert await stage.work() == ["find", "claim", "settle", f"no {way}", "put back"]

    stage.trouble, stage.script = None, answer()
    again = ["bury"] if way == "bury" else ["claim", "settle"]
    assert await stage.work() == ["find", *again, "ack"]
    assert own_records(caplog)[-1].levelname in {"ERROR", "WARNING"}


async def test_a_fault_of_the_code(stage, caplog):
    """It loses nothing, and its words, which may be of the event, are in no log."""
    stage.log.troubles["find"] = [ValueError("canary@example.com")]

    assert await stage.work() == ["find", "put back"]

    (record,) = own_records(caplog)
    assert record.getMessage() == "an event of the queue 'sendpulse' is put back: ValueError"


async def test_a_cancelled_worker(stage):
    """What is under way is settled by how far it got, and the message is left to RabbitMQ."""
    stage.script = SILENCE
    task = asyncio.create_task(stage.work())
    await turns()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert stage.steps == ["find", "claim", "settle"]
    assert stage.log.state() is EntryState.UNKNOWN


async def test_trouble_is_told_once(stage, caplog):
    """However many events meet it, until one gets through."""
    worker = stage.worker()
    for script in (CUT_EARLY, CUT_EARLY, answer(), CUT_EARLY):
        stage.script = script
        await stage.work(queued(1), worker=worker)
        stage.log.entries.clear()

    assert [record.levelname for record in own_records(caplog)] == ["WARNING"] * 2


async def test_an_unreadable_message(stage):
    """It is a dead letter, and the log is not asked."""
    for wrong in (Queued(b"canary", "key"), Queued(queued().record, None)):
        assert await stage.work(wrong) == ["bury", "ack"]

    assert stage.buried == [(OutcomeStatus.REJECTED, "it cannot be read as an event")] * 2


# Senders of the caller's own


class TheirSender:
    def __init__(self, script):
        self.script = script

    async def send_event(self, event):
        return await self.script()


async def hang():
    await asyncio.sleep(10_000)


async def spoil():
    raise ValueError("canary@example.com")


async def take():
    return Receipt(200, 1, 0.0, True)


async def refuse():
    raise ServiceUnavailableError("later", retry_after=60)


@pytest.mark.parametrize(
    ("script", "steps", "state"),
    [
        (take, ["find", "claim", "settle", "ack"], "accepted"),
        (refuse, ["find", "claim", "settle", "delay", "ack"], "not_sent"),
        (spoil, ["find", "claim", "settle", "bury", "ack"], "unknown"),
        (hang, ["find", "claim", "settle", "bury", "ack"], "unknown"),
    ],
)
async def test_any_sender_will_do(stage, script, steps, state):
    """One that hangs has five minutes; one that raises anything else leaves doubt, and not its words."""
    assert await stage.work(worker=stage.worker(TheirSender(script))) == steps

    key = identity(address="event_queue.test_rules.TheirSender").key
    assert stage.log.entries[key].state.value == state
    assert not any("canary" in reason for _, reason in stage.buried)
    assert stage.delays == ([60.0] if script is refuse else [])


# The rules alone


RULES = Rules(retry_delay=RETRY, claim_lasts=50.0)


@pytest.mark.parametrize(
    ("error", "delay"),
    [
        (NotSentError(), 10),
        (RateLimitedError(retry_after=3), 10),
        (RateLimitedError(retry_after=30), 30),
        (ServiceUnavailableError(retry_after=86_400), 300),
        (ServiceUnavailableError(retry_after=None), 10),
    ],
)
def test_how_long_it_waits(error, delay):
    """The queue's own delay, or what SendPulse asks for where that is longer, up to five minutes."""
    assert RULES.of_outcome(Outcome(0, None, error.status, error=error)) == Later(delay)


@pytest.mark.parametrize("error", [RejectedError("no"), UnknownDeliveryError("perhaps")])
def test_what_ends_it(error):
    """A rejection and a doubt, in the words of the error."""
    assert RULES.of_outcome(Outcome(0, None, error.status, error=error)) == Dead(error.status, str(error))


def test_what_is_done():
    assert RULES.of_outcome(Outcome(0, None, OutcomeStatus.ACCEPTED, Receipt(200, 1, 0.0, True))) == Done()


def test_an_outage_that_answers_with_doubt():
    """After five doubts in a row one event passes at a time, ever less often; a certain outcome opens it again."""
    now = [0.0]
    breaker = Breaker(longest=20.0, clock=lambda: now[0])
    passed = []
    while now[0] < 200:
        if breaker.lets_pass():
            passed.append(now[0])
            breaker.note(OutcomeStatus.UNKNOWN)
        now[0] += 0.5

    assert passed == [0, 0.5, 1, 1.5, 2, 3, 5, 9, 17, 33, 65, 125, 185]
    assert not breaker.lets_pass()
    now[0] = 245
    assert breaker.lets_pass()
    breaker.note(OutcomeStatus.REJECTED)
    assert all(breaker.lets_pass() for _ in range(5))


def test_one_event_at_a_time_finds_out():
    """While the one that passed is under way the others wait, unless it takes longer than an event may."""
    now = [0.0]
    breaker = Breaker(longest=20.0, clock=lambda: now[0])
    for _ in range(5):
        breaker.note(OutcomeStatus.UNKNOWN)
    now[0] = 1.0
    assert [breaker.lets_pass(), breaker.lets_pass()] == [True, False]
    now[0] = 20.9
    assert not breaker.lets_pass()
    breaker.note(OutcomeStatus.NOT_SENT)
    assert not breaker.lets_pass()
    now[0] = 22.0
    assert breaker.lets_pass()


async def test_an_outage_spoils_few_events(stage):
    """What the breaker holds back is not sent but delayed."""
    stage.script = DOUBTFUL
    worker = stage.worker()
    await stage.work(*map(queued, range(20)), worker=worker)

    assert 5 <= len(stage.buried) <= 7
    assert len(stage.buried) + len(stage.delays) == 20


# What a worker opens


async def test_what_connect_opens_is_closed_at_the_end(stage):
    """By the very task that opened it, whichever task begins and ends the worker."""
    seen = []

    @asynccontextmanager
    async def connect():
        seen.append(asyncio.current_task())
        async with asyncio.timeout(1000):  # complains if another task leaves it
            yield stage.sender, stage.log
        seen.append(asyncio.current_task())

    life = Life(connect, OPTIONS)
    await asyncio.create_task(life.start(stage))
    await asyncio.create_task(life.work(Delivery(queued(), stage.steps)))
    await asyncio.create_task(life.end())
    await life.end()

    assert stage.steps[-1] == "ack"
    assert len(set(seen)) == 1


@pytest.mark.parametrize(
    ("opened", "said"),
    [
        (lambda stage: (object(), stage.log), "sender must have send_event"),
        (lambda stage: (stage.sender, None), "a log that processes can share"),
        (lambda stage: (stage.sender, object()), "must give a delivery log, or None, not object"),
        (lambda stage: (stage.sender, Journal("a.journal")), "a log that processes can share"),
        (lambda stage: stage.sender, "must give two things: a sender, and a delivery log"),
    ],
)
async def test_what_connect_may_open(stage, opened, said):
    """A worker that could not work does not begin; what was opened is closed."""
    seen = []

    @asynccontextmanager
    async def connect():
        try:
            yield opened(stage)
        finally:
            seen.append("closed")

    with pytest.raises(ConfigurationError, match=said):
        await Life(connect, OPTIONS).start(stage)

    assert seen == ["closed"]


async def test_connect_fails(stage):
    """What it raises is what the start raises."""

    @asynccontextmanager
    async def connect():
        raise OSError("no")
        yield

    with pytest.raises(OSError, match="no"):
        await Life(connect, OPTIONS).start(stage)
