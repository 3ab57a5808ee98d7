"""The layer that puts an authorisation on each request, and repeats a request whose token was refused once."""

from __future__ import annotations

import math
from typing import Protocol

import attrs

from .._errors import AuthenticationError
from .._http import Request
from .._tokens import ApiKey, Token
from .._wire import Answer


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

    async def replace(self, refused: Token, deadline: float) -> Token:
        """Return another one than `refused`, likewise."""
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

    async def get(self, deadline: float = math.inf) -> Token:  # noqa: ARG002 - the verb's signature
        """Return the key."""
        return self._token

    async def replace(self, refused: Token, deadline: float = math.inf) -> Token:  # noqa: ARG002 - likewise
        """Raise: a refused key stays refused."""
        raise AuthenticationError("HTTP 401: the API key was refused", status_code=401)

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
        """Deliver one event, with another token if the first is refused.

        Raises:
            DeliveryError: What came of the last attempt, or why there is no token.
        """
        token = await self._tokens.get(request.deadline)
        try:
            return await self._inner.send(_authorized(request, token))
        except AuthenticationError:
            token = await self._tokens.replace(token, request.deadline)
        try:
            return await self._inner.send(_authorized(request, token))
        except AuthenticationError:
            self._tokens.distrust()
            raise


def _authorized(request: Request, token: Token) -> Request:
    header = (b"Authorization", b"Bearer " + token.text.encode())
    return attrs.evolve(request, headers=(*request.headers, header))
