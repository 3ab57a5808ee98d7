"""Random lives of an account's token, on virtual time: one request at a time, and always a token at the end."""

from __future__ import annotations

import math

import anyio
import pytest
from examples import examples
from fake_account import TOKEN_TEXT, Account, Authorized
from fakes import CUT_EARLY, LOST, NO_CONNECTION, answer, backend, now, turns
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import AuthenticationError, MemoryTokenStore, NotSentError

pytestmark = pytest.mark.timeout(200)

LIFETIME = 100
MINUTE = 60.0
LITTLE = 1e-6
REFUSED = answer(400, {"error": "invalid_client"})

trouble = st.sampled_from(
    [answer(500), answer(429, retry_after=7), LOST, NO_CONNECTION, CUT_EARLY, answer(200, {}), REFUSED, REFUSED]
)


class BusyAccount(Account):
    """An account that notes what is done with its tokens.

    Attributes:
        born: When each token was given.
        dead: When each was revoked.
        uses: Which token came with an event, and when.
        ends: When each token request was answered, and how.
        most: Token requests under way at a time, at most.
    """

    def __init__(self, travel):
        super().__init__(expires_in=LIFETIME, travel=travel)
        self.born, self.dead, self.uses, self.ends = {}, {}, [], []
        self.most = self._asking = 0

    def revoke(self):
        self.dead |= dict.fromkeys(self.valid, now())
        super().revoke()

    async def send(self, request):
        if not request.target.path.endswith("/oauth/access_token"):
            response = await super().send(request)
            self.uses.append((self.sent[-1], now()))
            return response
        self._asking += 1
        self.most = max(self.most, self._asking)
        try:
            response = await super().send(request)
        finally:
            self._asking -= 1
        text = f"{TOKEN_TEXT}{self.given}"
        if text not in self.born and text.encode() in response.body:
            self.born[text] = now()
        self.ends.append((now(), response))
        return response


class UnsteadyStore(MemoryTokenStore):
    """A store that fails, hangs, holds rubbish or gives no lock when it is told to."""

    mood = owner = None

    async def load(self, account):
        await self._act()
        return "rubbish" if self.mood == "rubbish" else await super().load(account)

    async def save(self, account, token):
        await self._act()
        await super().save(account, token)

    async def try_lock(self, account, owner):
        await self._act()
        if self.owner is not None or self.mood == "locked":
            return False
        self.owner = owner
        return "rubbish" if self.mood == "rubbish" else True

    async def unlock(self, account, owner):
        await self._act()
        self.owner = None

    async def _act(self):
        if self.mood == "fails":
            raise OSError("no")
        if self.mood == "hangs":
            await anyio.sleep_forever()


def act(verb, *what):
    """One thing that happens: a verb of `Life`, and what it is given."""
    return st.tuples(st.just(verb), *what)


pauses = st.sampled_from([0.0, 0.05, 1, 10, 61, 79, 85, 101])
acts = st.one_of(
    *[act("send", st.integers(1, 5))] * 2,
    *[act("time_passes", pauses)] * 2,
    act("revoke"),
    act("cancel"),
    act("trouble_comes", st.lists(trouble, min_size=1, max_size=6)),
    act("wall_clock_is_set", st.sampled_from([7200, -7200])),
    act("store_changes", st.sampled_from(["fails", "hangs", "rubbish", "locked", None])),
    act("send_in_haste", st.integers(1, 3)),
    act("all_are_refused", st.booleans()),
)


class Life:
    """What happens to one account and its senders."""

    def __init__(self, group, travel, *, is_asyncio):
        self.group = group
        self.is_asyncio = is_asyncio
        self.account = BusyAccount(travel)
        self.store = UnsteadyStore()
        self.authorized = Authorized(self.account, self.store)
        self.results = []
        self.scopes = []
        self.begun = 0
        self.is_account_at_fault = False
        self.is_clock_wrong = False
        self.revocations = 0

    async def one(self, patience=math.inf):
        with anyio.move_on_after(patience) as scope:
            self.scopes.append(scope)
            try:
                self.results.append(await self.authorized.send())
            except NotSentError as error:
                self.results.append(error)
        if scope.cancelled_caught:
            self.results.append(None)
        self.scopes.remove(scope)

    async def send(self, count):
        self.begun += count
        for _ in range(count):
            self.group.start_soon(self.one)
        await turns(3)

    async def send_in_haste(self, count):
        self.begun += count
        for _ in range(count):
            self.group.start_soon(self.one, 0.2)  # less than a store has
        await turns(3)

    async def time_passes(self, seconds):
        await anyio.sleep(seconds)

    async def revoke(self):
        self.account.revoke()
        self.revocations += 1
        self.is_account_at_fault |= self.revocations > 1  # two of them may meet one event

    async def cancel(self):
        if self.scopes:
            self.scopes[0].cancel()

    async def trouble_comes(self, steps):
        self.account.on_token += steps
        self.is_account_at_fault |= REFUSED in steps

    async def wall_clock_is_set(self, seconds):
        self.authorized.wall.ahead += seconds
        self.is_clock_wrong = True

    async def store_changes(self, mood):
        self.store.mood = mood

    async def all_are_refused(self, is_so):
        self.account.takes_nothing = is_so
        self.is_account_at_fault |= is_so

    def check(self):
        account = self.account
        assert account.most <= 1, "two token requests at a time"
        if not self.is_account_at_fault:
            assert AuthenticationError not in map(type, self.results), "the credentials are right"
        for token, moment in account.uses if not self.is_clock_wrong else ():
            assert moment <= account.born[token] + LIFETIME + 2 * account.travel + LITTLE, "a dead token was sent"
        for refused_at, response in account.ends:
            if response is REFUSED:
                again = [moment for moment in account.token_times if refused_at < moment < refused_at + MINUTE - LITTLE]
                assert not again, "refused credentials were tried again within the minute"

    async def end(self):
        """The trouble is over: after the minute that refused credentials rest an event is accepted."""
        while self.scopes:
            await anyio.sleep(1)
        assert len(self.results) == self.begun
        self.check()
        self.account.on_token.clear()
        self.account.takes_nothing, self.store.mood = False, None
        await anyio.sleep(MINUTE + 1)
        assert (await self.authorized.send()).status_code == 200
        asked = self.account.token_requests
        for _ in range(3):
            await self.authorized.send()
        # On trio an early refresh is a part of an event, which gives it up where it takes long.
        assert self.account.token_requests <= asked + (1 if self.is_asyncio else 4)
        await self.authorized.tokens.aclose()


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
@examples(150)
@given(script=st.lists(acts, max_size=25), travel=st.sampled_from([0.0, 0.1, 3.0]))
def test_a_token_lives_well_whatever_happens(loop, script, travel):
    """Senders come and go, tokens expire, are revoked and refused, clocks and stores misbehave."""

    async def live():
        async with anyio.create_task_group() as group:
            life = Life(group, travel, is_asyncio=loop == "asyncio")
            for verb, *what in script:
                await getattr(life, verb)(*what)
            await life.end()

    name, options = backend(loop)
    anyio.run(live, backend=name, backend_options=options)
