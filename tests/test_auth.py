"""One token for all who wait, swapped once when it is refused, and no secret anywhere."""

from __future__ import annotations

import logging
import math

import anyio
import pytest
from fake_account import CREDENTIALS, EVENTS, TOKEN_TEXT, Account, Authorized
from fakes import (
    LOST,
    NO_CONNECTION,
    TAKEN,
    ScriptedTransport,
    Step,
    answer,
    at_once,
    backend,
    now,
    request_for,
    turns,
)

from sendpulse_async import (
    ApiKey,
    AuthenticationError,
    FailureScope,
    MemoryTokenStore,
    NotSentError,
    Quota,
    RetryPolicy,
    Token,
)
from sendpulse_async._auth import AuthorizingSender, StaticKey
from sendpulse_async._quota import GatedTransport
from sendpulse_async._retrying import RetryingSender

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

FIRST, SECOND = f"{TOKEN_TEXT}1", f"{TOKEN_TEXT}2"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


@pytest.fixture
def is_asyncio(anyio_backend):
    return anyio_backend[0] == "asyncio"


def accepted(results):
    return [result.status_code for result in results if not isinstance(result, Exception)]


# Shared


async def test_a_hundred_first_calls_make_one_token_request():
    """However many find no token, one of them asks for it, and all use it."""
    account = Account(travel=0.1)

    results = await Authorized(account).send_at_once(100)

    assert accepted(results) == [200] * 100
    assert account.token_requests == 1
    assert account.sent == [FIRST] * 100


async def test_a_token_revoked_under_a_hundred_senders_costs_one_more_request():
    """A hundred refusals of one token together make one token request, and every event is accepted."""
    account = Account(travel=0.1)
    authorized = Authorized(account)
    await authorized.send()
    account.revoke()

    results = await authorized.send_at_once(100)

    assert accepted(results) == [200] * 100
    assert account.token_requests == 2
    assert account.sent == [FIRST] * 101 + [SECOND] * 100


async def test_nothing_is_asked_for_before_a_token_is_needed():
    """Making the layers makes no request, not even of the store."""
    loads = []

    class Store(MemoryTokenStore):
        async def load(self, account):
            loads.append(account)

    account = Account()
    Authorized(account, Store())
    await turns()

    assert (account.requests, loads) == ([], [])


async def test_the_first_caller_cancelled_during_a_refresh_fails_nobody_else(is_asyncio):
    """The others get their token: on asyncio from the same request, on trio from the next of them."""
    account = Account(travel=2)
    authorized, results = Authorized(account), []

    async def others():
        results.extend(await authorized.send_at_once(20))

    async with anyio.create_task_group() as group:
        with anyio.move_on_after(1) as scope:
            async with anyio.create_task_group() as impatient:
                impatient.start_soon(authorized.send)
                await turns(10)
                group.start_soon(others)
                await turns(10)

    assert scope.cancelled_caught
    assert accepted(results) == [200] * 20
    assert account.token_requests == (1 if is_asyncio else 2)


async def test_a_refresh_outlives_all_its_callers(is_asyncio):
    """Where everybody who waited was cancelled, the next caller gets a token, on asyncio without a second request."""
    account = Account(travel=2)
    authorized = Authorized(account)
    with anyio.move_on_after(1):
        await authorized.send_at_once(5)

    result = await authorized.send()

    assert result.status_code == 200
    assert account.token_requests == (1 if is_asyncio else 2)


async def test_each_who_waited_gets_an_error_of_its_own():
    """One failure raised to many is many errors: each carries its own event's attempts and times."""
    account = Account(answer(400))

    results = await Authorized(account).send_at_once(10)

    assert {type(error) for error in results} == {AuthenticationError}
    assert len({id(error) for error in results}) == 10


async def test_one_failure_is_told_to_all_who_waited_for_it():
    """A token endpoint that fails is asked four times, not four times for each who waits."""
    account = Account(*[answer(500)] * 100)

    results = await Authorized(account).send_at_once(10)

    assert {type(error).__name__ for error in results} == {"ServiceUnavailableError"}
    assert account.token_requests == 4


# Swapped


