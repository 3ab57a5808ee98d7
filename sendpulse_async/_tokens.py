"""What authorises a call: credentials, a token, and the verbs of a place that keeps one for several processes."""

from __future__ import annotations

import hashlib
from typing import Any, Protocol, runtime_checkable

import attrs

from ._errors import ConfigurationError

LOCK_SECONDS = 2
"""How long a lock on an account's token lasts, should its owner die; a token request takes less."""


@attrs.frozen
class Token:
    """An access token.

    Attributes:
        text: What follows `Bearer`; not in the repr.
        expires_at: Unix time in seconds, or None where the place that kept it does not say.
    """

    text: str = attrs.field(repr=False)
    expires_at: float | None = None


@runtime_checkable
class TokenStore(Protocol):
    """Keeps one token an account, so that senders and processes can share it.

    `account` is the lower-case hex MD5 of `"{client_id}::{client_secret}"`, the key that SendPulse's official clients
    use. A store that fails never stops a send: the sender warns once and goes on with a token of its own.
    """

    async def load(self, account: str) -> Token | None:
        """Return the account's token, or None where there is none that can be read."""
        ...

    async def save(self, account: str, token: Token) -> None:
        """Keep `token` in place of any other."""
        ...


@runtime_checkable
class LockingTokenStore(TokenStore, Protocol):
    """A store that also tells one of many processes to fetch the token that they all lack; the others wait for it.

    A lock that is never given, or never given back, holds nobody up for more than three seconds: then the sender warns
    once and goes on with a token of its own.
    """

    async def try_lock(self, account: str, owner: str) -> bool:
        """Tell whether `owner` is to fetch the account's token.

        Nobody else is told so until it unlocks, or two seconds have passed.
        """
        ...

    async def unlock(self, account: str, owner: str) -> None:
        """Let another process lock, if `owner` is the one that did."""
        ...


def _header_safe(instance: object, attribute: attrs.Attribute[str], value: object) -> None:
    name = f"{type(instance).__name__}.{attribute.name}"
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a string, not {type(value).__name__}")
    if not is_header_safe(value):
        raise ConfigurationError(f"{name} must be printable ASCII without blanks, and not empty")


def is_header_safe(text: object) -> bool:
    """Tell whether `text` can stand in an `Authorization` header as it is."""
    return isinstance(text, str) and bool(text) and all("!" <= character <= "~" for character in text)


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


@attrs.frozen
class ClientCredentials:
    """The id and the secret of SendPulse's REST API (*Settings → API*), exchanged for tokens that expire.

    Raises:
        ConfigurationError: One of them is empty or cannot be a credential.
    """

    client_id: str = attrs.field(converter=_stripped, validator=_header_safe)
    client_secret: str = attrs.field(converter=_stripped, validator=_header_safe, repr=False)

    @property
    def account(self) -> str:
        """The key under which the official PHP, Python and Node clients keep this account's token."""
        pair = f"{self.client_id}::{self.client_secret}"
        return hashlib.md5(pair.encode(), usedforsecurity=False).hexdigest()


@attrs.frozen
class ApiKey:
    """A static key (`sp_apikey_…`), sent as it is; it does not expire.

    Raises:
        ConfigurationError: It is empty or cannot be a key.
    """

    key: str = attrs.field(converter=_stripped, validator=_header_safe, repr=False)
