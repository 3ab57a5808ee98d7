"""The token store beside a sender: asked first, told of each new token, and never able to stop an event."""

from __future__ import annotations

import logging

import anyio
import pytest
from canaries import own_records
from fake_account import CREDENTIALS, TOKEN_TEXT, Account, Authorized, token_answer
from fakes import Step, answer, backend, now, turns

from sendpulse_async import AuthenticationError, MemoryTokenStore, ServiceUnavailableError, Token

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

FIRST = f"{TOKEN_TEXT}1"
SHARED = "canary-shared"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


class Store(MemoryTokenStore):
    """A store that counts, and that can be told to misbehave.

    Attributes:
        loads: How often it was asked.
        saved: What it was told, in order.
    """

    def __init__(self, token=None):
        super().__init__()
        self._tokens = {CREDENTIALS.account: token} if token else {}
        self.loads = 0
        self.saved = []

    async def load(self, account):
        self.loads += 1
        return await super().load(account)

    async def save(self, account, token):
        self.saved.append((account, token))
        await super().save(account, token)


async def test_the_store_is_asked_first():
    """A token that another process left is used, and none is asked for."""
    account, store = Account(), Store(Token(SHARED))
    account.valid.add(SHARED)

    await Authorized(account, store).send_at_once(20)

    assert account.sent == [SHARED] * 20
    assert (account.token_requests, store.loads, store.saved) == (0, 1, [])


async def test_a_new_token_is_saved_for_the_others():
    """What was fetched is in the store, under the account's key, with its expiry; the next sender finds it there."""
    account, store = Account(), Store()
    authorized = Authorized(account, store)

    await authorized.send()
    expires_at = authorized.wall() + 3600
    await Authorized(account, store).send()

    ((key, token),) = store.saved
    assert (key, token.text) == (CREDENTIALS.account, FIRST)
    assert token.expires_at == pytest.approx(expires_at)
    assert account.token_requests == 1


@pytest.mark.parametrize("age", [0, 1, 1e9])
async def test_an_expired_token_of_the_store_is_ignored(age):
    """A token that says it has expired is not tried."""
    account = Account()
    authorized = Authorized(account, Store(Token(SHARED, 1_700_000_000.0 + now() - age)))

    await authorized.send()

    assert account.sent == [FIRST]


async def test_a_refused_token_of_the_store_is_replaced():
    """A stored token that the event endpoint refuses is not tried again: a fresh one is fetched, and saved over it."""
    account, store = Account(), Store(Token(SHARED))
    authorized = Authorized(account, store)

    result = await authorized.send()

    assert result.status_code == 200
    assert account.sent == [SHARED, FIRST]
    assert (await store.load(CREDENTIALS.account)).text == FIRST


async def test_another_processs_refresh_is_taken_over():
    """Where the store holds a different token after a 401, it is the refresh: no token request is made."""
    account, store = Account(), Store()
    authorized = Authorized(account, store)
    await authorized.send()
    account.valid = {SHARED}
    await store.save(CREDENTIALS.account, Token(SHARED))

    await authorized.send_at_once(10)

    assert account.sent[-10:] == [SHARED] * 10
    assert account.token_requests == 1


async def test_afresh_means_not_from_the_store():
    """Who replaces a token takes the store's, unless he says that it would be of no use."""
    account, store = Account(), Store()
    tokens = Authorized(account, store).tokens
    first = await tokens.get()
    await store.save(CREDENTIALS.account, Token(SHARED))

    second = await tokens.replace(first)
    await store.save(CREDENTIALS.account, Token("canary-another"))
    third = await tokens.replace(second, afresh=True)

    assert (second.text, third.text) == (SHARED, f"{TOKEN_TEXT}2")


async def test_an_early_refresh_of_another_process_is_taken_over():
    """Near a token's end the store is asked as well, and a newer token there saves the request."""
    account, store = Account(expires_in=100), Store()
    authorized = Authorized(account, store)
    await authorized.send()
    await anyio.sleep(85)
    account.valid.add(SHARED)
    await store.save(CREDENTIALS.account, Token(SHARED, authorized.wall() + 100))

    await authorized.send()
    await turns()
    await authorized.send()

    assert account.sent[-1] == SHARED
    assert account.token_requests == 1


@pytest.mark.parametrize("hours", [2, -2])
async def test_a_wall_clock_that_is_wrong_costs_a_request_at_most(hours):
    """Where this machine's clock and another's differ by hours, a stored token may seem dead or alive; events go on."""
    account = Account()
    authorized = Authorized(account, Store(Token(SHARED, 1_700_000_000.0 + now() + hours * 1800)))
    authorized.wall.ahead += hours * 3600
    if hours < 0:
        authorized.wall.ahead -= 3600

    result = await authorized.send()

    assert result.status_code == 200
    assert account.token_requests == 1