async def test_a_late_refusal_of_an_old_token_keeps_the_fresh_one():
    """A 401 for a token that was swapped already makes no token request, and its event goes with the fresh one."""
    account = Account()
    authorized = Authorized(account)
    refusal = Step(answer(401), seconds=60)
    slow = ScriptedTransport(refusal, TAKEN)
    tortoise = AuthorizingSender(RetryingSender(GatedTransport(slow, Quota(None)), RetryPolicy()), authorized.tokens)
    await authorized.send()

    async with anyio.create_task_group() as group:
        group.start_soon(tortoise.send, request_for(EVENTS))
        await anyio.sleep(1)
        account.revoke()
        await authorized.send()
    await authorized.send()

    assert account.token_requests == 2
    assert [dict(request.headers)[b"Authorization"] for request in slow.requests] == [
        f"Bearer {text}".encode() for text in (FIRST, SECOND)
    ]
    assert account.sent[-1] == SECOND


async def test_a_token_that_was_there_before_the_refusal_is_no_fresh_one():
    """An old and its successor are revoked together: the event that meets both is accepted with a third one."""
    account = Account(expires_in=100)
    authorized = Authorized(account)
    await authorized.send()
    refusal = Step(answer(401), seconds=10)
    slow = ScriptedTransport(refusal, answer(401), TAKEN)
    tortoise = AuthorizingSender(RetryingSender(GatedTransport(slow, Quota(None)), RetryPolicy()), authorized.tokens)

    async with anyio.create_task_group() as group:
        group.start_soon(tortoise.send, request_for(EVENTS))
        await anyio.sleep(5)
        account.revoke()
        await authorized.send()

    assert [dict(request.headers)[b"Authorization"] for request in slow.requests] == [
        f"Bearer {TOKEN_TEXT}{number}".encode() for number in (1, 2, 3)
    ]
    assert account.token_requests == 3


@pytest.mark.parametrize("policy", [RetryPolicy(max_attempts=1), RetryPolicy(budget_ratio=0, budget_reserve=0)])
async def test_a_refused_token_is_repeated_once_whatever_the_policy(policy):
    """The repeat with a fresh token needs neither an attempt of the policy nor a share of the budget."""
    account = Account()
    authorized = Authorized(account, policy=policy)
    await authorized.send()
    account.revoke()
    request = request_for(EVENTS)

    result = await authorized.pile.send(request)

    assert result.status_code == 200
    assert request.progress.attempts == 2


@pytest.mark.parametrize(
    ("steps", "attempts", "kind"),
    [
        ([answer(401), TAKEN], 2, None),
        ([NO_CONNECTION, answer(401), NO_CONNECTION, TAKEN], 4, None),
        ([NO_CONNECTION, answer(401), NO_CONNECTION, NO_CONNECTION, TAKEN], 4, NotSentError),
        ([NO_CONNECTION, NO_CONNECTION, NO_CONNECTION, answer(401), TAKEN], 5, None),
        ([NO_CONNECTION, NO_CONNECTION, NO_CONNECTION, answer(401), NO_CONNECTION, TAKEN], 5, NotSentError),
        ([NO_CONNECTION, answer(401), answer(401), TAKEN], 3, AuthenticationError),
    ],
)
async def test_one_counter_covers_both_tokens(steps, attempts, kind):
    """Attempts with the old token and with the fresh one are counted together."""
    authorized = Authorized(Account())
    events = ScriptedTransport(*steps)
    retrying = RetryingSender(GatedTransport(events, Quota(None)), RetryPolicy(), clock=now)
    request = request_for(EVENTS)

    (result,) = await at_once(lambda: AuthorizingSender(retrying, authorized.tokens).send(request))

    assert type(result) is kind if kind else result.status_code == 200
    assert request.progress.attempts == len(events.requests) == attempts


async def test_a_fresh_token_that_is_refused_too_is_an_authentication_error():
    """The second 401 of an event ends it, and nobody asks for tokens for a minute, however many send."""
    account = Account()
    account.takes_nothing = True
    authorized = Authorized(account)
    request = request_for(EVENTS)

    with pytest.raises(AuthenticationError) as caught:
        await authorized.pile.send(request)
    crowd = await authorized.send_at_once(100)
    await anyio.sleep(59)
    crowd += await authorized.send_at_once(100)
    requests_in_the_minute = account.token_requests
    account.takes_nothing = False
    await anyio.sleep(2)
    result = await authorized.send()

    assert (caught.value.status_code, request.progress.attempts) == (401, 2)
    assert {type(error) for error in crowd} == {AuthenticationError}
    assert requests_in_the_minute == 2
    assert result.status_code == 200


