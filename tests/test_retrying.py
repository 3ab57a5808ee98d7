"""What is repeated: the table of the delivery promises, played on a scripted network."""

from __future__ import annotations

import math

import anyio
import pytest
from fakes import (
    BAD_CERTIFICATE,
    CUT_EARLY,
    LOST,
    NO_CONNECTION,
    OVER_QUOTA,
    TAKEN,
    ScriptedTransport,
    Step,
    answer,
    backend,
    now,
    request_for,
)

from sendpulse_async import (
    AuthenticationError,
    DeliveryError,
    EventNotFoundError,
    NotSentError,
    PermissionDeniedError,
    Quota,
    RateLimit,
    RateLimitedError,
    RejectedError,
    RetryPolicy,
    ServiceUnavailableError,
    UnknownDeliveryError,
)
from sendpulse_async._quota import GatedTransport
from sendpulse_async._retrying import RetryingSender

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

TOO_MANY = {"error_code": 2020202020, "message": "More than 10 requests per second"}
REFUSED = {"result": False}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


def retrying(transport, policy, **clocks):
    """The loop above a gate that meters nothing."""
    gate = GatedTransport(transport, Quota(None, clock=now))
    return RetryingSender(gate, policy, clock=now, **clocks)


async def play(*steps, policy=None, seconds=math.inf, jitter=0.5):
    """Send one event over these steps; return what came of it, the transport, and when each attempt began."""
    transport, began = ScriptedTransport(*steps), now()
    request = request_for(deadline=began + seconds)
    sender = retrying(transport, policy or RetryPolicy(), jitter=lambda: jitter)
    try:
        result = await sender.send(request)
    except DeliveryError as error:
        result = error
    assert request.progress.attempts == len(transport.requests)
    return result, transport, [round(time - began, 6) for time in transport.times]


REPEATED = [
    ("1 no connection", NO_CONNECTION, NotSentError),
    ("4 broken before the last byte", CUT_EARLY, NotSentError),
    ("4 answered before the last byte", Step(answer(500), is_handed_over=False), NotSentError),
    ("5 429", OVER_QUOTA, RateLimitedError),
    ("5 2020202020 under 200", answer(200, TOO_MANY), RateLimitedError),
    ("5 2020202020 under 400", answer(400, TOO_MANY), RateLimitedError),
    ("5 2020202020 under 429", answer(429, TOO_MANY), RateLimitedError),
    ("5 2020202020 under 500", answer(500, TOO_MANY), RateLimitedError),
    ("5 408", answer(408, body=b""), ServiceUnavailableError),
    ("5 421", answer(421, body=b""), ServiceUnavailableError),
    ("5 425", answer(425, body=b""), ServiceUnavailableError),
    ("5 503 with Retry-After", answer(503, retry_after=1, body=b""), ServiceUnavailableError),
    ("5 503 in SendPulse's words", answer(503, {"message": "maintenance", "error_code": 503}), ServiceUnavailableError),
]
REPORTED = [
    ("2 certificate", BAD_CERTIFICATE, NotSentError),
    ("6 401", answer(401, {"error_code": 401}), AuthenticationError),
    *[(f"7 {status}", answer(status, REFUSED), PermissionDeniedError) for status in (402, 403, 307, 308)],
    *[(f"8 {status}", answer(status, REFUSED), EventNotFoundError) for status in (404, 405)],
    ("8 error 102", answer(400, {"error_code": 102}), EventNotFoundError),
    ("9 broken after the last byte", LOST, UnknownDeliveryError),
    *[(f"10 {status}", answer(status, REFUSED), UnknownDeliveryError) for status in (500, 502, 504, 520)],
    ("10 bare 503", answer(503, body=b"<html>"), UnknownDeliveryError),
    ("10 503 with a Retry-After of rubbish", answer(503, body=b"", retry_after="soon"), UnknownDeliveryError),
    *[(f"11 {status}", answer(status, body=b""), UnknownDeliveryError) for status in (300, 301, 302, 303, 304)],
    ("13 empty", answer(200, body=b""), UnknownDeliveryError),
    ("13 {}", answer(200, {}), UnknownDeliveryError),
    ("13 HTML", answer(200, body=b"<html>"), UnknownDeliveryError),
    *[(f"14 {status}", answer(status, REFUSED), RejectedError) for status in (400, 409, 413, 422)],
    ("14 result false", answer(200, {"result": False}), RejectedError),
    ("14 success false", answer(200, {"success": False}), RejectedError),
]
CUT = [
    ("12 cut", answer(200, body=b'{"resu', is_complete=False)),
    ("12 cut 202", answer(202, body=b"{", is_complete=False)),
    *[(f"12 {status} without a body", answer(status, body=b"")) for status in (201, 202, 204)],
]


