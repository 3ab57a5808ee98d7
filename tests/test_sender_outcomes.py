"""What came of an event: how far it got decides, be it answered, late or cut off, and its receipt or error says so."""

from __future__ import annotations

import asyncio
import math

import anyio
import pytest
from canaries import assert_silent, texts_of_error
from fake_account import CREDENTIALS, Account
from fakes import (
    LOST,
    NO_CONNECTION,
    SILENCE,
    SILENCE_BEFORE,
    TAKEN,
    ScriptedTransport,
    Step,
    answer,
    at_once,
    backend,
    now,
    put_on_virtual_time,
    silence_after,
)

from sendpulse_async import (
    AuthorizedEventSender,
    BodyFormat,
    DeliveryError,
    Event,
    InvalidEventError,
    NotSentError,
    Quota,
    RateLimit,
    RateLimitedError,
    RawEventSender,
    RejectedError,
    RetryPolicy,
    ServiceUnavailableError,
    UnknownDeliveryError,
)

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

EVENT = {"email": "a@example.com"}
LOCAL = "http://127.0.0.1:9"
URL = f"{LOCAL}/events/id/x/1"
REFUSED = answer(400, {"result": False})


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


@pytest.fixture(autouse=True)
def virtual_time(monkeypatch):
    put_on_virtual_time(monkeypatch)


async def send(*steps, deadline=None, **options):
    """Send one event over these steps; return its receipt or its error."""
    async with RawEventSender(URL, transport=ScriptedTransport(*steps), **options) as sender:
        (result,) = await at_once(lambda: sender.send_event(EVENT, deadline=deadline))
    return result


async def test_a_receipt_says_what_it_took():
    """Attempts, seconds, status and body of an accepted event, without the body in the repr."""
    taken = answer(200, {"result": True, "x": "canary"})

    receipt = await send(NO_CONNECTION, answer(503, retry_after=2), taken, retry=RetryPolicy(base_delay=0))

    assert (receipt.status_code, receipt.attempts, receipt.confirmed) == (200, 3, True)
    assert receipt.elapsed == pytest.approx(2)
    assert b"canary" in receipt.body
    assert "canary" not in repr(receipt)


async def test_an_error_says_what_it_took():
    """Attempts, seconds, status and what SendPulse asked for travel with the error."""
    error = await send(answer(503, {"message": "later", "error_code": 7}, retry_after=2))

    assert type(error) is ServiceUnavailableError
    assert (error.status.value, error.attempts, error.status_code, error.error_code) == ("not_sent", 4, 503, 7)
    assert error.elapsed == pytest.approx(6)
    assert error.retry_after == 2


async def test_a_rejection_carries_sendpulses_words():
    """Code, message and body are there to be read, and not in the error's text, which may end up in a log."""
    error = await send(answer(422, {"error_code": 422, "message": "canary is no e-mail"}))

    assert type(error) is RejectedError
    assert (error.status_code, error.error_code, error.message) == (422, 422, "canary is no e-mail")
    assert b"canary" in error.body
    assert "canary" not in f"{error} {error!r}"
    assert error.attempts == 1


# The deadline


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (SILENCE_BEFORE, NotSentError),
        (SILENCE, UnknownDeliveryError),
        (silence_after(400), RejectedError),
        (silence_after(401), NotSentError),
        (silence_after(429), RateLimitedError),
        (silence_after(500), UnknownDeliveryError),
        (silence_after(302), UnknownDeliveryError),
        (Step(head=silence_after(500).head, is_handed_over=False), NotSentError),
    ],
)
@pytest.mark.parametrize("policy", [RetryPolicy(), RetryPolicy.at_least_once()])
async def test_how_far_it_got_decides_what_a_deadline_means(step, kind, policy):
    """NOT_SENT before the last byte, UNKNOWN after it, and an answer's head alone decides where it came."""
    error = await send(step, deadline=5, retry=policy)

    assert type(error) is kind
    assert error.elapsed == pytest.approx(5)
    assert error.attempts == 1


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_a_2xx_head_before_the_deadline_is_acceptance(status):
    """Where only the head of a 2xx came the event was taken, unconfirmed."""
    receipt = await send(silence_after(status), deadline=5)

    assert (receipt.status_code, receipt.confirmed, receipt.body, receipt.attempts) == (status, False, b"", 1)
    assert receipt.elapsed == pytest.approx(5)


@pytest.mark.parametrize(
    ("own", "of_call", "seconds", "is_accepted"),
    [
        (5, None, 4.9, True),
        (5, None, 5.1, False),
        (5, 1, 4.9, False),
        (5, 10, 5.1, True),
        (5, math.inf, 10**6, True),
        (math.inf, None, 10**6, True),
        (math.inf, 5, 5.1, False),
    ],
)
async def test_the_calls_deadline_beats_the_senders(own, of_call, seconds, is_accepted):
    """None is the sender's own, infinity is none, anything else is for all of this call."""
    transport = ScriptedTransport(Step(TAKEN, seconds=seconds))

    async with RawEventSender(URL, transport=transport, deadline=own) as sender:
        (result,) = await at_once(lambda: sender.send_event(EVENT, deadline=of_call))

    assert isinstance(result, DeliveryError) is not is_accepted


async def test_the_default_deadline_is_half_a_minute():
    """A sender that is told nothing gives up after 30 seconds."""
    error = await send(SILENCE)

    assert error.elapsed == pytest.approx(30)


async def test_the_deadline_covers_all_attempts():
    """Repeats share one deadline; the last attempt is cut short by it."""
    error = await send(Step(NO_CONNECTION, seconds=4), deadline=10, retry=RetryPolicy(base_delay=0))

    assert type(error) is NotSentError
    assert (error.attempts, error.elapsed) == (3, pytest.approx(10))


