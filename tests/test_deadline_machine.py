"""Whatever happens on the way, on virtual time: an event ends by its deadline, and no wait begins in vain."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import anyio
import attrs
import pytest
from examples import examples
from fake_account import Account
from fakes import (
    BAD_CERTIFICATE,
    CUT_EARLY,
    LOST,
    NO_CONNECTION,
    OVER_QUOTA,
    SILENCE,
    SILENCE_BEFORE,
    TAKEN,
    Listener,
    ScriptedTransport,
    Step,
    answer,
    backend,
    now,
    put_on_virtual_time,
    set_defaults,
    silence_after,
)
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import (
    AuthorizedEventSender,
    ClientCredentials,
    OutcomeStatus,
    Quota,
    RateLimit,
    RawEventSender,
    RetryPolicy,
    SendPulseError,
)
from sendpulse_async._auth import TokenManager
from sendpulse_async._loops import within
from sendpulse_async._retrying import RetryingSender

pytestmark = pytest.mark.timeout(200)

LITTLE = 1e-6
EVENT = {"email": "someone@example.com"}

ends = st.sampled_from(
    [
        *(TAKEN, TAKEN, OVER_QUOTA, LOST, NO_CONNECTION, CUT_EARLY, BAD_CERTIFICATE),
        *(answer(status) for status in (301, 400, 404, 408, 500, 503)),
        *(answer(status, retry_after=seconds) for status in (429, 503) for seconds in (0, 0.7, 3, 40)),
        answer(200, {"error_code": 2020202020}),
        *(SILENCE, SILENCE_BEFORE, silence_after(200), silence_after(429), silence_after(500)),
    ]
)
seconds = st.sampled_from([0.0, 0.0, 0.1, 1.0, 7.0])
steps = st.builds(
    lambda end, seconds: attrs.evolve(end if isinstance(end, Step) else Step(end), seconds=seconds), ends, seconds
)
policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 6),
    base_delay=st.sampled_from([0, 0.5, 4]),
    repeat_unknown=st.booleans(),
    budget_ratio=st.sampled_from([0, 0.1, 1]),
    budget_reserve=st.integers(0, 8),
)
limits = st.none() | st.builds(RateLimit, per_second=st.sampled_from([0.3, 1, 10]), burst=st.integers(1, 2))
deadlines = st.sampled_from([0.05, 0.5, 1.49, 5, 30])


@attrs.frozen
class Plan:
    """What happens to some events, one after the other."""

    script: list
    policy: RetryPolicy
    limit: RateLimit | None
    deadlines: list
    jitter: float


plans = st.builds(
    Plan,
    script=st.lists(steps, max_size=25),
    policy=policies,
    limit=limits,
    deadlines=st.lists(deadlines, min_size=1, max_size=8),
    jitter=st.sampled_from([0.0, 0.5, 1.0]),
)


class Diary:
    """Everything that one event after the other does: waits, and attempts at the event or at a token."""

    def __init__(self):
        self.entries = []

    def wait(self, seconds):
        if seconds > 0:
            self.entries.append(("wait", now() + seconds))

    def begin(self, _request):
        self.entries.append(("attempt", now()))


class Written(ScriptedTransport):
    """A scripted network that keeps a diary; when the script is over it takes everything."""

    def __init__(self, diary, script):
        super().__init__(self._next_step)
        self._diary, self._left = diary, list(script)

    def _next_step(self, request):
        self._diary.begin(request)
        return self._left.pop(0) if self._left else TAKEN


class WrittenAccount(Account):
    """An account whose token requests follow a script, with a diary."""

    def __init__(self, diary, script):
        super().__init__(*script, expires_in=20)
        self._diary = diary

    async def send(self, request):
        self._diary.begin(request)
        return await super().send(request)


@pytest.fixture
def on_virtual_time(monkeypatch):
    """Return a function that puts the senders made from then on into virtual time, and their waits into a diary."""
    put_on_virtual_time(monkeypatch)
    now_played = SimpleNamespace()

    async def sleep(seconds):
        now_played.diary.wait(seconds)
        await anyio.sleep(seconds)

    async def wait(seconds, something):
        now_played.diary.wait(seconds)
        await within(seconds, something)

    for kind in (Quota, RetryingSender):
        set_defaults(monkeypatch, kind, sleep=sleep)
    set_defaults(monkeypatch, TokenManager, wait=wait)
    set_defaults(monkeypatch, RetryingSender, jitter=lambda: now_played.jitter)
    return lambda diary, jitter: now_played.__dict__.update(diary=diary, jitter=jitter)


def on_each_loop(check):
    """Run a coroutine function in an event loop of virtual time, asyncio's or trio's."""
    return pytest.mark.parametrize("loop", ["asyncio", "trio"])(check)


def run(loop, work):
    name, options = backend(loop)
    anyio.run(work, backend=name, backend_options=options)


async def send_in_time(sender, deadline, diary):
    """Send an event; assert that it ended in time, and that it waited for nothing in vain."""
    began, written = now(), len(diary.entries)

    with contextlib.suppress(SendPulseError):
        await sender.send_event(EVENT, deadline=deadline)

    assert now() - began <= deadline + LITTLE
    mine = diary.entries[written:]
    for kind, moment in mine:
        assert kind == "attempt" or moment <= began + deadline + LITTLE, "a wait began that lasts beyond the deadline"
    assert not mine or mine[-1][0] == "attempt", "the last thing it did was to wait"
    return [moment for kind, moment in mine if kind == "attempt"]


def assert_kept(limit, times):
    """Assert that attempts kept a rate."""
    for first, later in zip(times, times[limit.burst :], strict=False):
        assert later - first >= 1 / limit.per_second - LITTLE


@on_each_loop
@examples(150)
@given(plan=plans)
def test_no_event_outlasts_its_deadline(loop, plan, on_virtual_time):
    """A raw sender: whatever the network does, the waits fit, the rate and the policy's attempts are kept."""

    async def play():
        diary, listener, times = Diary(), Listener(), []
        on_virtual_time(diary, plan.jitter)
        transport = Written(diary, plan.script)
        options = {"retry": plan.policy, "rate_limit": plan.limit, "on_outcome": listener}
        async with RawEventSender("http://127.0.0.1:9/events/id/x/1", transport=transport, **options) as sender:
            for deadline in plan.deadlines:
                mine = await send_in_time(sender, deadline, diary)
                outcome = listener.outcomes[-1]
                assert (outcome.receipt or outcome.error).attempts == len(mine) <= plan.policy.max_attempts
                times += mine
        if plan.limit is not None:
            assert_kept(plan.limit, times)
        paused = sum(outcome.status is OutcomeStatus.NOT_SENT for outcome in listener.outcomes)
        assert len(times) - len(plan.deadlines) <= paused + len(plan.script)

    run(loop, play)


token_steps = st.sampled_from(
    [None, None, answer(500), LOST, NO_CONNECTION, answer(429, retry_after=2), answer(429, retry_after=50), answer(200)]
)


@on_each_loop
@examples(100)
@given(
    script=st.lists(token_steps, max_size=12),
    deadlines=st.lists(deadlines, min_size=1, max_size=8),
    pauses=st.lists(st.sampled_from([0, 0.3, 15, 25]), min_size=8, max_size=8),
    revoked=st.sets(st.integers(0, 7)),
)
def test_no_event_waits_for_a_token_in_vain(loop, script, deadlines, pauses, revoked, on_virtual_time):
    """An authorised sender: tokens that fail, expire and are revoked; the waits for them fit into the deadline too."""

    async def play():
        diary = Diary()
        on_virtual_time(diary, 0.5)
        account = WrittenAccount(diary, script)
        sender = AuthorizedEventSender(
            ClientCredentials("id", "secret"), base_url="http://127.0.0.1:9", event_name="order", transport=account
        )
        async with sender:
            for number, deadline in enumerate(deadlines):
                if number in revoked:
                    account.revoke()
                await send_in_time(sender, deadline, diary)
                await anyio.sleep(pauses[number])

    run(loop, play)
