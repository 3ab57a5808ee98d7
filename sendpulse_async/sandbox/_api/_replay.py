"""Requests sent again, under `/_sandbox/replay`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote

from attrs import define, field
from starlette.routing import Route, Router

from .._account import API_KEY
from .._doors import FILED, TRANSPORT, EventDoors
from .._wire import parse_json
from ._entries import sift
from ._export import NDJSON_TYPE
from ._json import refuse, show
from ._params import read_query
from ._resent import from_entry, from_line

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Message

    from .._state import State
    from ._resent import Resent

_MOST: Final = 1_000
_MAX_BYTES: Final = 64 * 1024 * 1024
_WANTED: Final = 'the body must be {"sequences": [...]} or {"q": "..."}, or lines of an export'


class ReplayApi:
    """Sends requests through the sandbox's own doors again."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._doors = Router(EventDoors(state).routes(), redirect_slashes=False)

    def routes(self) -> list[Route]:
        """Return its route."""
        return [Route("/_sandbox/replay", self._replay, methods=["POST"])]

    async def _replay(self, request: Request) -> Response:
        try:
            body = await _read(request)
            is_lines = request.headers.get("content-type", "").partition(";")[0].strip().lower() == NDJSON_TYPE
            wanted = _from_lines(body) if is_lines else await self._from_ledger(body)
        except ValueError as error:
            return refuse(error)
        seen = [sequence for resent in wanted if (sequence := await self._send(resent)) is not None]
        entries = [entry for sequence in seen if (entry := self._state.ledger.get(sequence)) is not None]
        accepted = sum(entry.is_taken for entry in entries)
        return show(
            {
                "replayed": len(seen),
                "accepted": accepted,
                "refused": len(seen) - accepted,
                "first_sequence": seen[0] if seen else None,
                "last_sequence": seen[-1] if seen else None,
            }
        )

    async def _from_ledger(self, body: bytes) -> list[Resent]:
        try:
            asked = parse_json(body)
        except ValueError:
            asked = None
        if not isinstance(asked, dict) or asked.keys() not in ({"sequences"}, {"q"}):
            raise ValueError(_WANTED)
        fields = cast("dict[str, Any]", asked)
        found = await self._by_query(fields["q"]) if "q" in fields else self._by_sequence(fields["sequences"])
        if len(found) > _MOST:
            raise ValueError(f"{len(found)} requests are too many: at most {_MOST} are replayed at once")
        return found

    async def _by_query(self, text: Any) -> list[Resent]:
        if not isinstance(text, str):
            raise ValueError("q must be text")  # noqa: TRY004  the one error of a bad request
        query = read_query({"q": text})
        return [from_entry(entry) for entry in await sift(self._state.ledger.requests, query.matches)]

    def _by_sequence(self, sequences: Any) -> list[Resent]:
        if not isinstance(sequences, list) or not all(type(sequence) is int for sequence in sequences):
            raise ValueError("sequences must be a list of whole numbers")
        found = {sequence: self._state.ledger.get(sequence) for sequence in cast("list[int]", sequences)}
        for sequence, entry in found.items():
            if entry is None:
                raise ValueError(f"sequences: request {sequence} is not kept")
        return [from_entry(entry) for sequence in sequences if (entry := found[sequence]) is not None]

    async def _send(self, resent: Resent) -> int | None:
        """Return the place of what came of it in the order of arrival, or None where no door is there for it."""
        exchange, scope = _Exchange(resent.body), _scope(resent, self._headers(resent))
        await self._doors(scope, exchange.receive, exchange.send)
        filed: int | None = scope["state"].get(FILED)
        return filed

    def _headers(self, resent: Resent) -> list[tuple[str, str]]:
        others = [(name, text) for name, text in resent.headers if name != "authorization"]
        given = [(name, text) for name, text in resent.headers if name == "authorization"]
        if not given or not resent.was_authorized or self._state.tokens.opens(given[0][1].partition(" ")[2]):
            return [*others, *given]
        opener = API_KEY if self._state.switches.accepts_api_key else self._state.tokens.issue()
        return [*others, ("authorization", f"Bearer {opener}")]


@define(eq=False)
class _Exchange:
    """A request that came over no connection: its client is gone once it was read, so no fault holds it back."""

    body: bytes
    is_read: bool = field(default=False, init=False)

    async def receive(self) -> Message:
        if self.is_read:
            return {"type": "http.disconnect"}
        self.is_read = True
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def send(self, message: Message) -> None:
        """Leave the answer unread."""


class _NoTransport:
    """Stands where a fault looks for the connection that it breaks."""

    def get_extra_info(self, _: str) -> _NoTransport:
        return self

    def setsockopt(self, *_: object) -> None:
        """Set nothing."""

    def abort(self) -> None:
        """Break nothing."""

    close = abort


def _scope(resent: Resent, headers: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": unquote(resent.path),
        "raw_path": resent.path.encode("ascii"),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode("latin-1"), text.encode("latin-1")) for name, text in headers],
        "client": None,
        "server": None,
        "state": {TRANSPORT: _NoTransport()},
    }


def _from_lines(body: bytes) -> list[Resent]:
    found: list[Resent] = []
    for number, line in enumerate(body.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(from_line(line))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        if len(found) > _MOST:
            raise ValueError(f"line {number}: at most {_MOST} requests are replayed at once")
    return found


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise ValueError("the body is larger than 64 MiB")
    return bytes(body)
