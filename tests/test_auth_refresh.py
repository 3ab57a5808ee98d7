"""A token's life: how long it serves, when the next one is fetched, and how a refresh ends with its sender."""

from __future__ import annotations

import asyncio
import gc

import anyio
import pytest
from fake_account import TOKEN_TEXT, Account, Authorized
from fakes import LOST, SILENCE, answer, at_once, backend, now, turns

from sendpulse_async import FailureScope, NotSentError

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

FIRST, SECOND = f"{TOKEN_TEXT}1", f"{TOKEN_TEXT}2"
HOUR, DAY = 3600, 86_400


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


def refreshes():
    return [task for task in asyncio.all_tasks() if task.get_name() == "sendpulse_async: token refresh"]


async def serve_until(account, authorized, seconds, step=1.0):
    """Send an event every so often; return when the second token was asked for, in seconds since the first."""
    began = now()
    while now() - began < seconds and account.token_requests < 2:
        await authorized.send()
        await anyio.sleep(step)
        await turns(5)
    return account.token_times[1] - account.token_times[0] if account.token_requests > 1 else None


@pytest.mark.parametrize(
    ("expires_in", "early", "late"),
    [
        (HOUR, HOUR - 300, HOUR),
        ("3600", HOUR - 300, HOUR),
        (0, HOUR - 300, HOUR),
        (-1, HOUR - 300, HOUR),
        (None, HOUR - 300, HOUR),
        ("soon", HOUR - 300, HOUR),
        (1e308, DAY - 300, DAY),
        (100, 80, 100),
        (10, 8, 10),
    ],
)
async def test_a_token_is_refreshed_before_it_expires(expires_in, early, late):
    """The next token is asked for in the last fifth of its life, five minutes at most, and not before."""
    account = Account(expires_in=expires_in)

    asked = await serve_until(account, Authorized(account), 2 * DAY, step=early / 100)

    assert early - 1 <= asked <= late


async def test_the_old_token_serves_while_the_next_one_is_fetched():
    """An event in the last part of a token's life goes at once with it; later ones go with its successor."""
    account = Account(expires_in=100)
    authorized = Authorized(account)
    await authorized.send()
    await anyio.sleep(85)

    results = await authorized.send_at_once(50)
    await anyio.sleep(1)
    await authorized.send()

    assert [result.status_code for result in results] == [200] * 50
    assert account.token_requests == 2
    assert account.sent == [FIRST] * 51 + [SECOND]


@pytest.mark.parametrize("trouble", [SILENCE, answer(500), answer(401), LOST], ids=["silent", "500", "refused", "lost"])
async def test_an_early_refresh_that_fails_leaves_the_old_token_serving(trouble):
    """While the old token is good nobody waits for the next one, whatever befalls its request."""
    account = Account(None, *[trouble] * 100, expires_in=100)
    authorized = Authorized(account)
    await authorized.send()
    await anyio.sleep(81)

    waits = []
    for _ in range(6):
        asked = now()
        with anyio.move_on_after(3):
            assert (await authorized.send()).status_code == 200
            waits.append(now() - asked)
        await anyio.sleep(0.01)

    assert len(waits) == 6, "an event failed though there was a token that served"
    assert max(waits) < 1
    assert set(account.sent) == {FIRST}
    await authorized.tokens.aclose()


async def test_an_early_refresh_that_hangs_costs_short_deadlines_one_event_at_most():
    """Events that have less time than a hanging refresh takes are not lost one after another while a token serves."""
    account = Account(None, *[SILENCE] * 100, expires_in=100)
    authorized = Authorized(account)
    await authorized.send()
    await anyio.sleep(81)

    accepted = 0
    for _ in range(6):
        with anyio.move_on_after(0.3):
            accepted += (await authorized.send()).status_code == 200

    assert accepted >= 5
    await authorized.tokens.aclose()


async def test_failing_early_refreshes_are_not_a_stampede():
    """A token endpoint that is away while the old token lives is asked now and then, not for every event."""
    account = Account(None, *[answer(500)] * 10_000, expires_in=100)
    authorized = Authorized(account, jitter=0.0)
    await authorized.send()

    while now() - account.token_times[0] < 99:
        await authorized.send()
        await anyio.sleep(0.05)

    assert account.token_requests < 60


async def test_an_expired_token_is_not_sent():
    """After its life a token is of no use: the next event waits for a new one."""
    account = Account(expires_in=100, travel=1)
    authorized = Authorized(account)
    await authorized.send()
    await anyio.sleep(200)

    results = await authorized.send_at_once(5)

    assert [result.status_code for result in results] == [200] * 5
    assert account.sent == [FIRST] + [SECOND] * 5
    assert account.token_requests == 2


@pytest.mark.parametrize("hours", [2, -2, 24 * 365])
async def test_the_wall_clock_may_jump(hours):
    """A token in hand serves its time and no longer, however the wall clock is set meanwhile."""
    account = Account(expires_in=HOUR)
    authorized = Authorized(account)
    await authorized.send()

    authorized.wall.ahead += hours * HOUR
    await anyio.sleep(HOUR - 301)
    await authorized.send()
    in_its_life = account.token_requests
    await anyio.sleep(302)
    await authorized.send()

    assert in_its_life == 1
    assert account.token_requests == 2


