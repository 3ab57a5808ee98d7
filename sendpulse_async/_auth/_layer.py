"""The layer that puts an authorisation on each request, and repeats a request whose token was refused."""

from __future__ import annotations

from typing import Protocol

import attrs

from .._errors import AuthenticationError, FailureScope, NotSentError
from .._http import Request
from .._tokens import ApiKey, Token
from .._wire import Answer

MOST_SWAPS = 3
"""Of one event's token. One is enough, unless it brought a token that was there already and may be as old."""


class Sends(Protocol):
    """Delivers a request, or raises a `DeliveryError`."""

    async def send(self, request: Request) -> Answer:
        """Return the answer that accepted it."""
        ...


class Tokens(Protocol):
    """Where the layer gets its tokens."""

    async def get(self, deadline: float) -> Token:
        """Return the one that serves; no wait for it begins that would outlast the deadline."""
        ...

    async def replace(self, refused: Token, deadline: float, *, afresh: bool) -> Token:
        """Return another one than `refused`, likewise; `afresh`: one that was in no store."""
        ...

    @property
    def asked(self) -> int:
        """How often the token endpoint was asked for one so far."""
        ...

    def is_fresh(self, token: Token, asked: int) -> bool:
        """Tell whether the token endpoint gave it, asked more than so often."""
        ...

    def distrust(self) -> None:
        """Note that a fresh one was refused too."""
        ...

    async def aclose(self) -> None:
        """End what is under way."""
        ...


class StaticKey:
    """An API key in the place of tokens: there is no other one to swap it for."""

    def __init__(self, key: ApiKey) -> None:
        self._token = Token(key.key)

    async def get(self, deadline: float) -> Token:  # noqa: ARG002 - the verb's signature
        """Return the key."""
        return self._token

    async def replace(self, refused: Token, deadline: float, *, afresh: bool) -> Token:  # noqa: ARG002 - likewise
        """Raise: a refused key stays refused."""
        raise AuthenticationError("HTTP 401: the API key was refused", status_code=401)

    asked = 0

    def is_fresh(self, token: Token, asked: int) -> bool:  # noqa: ARG002 - the verb's signature
        """Say no: there is no endpoint."""
        return False

    def distrust(self) -> None:
        """Do nothing: no request would follow."""

    async def aclose(self) -> None:
        """Do nothing: nothing is under way."""


class AuthorizingSender:
    """Authorises what is sent below."""

    def __init__(self, inner: Sends, tokens: Tokens) -> None:
        self._inner = inner
        self._tokens = tokens

    async def send(self, request: Request) -> Answer:
        """Deliver one event, with another token if one is refused that was not fetched for that very reason.

        Raises:
            DeliveryError: What came of the last attempt, or why there is no token.
        """
        token, swaps, asked = await self._tokens.get(request.deadline), 0, 0
        while True:
            try:
                return await self._inner.send(_authorized(request, token))
            except AuthenticationError as error:
                if swaps and self._tokens.is_fresh(token, asked):
                    self._tokens.distrust()
                    raise
                if swaps == MOST_SWAPS:  # all of them may have been old: that is no doubt about the credentials
                    text = f"{error}, with {swaps + 1} tokens that were there already"
                    raise NotSentError(text, scope=FailureScope.EVENT, status_code=error.status_code) from None
            swaps, asked = swaps + 1, self._tokens.asked
            token = await self._tokens.replace(token, request.deadline, afresh=swaps > 1)


def _authorized(request: Request, token: Token) -> Request:
    header = (b"Authorization", b"Bearer " + token.text.encode())
    return attrs.evolve(request, headers=(*request.headers, header))
