"""Token requests that fail: repeated a few times, spaced, and not at all for a while after a refusal."""

from __future__ import annotations

import anyio
import pytest
from fake_account import CREDENTIALS, TOKEN_TEXT, Account, Authorized, token_answer
from fakes import BAD_CERTIFICATE, CUT_EARLY, LOST, NO_CONNECTION, Step, answer, at_once, backend, now

from sendpulse_async import (
    AuthenticationError,
    MemoryTokenStore,
    NotSentError,
    RateLimitedError,
    ServiceUnavailableError,
    Token,
)
from sendpulse_async._loops import within

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


@pytest.mark.parametrize(
    "failures",
    [
        [answer(500)] * 2,
        [answer(503, body=b""), answer(502, body=b"<html>"), answer(504)],
        [answer(429)],
        [answer(429, retry_after=5)] * 3,
        [answer(200, {"error_code": 2020202020})],
        [LOST],
        [CUT_EARLY],
        [NO_CONNECTION] * 3,
        [BAD_CERTIFICATE],
        [answer(200, {})],
        [answer(200, body=b"<html>")],
        [answer(200, body=b'{"access_tok', is_complete=False)],
        [answer(200, {"access_token": "two words"})],
        [answer(200, {"access_token": 5})],
        [answer(302, body=b"")],
        [answer(404)],
        [answer(403)],
    ],
    ids=repr,
)
async def test_a_token_endpoint_that_recovers_costs_no_event(failures):
    """A token request may be repeated whatever befell it, and the event needs one attempt all the same."""
    account = Account(*failures)

    result = await Authorized(account).send()

    assert result.status_code == 200
    assert account.token_requests == len(failures) + 1
    assert account.sent == [f"{TOKEN_TEXT}1"]


async def test_an_account_over_its_quota_is_not_told_that_its_credentials_are_wrong():
    """Error 2020202020 is a passing refusal under any status: it is repeated, and starts no cool-down."""
    account = Account(answer(400, {"error_code": 2020202020, "message": "More than 10 requests per second"}))

    (result,) = await Authorized(account).send_at_once(1)

    assert result.status_code == 200
    assert account.token_requests == 2


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (answer(500), ServiceUnavailableError),
        (answer(200, {}), ServiceUnavailableError),
        (answer(429), RateLimitedError),
        (NO_CONNECTION, NotSentError),
        (LOST, NotSentError),
    ],
)
async def test_a_token_endpoint_that_stays_away_is_told_after_four_requests(failure, kind):
    """Whatever befalls the token, the event is NOT_SENT, also where a token request went out without an answer."""
    account = Account(*[failure] * 100)

    (error,) = await Authorized(account).send_at_once(1)

    assert type(error) is kind
    assert error.status.value == "not_sent"
    assert account.token_requests == 4
    assert account.sent == []


@pytest.mark.parametrize(("jitter", "ceilings"), [(1.0, [0.5, 1, 2, 4, 8, 16, 30, 30]), (0.0, [0] * 8)])
async def test_token_requests_are_spaced(jitter, ceilings):
    """The first pause is at most half a second, each further one twice as long up to thirty, over several callers."""
    account = Account(*[answer(500)] * 9)
    authorized = Authorized(account, jitter=jitter)

    for _ in range(3):
        await authorized.send_at_once(1)

    gaps = [later - earlier for earlier, later in zip(account.token_times, account.token_times[1:], strict=False)]
    assert gaps[:8] == pytest.approx(ceilings)


async def test_a_success_makes_the_next_failure_a_first_one():
    """Backoff does not outlive the trouble."""
    account = Account(*[answer(500)] * 3, None, answer(500), expires_in=10)
    authorized = Authorized(account, jitter=1.0)
    await authorized.send()
    await anyio.sleep(11)

    began = now()
    await authorized.send()

    assert now() - began <= 1
    assert account.token_requests == 6


@pytest.mark.parametrize(
    ("retry_after", "waited"), [(5, 5), (60, 60), (3600, 60), ("Fri, 01 Jan 2100 00:00:00 GMT", 60), ("soon", 0)]
)
async def test_retry_after_is_honoured_for_a_minute_at_most(retry_after, waited):
    """The token endpoint may ask for patience, but not for the end of the day."""
    account = Account(answer(429, retry_after=retry_after))

    await Authorized(account, jitter=0.0).send()

    assert account.token_times[1] - account.token_times[0] == pytest.approx(waited)