async def test_a_tokens_life_begins_with_its_answer():
    """A token request that takes long does not shorten what the token endpoint promised."""
    account = Account(expires_in=100, travel=25)
    authorized = Authorized(account)

    await authorized.tokens.get()
    await anyio.sleep(79)
    await authorized.tokens.get()

    assert account.token_requests == 1


async def test_closing_ends_a_refresh_and_tells_those_who_wait(anyio_backend):
    """On asyncio `aclose` ends the sender's task; who waits for it gets a NotSentError, and nothing is left behind."""
    if anyio_backend[0] == "trio":
        pytest.skip("on trio a refresh is part of the caller that makes it")
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
    account = Account(SILENCE)
    authorized = Authorized(account)

    async def close():
        await turns()
        assert len(refreshes()) == 1
        await authorized.tokens.aclose()

    *errors, _ = await at_once(*[authorized.send] * 5, close)

    assert [type(error) for error in errors] == [NotSentError] * 5
    assert "closed" in str(errors[0])
    assert (refreshes(), account.running) == ([], 0)
    del errors
    gc.collect()
    await turns()
    assert complaints == []


@pytest.mark.parametrize("trouble", [answer(500), answer(401), LOST])
async def test_a_refresh_that_fails_unwatched_makes_no_noise(trouble, anyio_backend):
    """An early refresh that nobody waits for may fail, and the event loop has nothing to complain about."""
    if anyio_backend[0] == "trio":
        pytest.skip("trio has no task of the sender's own")
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
    account = Account(None, *[trouble] * 4, expires_in=100)
    authorized = Authorized(account)
    await authorized.send()
    await anyio.sleep(85)
    await authorized.send()

    await anyio.sleep(10)
    gc.collect()
    await turns()

    assert account.token_requests > 1
    assert (complaints, refreshes()) == ([], [])


async def test_a_caller_cancelled_while_the_sender_closes_is_cancelled():
    """Closing does not swallow the cancellation of a caller that waited for a token."""
    authorized, ended = Authorized(Account(SILENCE)), []

    async def call():
        try:
            await authorized.send()
        except BaseException as error:
            ended.append(type(error))
            raise

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await turns()
        group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await authorized.tokens.aclose()

    assert ended == [anyio.get_cancelled_exc_class()]
    assert authorized.account.running == 0


async def test_a_caller_cancelled_with_the_refresh_is_cancelled(anyio_backend):
    """Where a refresh is ended and its caller is cancelled in the same breath, the cancellation wins."""
    if anyio_backend[0] == "trio":
        pytest.skip("trio has no task of the sender's own")
    authorized = Authorized(Account(SILENCE))
    caller = asyncio.create_task(authorized.send())
    await turns()
    (refresh,) = refreshes()
    refresh.add_done_callback(lambda task: caller.cancel())

    await authorized.tokens.aclose()
    await asyncio.wait([caller], timeout=5)

    assert caller.cancelled()


async def test_closing_without_a_refresh_does_nothing():
    """A token manager that never worked, or is done, closes at once, twice too."""
    idle, used = Authorized(Account()), Authorized(Account())
    await used.send()

    for authorized in (idle, used, used):
        await authorized.tokens.aclose()

    assert (idle.account.token_requests, used.account.token_requests) == (0, 1)


async def test_a_closed_manager_asks_for_nothing():
    """After `aclose` who has no token is told so, and neither the store nor the endpoint is asked."""
    authorized = Authorized(Account())
    await authorized.tokens.aclose()

    errors = await authorized.send_at_once(3)

    assert [str(error) for error in errors] == ["not sent: the sender was closed, and there is no token"] * 3
    assert {error.scope for error in errors} == {FailureScope.ACCOUNT}
    assert authorized.account.token_requests == 0


async def test_a_closed_manager_lets_its_token_serve():
    """A token in hand serves the events that are under way still, and none is fetched for later ones."""
    authorized = Authorized(Account(expires_in=100))
    await authorized.send()
    await authorized.tokens.aclose()
    await anyio.sleep(90)

    result = await authorized.send()
    await turns()

    assert result.status_code == 200
    assert authorized.account.token_requests == 1


async def test_an_early_refresh_that_failed_is_tried_again_half_way_to_the_end():
    """After 81 of 100 seconds, then after half of what is left, and half of that."""
    account = Account(None, answer(500), answer(500), None, expires_in=100)
    authorized = Authorized(account, jitter=0.0)
    await authorized.send()

    while account.token_requests < 4:
        await anyio.sleep(0.25)
        await authorized.send()
        await turns(5)

    asked = [moment - account.token_times[0] for moment in account.token_times]
    assert asked == pytest.approx([0, 80, 90, 95], abs=0.5)