class Failing(Store):
    async def load(self, account):
        raise OSError("no canary here")

    async def save(self, account, token):
        raise ValueError("no canary here")


class FailingAtOnce(Store):
    def load(self, account):
        raise OSError("before there is anything to await")

    def save(self, account, token):
        raise OSError("before there is anything to await")


class HangingLoad(Store):
    async def load(self, account):
        await anyio.sleep_forever()


class HangingSave(Store):
    async def save(self, account, token):
        await anyio.sleep_forever()


class SlowSave(Store):
    async def save(self, account, token):
        await anyio.sleep(0.2)
        await super().save(account, token)


class Synchronous(Store):
    def load(self, account):
        return None

    def save(self, account, token):
        return None


RUBBISH = ["a text", b"bytes", 5, {"text": SHARED}]
UNUSABLE = ["", "two words", "a\r\nX-Evil: 1", "\u0442\u043e\u043a\u0435\u043d", "\ud800", 5, None]
BROKEN = [Failing, FailingAtOnce, HangingLoad, HangingSave, Synchronous]


@pytest.mark.parametrize(
    "make",
    [*BROKEN, *[lambda rubbish=rubbish: Store(rubbish) for rubbish in RUBBISH]],
    ids=[*[kind.__name__ for kind in BROKEN], *map(repr, RUBBISH)],
)
async def test_a_store_that_fails_never_stops_an_event(make, caplog):
    """A store that raises, hangs or holds rubbish costs one warning and half a second at most; the sends go on."""
    caplog.set_level(logging.INFO, "sendpulse_async")
    account, began = Account(), now()
    authorized = Authorized(account, make())

    results = await authorized.send_at_once(10)
    took = now() - began
    account.revoke()
    results += await authorized.send_at_once(10)
    await authorized.tokens.aclose()

    assert [getattr(result, "status_code", result) for result in results] == [200] * 20
    assert account.sent == [FIRST] * 20 + [f"{TOKEN_TEXT}2"] * 10
    assert took <= 0.5 + 1e-6
    assert [record.levelname for record in own_records(caplog)] == ["WARNING"]


@pytest.mark.parametrize(
    "token", [*map(Token, UNUSABLE), Token(SHARED, "tomorrow")], ids=[*map(ascii, UNUSABLE), "end"]
)
async def test_a_token_that_no_header_can_carry_is_not_taken_from_a_store(token, caplog):
    """Rubbish in the shape of a token breaks no event and reaches no header."""
    account = Account()
    account.valid.add(SHARED)

    results = await Authorized(account, Store(token)).send_at_once(5)

    assert [getattr(result, "status_code", result) for result in results] == [200] * 5
    assert set(account.sent) <= {FIRST, SHARED}
    assert len(own_records(caplog)) <= 1


@pytest.mark.parametrize(
    "expires_at", [float("nan"), float("inf"), 1e308, -1e308, 10**400], ids=lambda value: repr(value)[:6]
)
async def test_a_store_that_lies_about_the_expiry_stops_no_event(expires_at):
    """Whatever a stored token says of its end, events are accepted, and a refused one is swapped."""
    account = Account()
    authorized = Authorized(account, Store(Token(SHARED, expires_at)))

    results = await authorized.send_at_once(5)
    results += await authorized.send_at_once(5)

    assert [result.status_code for result in results] == [200] * 10
    assert account.token_requests == 1


async def test_a_new_token_serves_while_it_is_being_saved(anyio_backend):
    """A store that is slow to save holds back nobody who waits for the token, or comes after it."""
    account = Account()
    authorized = Authorized(account, HangingSave())

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(authorized.send)
        await anyio.sleep(0.1)
        await authorized.send()
        soon = len(account.sent)

    is_caller_saving = anyio_backend[0] == "trio"  # which has no task of the sender's own
    assert soon == 6 - is_caller_saving
    assert account.sent == [FIRST] * 6


async def test_closing_lets_a_token_be_saved():
    """A program that ends right after its first event leaves the token to the next one."""
    account, store = Account(), SlowSave()
    authorized = Authorized(account, store)

    await authorized.send()
    await authorized.tokens.aclose()

    assert [token.text for _, token in store.saved] == [FIRST]


@pytest.mark.parametrize("store", [HangingLoad(), HangingSave()], ids=["load", "save"])
async def test_a_hanging_store_stops_no_short_event(store):
    """Events with less time than a store has patience for: one at most is lost, and not one after the other."""
    account = Account()
    authorized, accepted = Authorized(account, store), 0

    for _ in range(8):
        with anyio.move_on_after(0.2):
            accepted += (await authorized.send()).status_code == 200
    await authorized.tokens.aclose()

    assert accepted >= 7
    assert account.token_requests == 1