@pytest.mark.parametrize(
    "refusal",
    [
        answer(400, {"error": "invalid_client"}),
        answer(401, {"error": "invalid_client"}),
        answer(200, {"error": "invalid_client"}),
        answer(403, {"error": "invalid_client"}),
        answer(400, body=b""),
        answer(401, body=b"<html>"),
    ],
)
async def test_refused_credentials_rest_for_a_minute(refusal):
    """A refusal is not repeated, nor tried again within a minute by anybody; after it there is one more try."""
    account = Account(refusal, refusal)
    authorized = Authorized(account)

    errors = await authorized.send_at_once(20)
    await anyio.sleep(59)
    errors += await authorized.send_at_once(20)
    in_the_first_minute = account.token_requests
    await anyio.sleep(2)
    errors += await authorized.send_at_once(20)
    in_the_second_minute = account.token_requests
    await anyio.sleep(61)
    result = await authorized.send()

    assert {type(error) for error in errors} == {AuthenticationError}
    assert (in_the_first_minute, in_the_second_minute) == (1, 2)
    assert result.status_code == 200


async def test_a_refusal_among_failures_ends_the_tries():
    """Credentials that are refused after some failures are not tried a fourth time."""
    account = Account(answer(500), NO_CONNECTION, answer(401), answer(500))

    (error,) = await Authorized(account).send_at_once(1)

    assert type(error) is AuthenticationError
    assert error.status_code == 401
    assert account.token_requests == 3


async def test_the_events_rate_limit_does_not_hold_token_requests():
    """A token answer that comes late is taken as it comes; nothing of it counts as an event's attempt."""
    account = Account(Step(token_answer("canary-late"), seconds=20))
    account.valid.add("canary-late")

    result = await Authorized(account).send()

    assert result.status_code == 200
    assert account.sent == ["canary-late"]


# Waiting


FULL = answer(429, retry_after=30)


async def test_nobody_waits_for_a_token_that_cannot_come_in_time():
    """Where the endpoint asks for more patience than a deadline leaves, the event fails at once and says how long."""
    account = Account(FULL)
    authorized, began = Authorized(account), now()

    errors = [await authorized.fails(deadline=began + 20) for _ in range(3)]

    assert {type(error) for error in errors} == {RateLimitedError}
    assert [error.retry_after for error in errors] == pytest.approx([30, 30, 30])
    assert (now(), account.token_requests) == (began, 1)


async def test_who_has_the_time_waits_for_the_token():
    """Beside one whose deadline is too near, another event waits, and is accepted."""
    account = Account(FULL)
    authorized, began = Authorized(account), now()

    results = await at_once(lambda: authorized.fails(deadline=began + 20), authorized.send)

    assert type(results[0]) is RateLimitedError
    assert results[1].status_code == 200
    assert now() - began == pytest.approx(30)
    assert account.token_requests == 2


@pytest.mark.parametrize(("seconds", "is_tried"), [(29.9, False), (30, False), (30.1, True)])
async def test_a_wait_as_long_as_the_deadline_is_too_long(seconds, is_tried):
    """A token that comes no sooner than the deadline serves nobody."""
    account = Account(FULL)
    authorized, began = Authorized(account), now()

    (result,) = await at_once(lambda: authorized.send(deadline=began + seconds))

    assert isinstance(result, NotSentError) is not is_tried
    assert now() - began == pytest.approx(30 if is_tried else 0)


async def test_a_failure_without_a_wait_of_its_own_tells_none():
    """A connection that was refused has no `retry_after` to tell."""
    authorized = Authorized(Account(NO_CONNECTION), jitter=1.0)

    error = await authorized.fails(deadline=now() + 0.1)

    assert type(error) is NotSentError
    assert not hasattr(error, "retry_after")


class OddAccount(Account):
    """An account over a transport that raises what no transport should."""

    is_odd = True

    async def send(self, request):
        response = await super().send(request)
        if self.is_odd and request.target.path.endswith("/oauth/access_token"):
            raise LookupError("someone@example.com")
        return response