async def test_a_fresh_token_that_expired_at_the_gate_is_no_doubt_about_the_credentials():
    """A pause may outlast a token's life: its refusal then says nothing but that."""
    account = Account(expires_in=20)
    authorized = Authorized(account)
    await authorized.send()
    account.revoke()
    taken, refusals = account._answer, iter([answer(401), answer(429, retry_after=30)])

    def refuse(request):
        is_event = not request.target.path.endswith("/oauth/access_token")
        return Step(refusal) if is_event and (refusal := next(refusals, None)) else taken(request)

    account.script = refuse
    async with anyio.create_task_group() as group:
        group.start_soon(expire_in, account, 25)
        result = await authorized.send()

    assert result.status_code == 200
    assert account.token_requests == 3


async def expire_in(account, seconds):
    await anyio.sleep(seconds)
    account.revoke()


class OldTokens:
    """A source that has another token always, and never a fresh one."""

    asked = 0

    def __init__(self):
        self.calls = []

    async def get(self, deadline):
        return Token("canary-old")

    async def replace(self, refused, deadline, *, afresh):
        self.calls.append(afresh)
        return Token("canary-old-too")

    def is_fresh(self, token, asked):
        return False


async def test_tokens_that_were_there_already_are_no_doubt_about_the_credentials():
    """Where others swap tokens all the time, an event that met old ones alone ends, and stops no run."""
    tokens, events = OldTokens(), ScriptedTransport(answer(401))
    retrying = RetryingSender(GatedTransport(events, Quota(None)), RetryPolicy())

    with pytest.raises(NotSentError) as caught:
        await AuthorizingSender(retrying, tokens).send(request_for(EVENTS))

    assert (type(caught.value), caught.value.scope) == (NotSentError, FailureScope.EVENT)
    assert (caught.value.status_code, len(events.requests)) == (401, 4)
    assert "4 tokens" in str(caught.value)
    assert tokens.calls == [False, True, True]


async def test_what_is_surely_refused_makes_no_requests():
    """While the credentials rest, an event that has no token ends without a request of any kind."""
    account = Account()
    account.takes_nothing = True
    authorized = Authorized(account)
    await at_once(authorized.send, authorized.send)
    await at_once(authorized.send)
    before = len(account.requests)

    results = await authorized.send_at_once(100)

    assert {type(error) for error in results} == {AuthenticationError}
    assert len(account.requests) == before


async def test_a_refused_api_key_is_an_authentication_error_at_once():
    """There is no other key to swap it for: one request, and no second."""
    transport = ScriptedTransport(answer(401), TAKEN)
    retrying = RetryingSender(GatedTransport(transport, Quota(None)), RetryPolicy())
    request = request_for(EVENTS)

    with pytest.raises(AuthenticationError) as caught:
        await AuthorizingSender(retrying, StaticKey(ApiKey("sp_apikey_x"))).send(request)

    assert (str(caught.value), caught.value.status_code) == ("HTTP 401: the API key was refused", 401)
    assert request.progress.attempts == len(transport.requests) == 1


async def test_a_refusal_that_the_fresh_token_meets_is_the_outcome():
    """What comes after the swap is told as it is."""
    authorized = Authorized(Account())
    retrying = RetryingSender(GatedTransport(ScriptedTransport(answer(401), LOST), Quota(None)), RetryPolicy())

    (error,) = await at_once(lambda: AuthorizingSender(retrying, authorized.tokens).send(request_for(EVENTS)))

    assert error.status.value == "unknown"


# Secret


async def test_no_secret_is_shown(caplog):
    """Neither token, secret nor key is in a repr, an error or a log line, through all that can go wrong."""
    caplog.set_level(logging.DEBUG)
    key = StaticKey(ApiKey("canary-key"))
    account = Account(answer(500), LOST, None, None, answer(401, {"error": "invalid_client"}))

    class Broken(MemoryTokenStore):
        async def load(self, account):
            raise OSError(f"cannot read canary-token-0 of {account}")

    authorized = Authorized(account, Broken())
    results = [await authorized.send()]
    account.takes_nothing = True
    results += await authorized.send_at_once(3)
    await anyio.sleep(61)
    results += await authorized.send_at_once(3)

    shown = [caplog.text, *map(repr, results), *map(str, results)]
    shown += [repr(vars(error)) for error in results if isinstance(error, Exception)]
    shown += [repr(it) for it in (authorized.pile, authorized.tokens, authorized.tokens._endpoint, CREDENTIALS, key)]
    shown += [repr(request) for request in account.requests]
    shown += [repr(it) for it in (Token("canary-token-0"), ApiKey("canary-key"), await key.get(math.inf))]
    assert AuthenticationError in {type(result) for result in results}
    assert "token store failed" in caplog.text
    for canary in ("canary-token", "canary-secret", "canary-key", CREDENTIALS.account):
        assert not [text for text in shown if canary in text]
