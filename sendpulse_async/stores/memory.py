"""Keeps tokens in this process."""

from __future__ import annotations

from .._tokens import Token


class MemoryTokenStore:
    """A token store for senders of one process: give the same one to each."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    async def load(self, account: str) -> Token | None:
        """Return the account's token, or None."""
        return self._tokens.get(account)

    async def save(self, account: str, token: Token) -> None:
        """Keep `token` in place of any other."""
        self._tokens[account] = token