class SlowFirst(Store):
    """A store whose first save takes longer than the next one."""

    async def save(self, account, token):
        if not self.saved:
            self.saved.append((account, token))
            await anyio.sleep(0.2)
        await super().save(account, token)


async def test_an_older_token_is_never_saved_over_a_newer_one():
    """Saves come one after the other, in the order of the tokens."""
    account, store = Account(), SlowFirst()
    authorized = Authorized(account, store)

    async with anyio.create_task_group() as group:
        group.start_soon(authorized.send)
        await anyio.sleep(0.1)
        account.revoke()
        group.start_soon(authorized.send)
        await anyio.sleep(1)
    await authorized.tokens.aclose()

    assert (await store.load(CREDENTIALS.account)).text == f"{TOKEN_TEXT}{account.given}"


async def test_who_is_cancelled_while_a_token_is_saved_costs_no_other_request():
    """The token is in hand before it is saved, whoever does that and leaves."""
    account = Account()
    authorized = Authorized(account, HangingSave())

    with anyio.move_on_after(0.1):
        await authorized.tokens.get()
    await authorized.send_at_once(5)

    assert account.token_requests == 1


async def test_a_token_refused_while_it_is_being_saved_is_not_handed_out_again():
    """Whoever replaces a refused token gets another one, though the refresh that brought it is not over yet."""
    account = Account()
    authorized = Authorized(account, HangingSave())

    async with anyio.create_task_group() as group:
        group.start_soon(authorized.tokens.get)
        await anyio.sleep(0.1)
        refused = await authorized.tokens.get()
        replaced = await authorized.tokens.replace(refused)

    assert (refused.text, replaced.text) == (FIRST, f"{TOKEN_TEXT}2")


async def test_a_token_fetched_though_the_store_failed_is_kept():
    """A store that fails once does not cost a token request for every event."""
    account = Account(Step(token_answer(SHARED)), answer(500))
    account.valid.add(SHARED)
    authorized = Authorized(account, Failing())

    for _ in range(5):
        await authorized.send()

    assert account.sent == [SHARED] * 5
    assert account.token_requests == 1


class PutBack(Store):
    """A store in which another process puts its old token back, whatever is saved."""

    async def save(self, account, token):
        self.saved.append((account, token))


async def test_an_old_token_of_the_store_is_no_reason_to_doubt_the_credentials():
    """A token in hand is refused, and what the store has instead is as dead: then one is fetched, and serves."""
    account, store = Account(), PutBack()
    authorized = Authorized(account, store)
    await authorized.send()
    account.revoke()
    store._tokens = {CREDENTIALS.account: Token(SHARED)}

    results = await authorized.send_at_once(10)

    assert [result.status_code for result in results] == [200] * 10
    assert account.token_requests == 2
    assert set(account.sent[1:]) == {FIRST, SHARED, f"{TOKEN_TEXT}2"}


async def test_a_refused_token_that_is_put_back_stays_refused():
    """A store that holds the last refused token again and again makes no event try it again."""
    account, store = Account(), PutBack(Token(SHARED))
    authorized = Authorized(account, store)

    for _ in range(3):
        await authorized.send()
        account.revoke()

    assert account.sent.count(SHARED) == 1
    assert account.token_requests == 3


class Endless(Store):
    """A store that has another dead token whenever it is asked."""

    async def load(self, account):
        self.loads += 1
        return Token(f"canary-dead-{self.loads}")


async def test_of_a_store_two_dead_tokens_are_tried():
    """What a store has is tried in place of a refused token once; then one is fetched, and serves."""
    account = Account()

    result = await Authorized(account, Endless()).send()

    assert result.status_code == 200
    assert account.sent == ["canary-dead-1", "canary-dead-2", FIRST]


async def test_dead_tokens_of_a_store_and_wrong_credentials_end():
    """Where a fresh token is refused too the credentials are doubted, and not before the endpoint was asked."""
    account = Account()
    account.takes_nothing = True

    (error,) = await Authorized(account, Endless()).send_at_once(1)

    assert type(error) is AuthenticationError
    assert account.sent == ["canary-dead-1", "canary-dead-2", FIRST]
    assert account.token_requests == 1


async def test_dead_tokens_of_a_store_while_the_endpoint_is_away_are_no_doubt():
    """The store is dead and no token is to be had: that says nothing of the credentials."""
    account = Account(*[answer(500)] * 100)

    (error,) = await Authorized(account, Endless()).send_at_once(1)

    assert type(error) is ServiceUnavailableError
    assert account.sent == ["canary-dead-1", "canary-dead-2"]


def test_the_accounts_key_is_not_shown():
    """The key under which a token is kept is made of the secret."""
    assert CREDENTIALS.account not in repr(Authorized(Account(), Store()).tokens._shared)
