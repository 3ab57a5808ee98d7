"""One request as it arrived, and what was answered."""

from __future__ import annotations

from typing import Any, Final

from attrs import field, frozen

MASK: Final = "***"
SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
"""Shown masked, and not searched."""


def _show_names(headers: tuple[tuple[str, str], ...]) -> str:
    return repr(tuple(name for name, _ in headers))


def _show_path(path: str) -> str:
    # A raw event URL is a secret; a name is not.
    return repr(path if "/events/name/" in path else MASK)


@frozen(kw_only=True)
class LedgerEntry:
    """One complete event request; its repr shows no payload, no header's value and no raw event URL.

    Attributes:
        sequence: Its place in the order of arrival, accepted and refused together, from 1.
        received_at: Unix seconds.
        door: `"raw"` or `"name"`.
        event: The event's name, percent-decoded; None at the raw door, where the URL names it.
        method: The request's method.
        path: The request's path as sent.
        headers: Names in lower case, with values.
        content_type: The request's content type, or None.
        body: The body as sent; empty when it was too large to keep.
        payload: The body as a JSON value, forms nested by their brackets; None when it could not be read.
        is_taken: Whether the event counts as accepted, whatever was answered.
        status: The status answered; None when a fault withheld the answer.
        error_code: SendPulse's own number in the answer, or None.
        duplicate_of: The sequence of the oldest accepted event that the ledger held with this path and payload, or
            None.
    """

    sequence: int
    received_at: float
    door: str
    event: str | None
    method: str
    path: str = field(repr=_show_path)
    headers: tuple[tuple[str, str], ...] = field(repr=_show_names)
    content_type: str | None
    body: bytes = field(repr=False)
    payload: Any = field(repr=False)
    is_taken: bool = True
    status: int | None
    error_code: int | None = None
    duplicate_of: int | None = None

    def header(self, name: str) -> str | None:
        """Return the first header of this name, in lower case, or None."""
        return next((text for each, text in self.headers if each == name), None)

    @property
    def email(self) -> str | None:
        """Return the payload's e-mail address without blanks around it."""
        return self._contact("email")

    @property
    def phone(self) -> str | None:
        """Return the payload's phone number without blanks around it."""
        return self._contact("phone")

    def _contact(self, name: str) -> str | None:
        value = self.payload.get(name) if isinstance(self.payload, dict) else None
        return value.strip() if isinstance(value, str) else None