async def test_a_transport_that_raises_anything_is_not_asked_for_every_event():
    """A fault of a caller's own client costs the spaced requests of any other failure, and is named."""
    account = OddAccount()
    authorized = Authorized(account, jitter=1.0)

    errors = await authorized.send_at_once(20)
    account.is_odd = False
    await anyio.sleep(31)
    result = await authorized.send()

    assert {(type(error), str(error)) for error in errors} == {
        (NotSentError, "no token: the transport raised LookupError")
    }
    assert account.token_requests == 5
    assert result.status_code == 200


class Oversleeping:
    """A wait from which the first wakes up in time, and each other one later than the one before."""

    def __init__(self):
        self.late = 0.0

    async def __call__(self, seconds, something):
        late, self.late = self.late, self.late + 0.01
        await within(seconds + late, something)


async def test_who_wakes_up_late_takes_what_is_there():
    """Timers do not fire in the same turn: the first to wake up fetches, and those after it find its token."""
    account = Account(answer(500))
    authorized = Authorized(account, wait=Oversleeping())

    results = await authorized.send_at_once(20)

    assert [result.status_code for result in results] == [200] * 20
    assert account.token_requests == 2


async def test_who_wakes_up_late_waits_for_what_is_under_way():
    """The last try counts when it has ended: who wakes up while it is made joins it."""
    account = Account(*[answer(500)] * 3, Step(token_answer("canary-last"), seconds=5))
    account.valid.add("canary-last")
    authorized = Authorized(account, wait=Oversleeping())

    results = await authorized.send_at_once(20)

    assert [result.status_code for result in results] == [200] * 20
    assert account.token_requests == 4


async def test_who_wakes_up_late_adds_no_request():
    """However they wake up, those who wait together see four requests fail, not four each."""
    account = Account(*[answer(500)] * 100)
    authorized = Authorized(account, wait=Oversleeping())

    results = await authorized.send_at_once(20)

    assert {type(error) for error in results} == {ServiceUnavailableError}
    assert account.token_requests == 4


async def test_a_timer_that_fires_early_costs_nothing():
    """An event loop with coarse timers wakes up too soon: the wait goes on, and no try is lost."""

    async def hasty(seconds, something):
        await within(max(seconds - 0.001, 0.0005), something)

    account = Account(*[answer(500)] * 3)

    result = await Authorized(account, wait=hasty).send()

    assert result.status_code == 200
    assert account.token_requests == 4


async def test_closing_ends_the_wait_for_the_next_request():
    """Who waits until the endpoint may be asked again is told at once that the sender was closed."""
    account = Account(answer(429, retry_after=20))
    authorized, began = Authorized(account), now()

    async def close():
        await anyio.sleep(1)
        await authorized.tokens.aclose()

    *errors, _ = await at_once(*[authorized.send] * 3, close)

    assert now() - began == pytest.approx(1)
    assert [str(error) for error in errors] == ["not sent: the sender was closed, and there is no token"] * 3


async def test_a_token_ends_the_wait_of_all():
    """One looks into the store while the others wait for the endpoint: what it finds there serves them all, at once."""
    account, store = Account(answer(429, retry_after=20)), MemoryTokenStore()
    account.valid.add("canary-shared")
    authorized, began = Authorized(account, store), now()

    async def come_later():
        await anyio.sleep(1)
        await store.save(CREDENTIALS.account, Token("canary-shared"))
        return await authorized.send()

    results = await at_once(*[authorized.send] * 3, come_later)

    assert [result.status_code for result in results] == [200] * 4
    assert now() - began == pytest.approx(1)
    assert account.token_requests == 1


async def test_no_wait_begins_for_a_token_that_would_come_into_a_pause():
    """Where the account is paused beyond the deadline, an event does not wait until a token may be asked for."""
    authorized = Authorized(Account(answer(503, retry_after=5)))
    await authorized.quota.pause(now(), 60)
    began = now()

    error = await authorized.fails(deadline=now() + 30)

    assert now() == began
    assert (type(error), error.retry_after) == (ServiceUnavailableError, pytest.approx(60))


async def test_a_token_that_another_process_left_ends_the_wait():
    """While the endpoint asks for patience the store is looked into: its token serves at once."""
    account, store = Account(FULL), MemoryTokenStore()
    account.valid.add("canary-shared")
    authorized, began = Authorized(account, store), now()
    await authorized.fails(deadline=began + 20)
    await store.save(CREDENTIALS.account, Token("canary-shared"))

    result = await authorized.send(deadline=began + 20)

    assert result.status_code == 200
    assert (now(), account.token_requests) == (began, 1)