@pytest.mark.parametrize(("step", "kind"), [row[1:] for row in REPEATED], ids=[row[0] for row in REPEATED])
async def test_what_was_surely_not_taken_is_repeated(step, kind):
    """After a failure of the safe kind the event goes again, to acceptance; four attempts in vain raise the error."""
    accepted, _, times = await play(step, step, TAKEN)
    refused, transport, _ = await play(step)

    assert (accepted.is_confirmed, len(times)) == (True, 3)
    assert type(refused) is kind
    assert refused.status.value == "not_sent"
    assert len(transport.requests) == 4


@pytest.mark.parametrize(("step", "kind"), [row[1:] for row in REPORTED], ids=[row[0] for row in REPORTED])
async def test_everything_else_is_reported_at_once(step, kind):
    """What may have been taken, and what will not be taken, is not sent again, however much time there is."""
    result, _, times = await play(step, TAKEN)

    assert type(result) is kind
    assert times == [0]


@pytest.mark.parametrize("step", [row[1] for row in CUT], ids=[row[0] for row in CUT])
@pytest.mark.parametrize("policy", [RetryPolicy(), RetryPolicy.at_least_once()])
async def test_a_2xx_whose_body_is_not_obtained_is_accepted_unconfirmed(step, policy):
    """Row 12: the status says that the event was taken, so nothing is sent again, not even at least once."""
    result, _, times = await play(step, TAKEN, policy=policy)

    assert not result.is_confirmed
    assert times == [0]


@pytest.mark.parametrize(
    "step",
    [LOST, answer(500), answer(502), answer(504), answer(503, body=b""), answer(200, {}), answer(200, body=b"")],
)
async def test_at_least_once_also_repeats_what_may_have_been_taken(step):
    """`repeat_unknown` sends an event of unknown outcome again, four times at most."""
    accepted, _, times = await play(step, TAKEN, policy=RetryPolicy.at_least_once())
    unknown, transport, _ = await play(step, policy=RetryPolicy.at_least_once())

    assert (accepted.is_confirmed, len(times)) == (True, 2)
    assert type(unknown) is UnknownDeliveryError
    assert len(transport.requests) == 4


@pytest.mark.parametrize("step", [answer(301), answer(302), answer(400, REFUSED), answer(403), BAD_CERTIFICATE])
async def test_at_least_once_repeats_nothing_that_is_pointless(step):
    """A redirect, a refusal and a false certificate fare the same the next time."""
    _, _, times = await play(step, TAKEN, policy=RetryPolicy.at_least_once())

    assert times == [0]


@pytest.mark.parametrize("max_attempts", [1, 2, 7])
async def test_attempts_are_counted(max_attempts):
    """The policy's attempts are made, the first among them, and no more."""
    error, transport, _ = await play(NO_CONNECTION, policy=RetryPolicy(max_attempts=max_attempts))

    assert type(error) is NotSentError
    assert len(transport.requests) == max_attempts


@pytest.mark.parametrize(
    ("policy", "jitter", "times"),
    [
        (RetryPolicy(), 1.0, [0, 0.5, 1.5, 3.5]),
        (RetryPolicy(), 0.5, [0, 0.25, 0.75, 1.75]),
        (RetryPolicy(), 0.0, [0, 0, 0, 0]),
        (RetryPolicy(base_delay=4, max_delay=5), 1.0, [0, 4, 9, 14]),
        (RetryPolicy(base_delay=0), 1.0, [0, 0, 0, 0]),
    ],
)
async def test_the_jitter_is_full(policy, jitter, times):
    """A delay is anywhere between nothing and a ceiling that doubles up to its own."""
    _, _, seen = await play(NO_CONNECTION, policy=policy, jitter=jitter)

    assert seen == pytest.approx(times)


async def test_the_default_jitter_is_random():
    """Without a jitter of the test's own, delays differ and stay below their ceiling."""
    delays = set()
    for _ in range(20):
        transport = ScriptedTransport(NO_CONNECTION, TAKEN)
        began = now()
        await retrying(transport, RetryPolicy()).send(request_for())
        delays.add(transport.times[1] - began)

    assert len(delays) > 10
    assert all(0 <= delay <= 0.5 + 1e-6 for delay in delays)


@pytest.mark.parametrize(
    ("refusal", "waited"),
    [(answer(503, retry_after=7), 7), (answer(408, retry_after=2.5), 2.5), (answer(429, retry_after=7), 7)],
)
async def test_retry_after_is_honoured(refusal, waited):
    """What SendPulse asks for takes the place of the backoff."""
    _, _, times = await play(refusal, TAKEN, seconds=30)

    assert times == [0, pytest.approx(waited)]