async def test_a_pause_that_is_too_long_fails_at_once():
    """A `Retry-After` beyond the deadline is told, not waited for."""
    error = await send(answer(429, retry_after=100), TAKEN, deadline=30)

    assert type(error) is RateLimitedError
    assert (error.attempts, error.status_code) == (1, 429)
    assert error.elapsed == pytest.approx(0)
    assert error.retry_after == pytest.approx(100)


async def test_a_place_that_comes_too_late_fails_at_once():
    """Who would get its place under the rate limit after its deadline is told so, and makes no attempt."""
    quota = Quota(RateLimit(per_second=0.1))
    await quota.wait()

    error = await send(TAKEN, deadline=5, rate_limit=quota)

    assert type(error) is RateLimitedError
    assert (error.attempts, error.status_code) == (0, None)
    assert error.elapsed == pytest.approx(0)
    assert error.retry_after == pytest.approx(10)


@pytest.mark.parametrize("step", [SILENCE, SILENCE_BEFORE, Step(answer(500), seconds=1), answer(429, retry_after=60)])
async def test_waiting_for_a_token_is_bounded_by_the_deadline(step):
    """Without a token no event leaves: NOT_SENT when its deadline has passed, whatever befell the token request."""
    account, began = Account(*[step] * 100), now()

    async with AuthorizedEventSender(
        CREDENTIALS, base_url=LOCAL, event_name="order", transport=account, deadline=5
    ) as sender:
        (error,) = await at_once(lambda: sender.send_event(EVENT))
        assert now() - began <= 5 + 1e-6

    assert isinstance(error, NotSentError)
    assert (error.attempts, account.sent) == (0, [])


# At least once


@pytest.mark.parametrize(
    "then",
    [
        REFUSED,
        answer(403),
        answer(401),
        answer(503, retry_after=100),
        answer(429, retry_after=100),
        NO_CONNECTION,
        SILENCE_BEFORE,
        SILENCE,
    ],
)
@pytest.mark.parametrize("first", [LOST, answer(500)])
async def test_only_acceptance_settles_an_attempt_that_may_have_been_taken(first, then):
    """Once an attempt ended UNKNOWN, no later refusal and no want of a connection makes the event anything else."""
    error = await send(first, then, deadline=20, retry=RetryPolicy.at_least_once())

    assert type(error) is UnknownDeliveryError
    assert error.attempts >= 2


async def test_a_later_acceptance_settles_it():
    """At least once, an event that is accepted at last is ACCEPTED."""
    receipt = await send(LOST, answer(500), TAKEN, retry=RetryPolicy.at_least_once())

    assert (receipt.confirmed, receipt.attempts) == (True, 3)


async def test_what_was_surely_refused_leaves_no_doubt():
    """Refusals that are NOT_SENT before a rejection leave it a rejection."""
    error = await send(NO_CONNECTION, answer(429), REFUSED, retry=RetryPolicy.at_least_once())

    assert type(error) is RejectedError
    assert error.attempts == 3


@pytest.mark.parametrize("is_early", [True, False])
async def test_closing_an_authorised_sender_during_its_token_request(is_early, anyio_backend):
    """On asyncio `aclose` ends the token request, and who waited for it gets a NotSentError at once."""
    if anyio_backend[0] == "trio":
        pytest.skip("on trio the token request is part of the call that waits for it")
    account = Account(SILENCE)
    sender = AuthorizedEventSender(CREDENTIALS, base_url=LOCAL, event_name="order", transport=account, deadline=1000)

    async def close():
        await anyio.sleep(0 if is_early else 1)
        await sender.aclose()

    *errors, _ = await at_once(*[lambda: sender.send_event(EVENT)] * 3, close)

    assert [type(error) for error in errors] == [NotSentError] * 3
    assert max(error.elapsed for error in errors) <= 1
    assert (account.running, account.closed) == (0, 0)


async def test_a_closed_sender_starts_no_token_request(anyio_backend):
    """An event in flight whose token is refused after `aclose` leaves no task behind when its deadline has passed."""
    if anyio_backend[0] == "trio":
        pytest.skip("on trio the token request is part of the call that waits for it")
    account = Account(None, SILENCE)
    sender = AuthorizedEventSender(CREDENTIALS, base_url=LOCAL, event_name="order", transport=account, deadline=20)
    await sender.send_event(EVENT)
    account.revoke()
    account.travel = 5

    async def close():
        await anyio.sleep(1)
        await sender.aclose()

    error, _ = await at_once(lambda: sender.send_event(EVENT), close)

    assert isinstance(error, NotSentError)
    assert [task.get_name() for task in asyncio.all_tasks() if "token refresh" in task.get_name()] == []


def in_itself(items):
    items.append(items)


SPOILS = {
    "no JSON": lambda items: items.append({1}),
    "no number": lambda items: items.append(math.nan),
    "no text": lambda items: items.append("\ud800"),
    "in itself": in_itself,
}


@pytest.mark.parametrize("body_format", BodyFormat)
@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
async def test_an_event_that_was_spoiled_after_its_check_is_an_invalid_one(spoil, body_format):
    """Whoever changes what an event holds gets the error of a wrong event; nothing is sent, and nothing is quoted."""
    transport = ScriptedTransport(TAKEN)
    event = Event(email="someone@example.com", variables={"items": ["canary"]})
    spoil(event.variables["items"])

    async with RawEventSender(URL, body_format=body_format, transport=transport) as sender:
        with pytest.raises(InvalidEventError, match="changed after it was checked") as caught:
            await sender.send_event(event)

    assert_silent(*texts_of_error(caught.value))
    assert transport.requests == []
