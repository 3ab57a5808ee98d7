"""An account that gives tokens and takes events, and the layers that use it, on virtual time."""

from __future__ import annotations

import math

from fakes import TAKEN, ScriptedTransport, Step, WallClock, answer, at_once, now, request_for

from sendpulse_async import ClientCredentials, Quota, RetryPolicy
from sendpulse_async._auth import AuthorizingSender, TokenEndpoint, TokenManager
from sendpulse_async._http import Target
from sendpulse_async._loops import within
from sendpulse_async._quota import GatedTransport
from sendpulse_async._retrying import RetryingSender
from sendpulse_async._wire import TokenDoor

BASE = Target("http", "127.0.0.1", 9, "")
EVENTS = Target("http", "127.0.0.1", 9, "/events/name/order")
CREDENTIALS = ClientCredentials("an-id", "canary-secret")
TOKEN_TEXT = "canary-token-"


def token_answer(text, expires_in=3600):
    return answer(200, {"access_token": text, "token_type": "Bearer", "expires_in": expires_in})


class Account(ScriptedTransport):
    """SendPulse with tokens: it gives `canary-token-1`, `-2` …, takes events with the latest, refuses others with 401.

    Attributes:
        on_token: Steps for the next token requests; then, or where a step is None, a token is given.
        valid: The tokens that are taken.
        given: Tokens given so far.
        expires_in: What is said of a token.
        sent: The tokens that came with events, in order.
        takes_nothing: Every event is refused with 401, whatever its token.
        token_times: When tokens were asked for.
    """

    def __init__(self, *on_token, expires_in=3600, travel=0.0):
        super().__init__(self._answer)
        self.on_token = list(on_token)
        self.valid = set()
        self.given = 0
        self.expires_in = expires_in
        self.travel = travel
        self.sent = []
        self.takes_nothing = False
        self.token_times = []

    @property
    def token_requests(self):
        return len(self.token_times)

    def revoke(self):
        self.valid.clear()

    def _answer(self, request):
        if request.target.path.endswith("/oauth/access_token"):
            return self._token()
        header = dict(request.headers).get(b"Authorization", b"").decode()
        token = header.removeprefix("Bearer ")
        self.sent.append(token)
        is_taken = token in self.valid and not self.takes_nothing
        return Step(TAKEN if is_taken else answer(401, {"error_code": 401}), seconds=self.travel)

    def _token(self):
        self.token_times.append(now())
        if (step := self.on_token.pop(0) if self.on_token else None) is not None:
            return step
        self.given += 1
        text = f"{TOKEN_TEXT}{self.given}"
        self.valid.add(text)
        return Step(token_answer(text, self.expires_in), seconds=self.travel)


class Authorized:
    """The layers of an authorised sender, without the sender around them.

    Attributes:
        account: What is below.
        wall: Unix time, as they see it.
        tokens: The token manager.
        quota: What their attempts pay to; no rate.
    """

    def __init__(self, account, store=None, *, policy=None, jitter=0.5, wait=within):
        self.account = account
        self.wall = WallClock()
        self.quota = Quota(None, clock=now)
        clocks = {"clock": now, "wall_clock": self.wall}
        endpoint = TokenEndpoint(CREDENTIALS, TokenDoor(BASE), account, jitter=lambda: jitter, **clocks)
        self.tokens = TokenManager(endpoint, store, wait=wait, next_place=self.quota.next_place, **clocks)
        gate = GatedTransport(account, self.quota)
        self.pile = AuthorizingSender(RetryingSender(gate, policy or RetryPolicy(), clock=now), self.tokens)

    async def send(self, deadline=math.inf):
        """Send an event; return the answer."""
        return await self.pile.send(request_for(EVENTS, deadline=deadline))

    async def fails(self, deadline):
        """Send an event; return the error."""
        (error,) = await at_once(lambda: self.send(deadline))
        assert isinstance(error, Exception)
        return error

    async def send_at_once(self, count):
        """Send events together; return what became of each."""
        return await at_once(*[self.send] * count)