async def test_after_a_shared_pause_there_is_no_backoff():
    """Who waited for the pause of the account has waited: 1, 2 and 4 seconds, and no random delay on top."""
    _, _, times = await play(OVER_QUOTA, policy=RetryPolicy(base_delay=20), jitter=1.0)

    assert times == pytest.approx([0, 1, 3, 7])


@pytest.mark.parametrize("refusal", [answer(429, retry_after=31), answer(503, retry_after=31)])
async def test_a_retry_after_beyond_the_deadline_fails_at_once(refusal):
    """Nobody waits for what cannot come in time: the error tells how long it would have been."""
    began = now()

    error, _, times = await play(refusal, TAKEN, seconds=30)

    assert (times, now()) == ([0], began)
    assert isinstance(error, RateLimitedError | ServiceUnavailableError)
    assert error.retry_after == pytest.approx(31)
    assert error.status_code in {429, 503}


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1, 1.49, 1.5, 3.4])
async def test_no_sleep_begins_that_no_attempt_could_follow(seconds):
    """The loop ends with its last attempt, and never later than its deadline."""
    began = now()

    error, _, times = await play(NO_CONNECTION, seconds=seconds, jitter=1.0)

    assert type(error) is NotSentError
    assert now() - began == pytest.approx(times[-1])
    assert times == pytest.approx([time for time in (0, 0.5, 1.5, 3.5) if time < seconds])


@pytest.mark.parametrize("failure", [answer(503, retry_after=1), NO_CONNECTION])
async def test_a_pause_of_somebody_else_ends_the_loop_when_it_is_too_long(failure):
    """Where another event's refusal pauses the account beyond the deadline, this one's own last failure is raised."""
    quota = Quota(None, clock=now)

    class Pausing(ScriptedTransport):
        async def send(self, request):
            await quota.pause(now(), 100)
            return await super().send(request)

    gate = GatedTransport(Pausing(failure), quota)
    sender = RetryingSender(gate, RetryPolicy(base_delay=1), clock=now, jitter=lambda: 1.0)
    request, began = request_for(deadline=now() + 30), now()

    with pytest.raises(NotSentError) as caught:
        await sender.send(request)

    assert now() - began == pytest.approx(1)
    assert not isinstance(caught.value, RateLimitedError)
    assert hasattr(caught.value, "retry_after") is (failure is not NO_CONNECTION)
    assert getattr(caught.value, "retry_after", 99) == pytest.approx(99)
    assert request.progress.attempts == 1


async def test_a_place_that_was_given_back_begins_no_wait_in_vain():
    """Somebody gave up his place, which comes long before the moment that SendPulse asks to wait for."""
    quota = Quota(RateLimit(per_second=1), clock=now)

    class RefusesWhenSomebodyLeft(ScriptedTransport):
        async def send(self, request):
            with anyio.move_on_after(0.5):
                await quota.wait()
            return await super().send(request)

    gate = GatedTransport(RefusesWhenSomebodyLeft(answer(503, retry_after=10)), quota)
    sender = RetryingSender(gate, RetryPolicy(), clock=now, next_place=quota.next_place)
    request, began = request_for(deadline=now() + 3), now()

    with pytest.raises(ServiceUnavailableError) as caught:
        await sender.send(request)

    assert now() - began == pytest.approx(0.5)
    assert caught.value.retry_after == 10


async def test_a_passed_deadline_is_no_matter_of_the_rate():
    """Where there is no limit, nobody is told of one."""
    with pytest.raises(NotSentError) as caught:
        await Quota(None, clock=now).wait(now())

    assert type(caught.value) is NotSentError
    assert str(caught.value) == "not sent: the deadline passed"


async def test_a_place_beyond_the_deadline_is_told_as_what_it_is():
    """Who asks in vain hears that it is the rate, and how long it would be."""
    quota = Quota(RateLimit(per_second=0.1), clock=now)
    await quota.wait()

    with pytest.raises(RateLimitedError) as caught:
        await quota.wait(now() + 5)

    assert str(caught.value) == "the rate limit leaves no place before the deadline"
    assert caught.value.retry_after == pytest.approx(10)


async def test_a_deadline_that_passes_in_a_wait_leaves_the_answer_that_led_to_it():
    """What SendPulse said is raised, not that there was no time for another attempt."""

    async def oversleep(seconds):
        await anyio.sleep(seconds + 40)

    gate = GatedTransport(ScriptedTransport(answer(503, retry_after=5)), Quota(None, clock=now))
    sender = RetryingSender(gate, RetryPolicy(), clock=now, sleep=oversleep)

    with pytest.raises(ServiceUnavailableError) as caught:
        await sender.send(request_for(deadline=now() + 30))

    assert caught.value.retry_after == 5
