"""The doors for events: raw by URL, and by name with a token; each request is filed, then answered."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote

from attrs import evolve
from starlette.routing import Route

from ..._contract import CONTACT_FIELDS, NAMED_EVENT_PREFIX, RAW_EVENT_PREFIX
from .._account import ACCOUNT
from .._ledger import LedgerEntry
from .._limiter import SECOND
from .._wire import (
    ACCEPTED,
    BADLY_FORMED,
    CONTACT_NOT_TEXT,
    DUPLICATE,
    EVENT_NOT_EXISTS,
    NO_DATA,
    OVER_LIMIT,
    OVER_MINUTE,
    TOO_LARGE,
    UNAUTHORIZED,
    Answer,
    parse_body,
    read_body,
)
from ._play import FaultResponse

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from .._faults import Fault
    from .._state import State

FILED: Final = "filed"
"""Where a door leaves the sequence of a request in the scope's state, for whoever sent it from within."""

_RAW_PATH: Final = re.compile(rf"{RAW_EVENT_PREFIX}([0-9a-f]{{32}})/([0-9]+)")
_NAMED_PATH: Final = re.compile(rf"/?{NAMED_EVENT_PREFIX}([^/]+)")
_MAX_ACCOUNT: Final = 64
"""Digits by which accounts are told apart: they come from URLs, and are kept."""


class EventDoors:
    """Takes events as SendPulse does, files them, and plays the faults that are meant for them."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Return the doors' routes."""
        return [
            Route(f"{RAW_EVENT_PREFIX}{{rest:path}}", self._raw, methods=["POST"]),
            Route(f"{NAMED_EVENT_PREFIX}{{rest:path}}", self._named, methods=["POST"]),
            # The official Python client joins its base URL and this path with one slash too many.
            Route(f"/{NAMED_EVENT_PREFIX}{{rest:path}}", self._named, methods=["POST"]),
        ]

    async def _raw(self, request: Request) -> Response:
        match = _RAW_PATH.fullmatch(_path(request))
        known = self._state.switches.known_hashes
        exists = match is not None and (known is None or match[1] in known)
        refusal = self._limit(match[2]) if match is not None and exists else EVENT_NOT_EXISTS
        return await self._receive(request, "raw", None, refusal)

    async def _named(self, request: Request) -> Response:
        event = _name(request)
        known = self._state.switches.known_events
        bearer = _bearer(request.headers.get("authorization", ""))
        refusal = None
        if bearer is None or not self._state.tokens.opens(bearer):
            refusal = UNAUTHORIZED
        elif event is None or (known is not None and event not in known):
            refusal = EVENT_NOT_EXISTS
        return await self._receive(request, "name", event, refusal or self._limit(ACCOUNT))

    def _limit(self, account: str) -> Answer | None:
        """Return the refusal of a request over the account's limits, or count it."""
        switches = self._state.switches
        limits = (switches.requests_per_second, switches.requests_per_minute)
        if limits == (None, None):
            return None
        window = self._state.limiter.admit(account[:_MAX_ACCOUNT], time.monotonic(), *limits)
        if window is None:
            return None
        return OVER_LIMIT if window == SECOND else OVER_MINUTE

    async def _receive(self, request: Request, door: str, event: str | None, refusal: Answer | None) -> Response:
        body = await read_body(request)
        payload: Any = None
        if body is None:
            refusal = refusal or TOO_LARGE
        else:
            try:
                payload = await parse_body(body, request.headers.get("content-type"))
            except ValueError:
                refusal = refusal or BADLY_FORMED
        entry = LedgerEntry(
            sequence=self._state.ledger.next_sequence(),
            received_at=time.time(),
            door=door,
            event=event,
            method=request.method,
            path=_path(request),
            headers=tuple((name.decode("latin-1"), text.decode("latin-1")) for name, text in request.headers.raw),
            content_type=request.headers.get("content-type"),
            body=body or b"",
            payload=payload,
            status=None,
        )
        request.scope["state"][FILED] = entry.sequence
        return self._settle(entry, refusal or self._judge(entry))

    def _judge(self, entry: LedgerEntry) -> Answer | None:
        fields = cast("dict[str, Any]", entry.payload) if isinstance(entry.payload, dict) else None
        if fields is None and self._state.switches.events_need_object:
            return BADLY_FORMED
        contacts = [value for name in CONTACT_FIELDS if (value := (fields or {}).get(name)) is not None]
        if self._state.switches.contacts_must_be_strings and not all(isinstance(value, str) for value in contacts):
            return CONTACT_NOT_TEXT
        if self._state.switches.events_need_contact and not (entry.email or entry.phone):
            return NO_DATA
        if self._state.switches.refuse_duplicates and self._state.ledger.holds(entry.path, entry.payload):
            return DUPLICATE
        return None

    def _settle(self, entry: LedgerEntry, refusal: Answer | None) -> Response:
        fault = None if refusal else self._fault_for(entry)
        if fault is not None:
            self._end_token(fault, entry)
        answer = refusal or (fault.answer if fault else ACCEPTED)
        if fault is None or fault.has_answer:
            entry = evolve(entry, status=answer.status, error_code=answer.error_code)
        is_taken = refusal is None and (fault is None or fault.is_taken)
        self._state.ledger.add(evolve(entry, is_taken=is_taken))
        return FaultResponse(fault, answer) if fault else answer.to_response()

    def _fault_for(self, entry: LedgerEntry) -> Fault | None:
        if not self._state.faults.in_play:
            return None
        # A fault may ask whether the event is a duplicate, which the ledger says otherwise only when it takes it.
        same = self._state.ledger.same_as(entry)
        return self._state.faults.take(entry.door, evolve(entry, duplicate_of=same[0] if same else None))

    def _end_token(self, fault: Fault, entry: LedgerEntry) -> None:
        if fault.token == "revoked":  # noqa: S105  what becomes of a token is none
            self._state.tokens.revoke_all()
        elif fault.token == "expired":  # noqa: S105
            self._state.tokens.expire(_bearer(entry.header("authorization") or "") or "")


def _bearer(authorization: str) -> str | None:
    scheme, _, bearer = authorization.partition(" ")
    return bearer if scheme.lower() == "bearer" else None


def _path(request: Request) -> str:
    raw: bytes = request.scope["raw_path"]
    return raw.decode("ascii")


def _name(request: Request) -> str | None:
    match = _NAMED_PATH.fullmatch(_path(request))
    try:
        return unquote(match[1], errors="strict") if match else None
    except UnicodeDecodeError:
        return None
