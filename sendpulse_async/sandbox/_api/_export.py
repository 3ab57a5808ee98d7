"""What arrived as lines of JSON, under `/_sandbox/export`."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ._entries import Pause, show_entry
from ._json import dump, refuse
from ._params import read_choice, read_query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from .._ledger import Ledger, LedgerEntry, Query
    from .._state import State

NDJSON_TYPE: Final = "application/x-ndjson"


class ExportApi:
    """Writes requests to be kept, replayed, or sent by `send-many`."""

    def __init__(self, state: State) -> None:
        self._ledger = state.ledger

    def routes(self) -> list[Route]:
        """Return its route."""
        return [Route("/_sandbox/export", self._export, methods=["GET"])]

    async def _export(self, request: Request) -> Response:
        try:
            query = read_query(request.query_params)
            view = read_choice(request.query_params, "view", ("requests", "payloads"))
        except ValueError as error:
            return refuse(error)
        headers = {"content-disposition": f'attachment; filename="sandbox-{view}.jsonl"'}
        return StreamingResponse(_lines(self._ledger, query, view), headers=headers, media_type=NDJSON_TYPE)


async def _lines(ledger: Ledger, query: Query, view: str) -> AsyncIterator[str]:
    # By sequence, not by entry: a slow reader keeps nothing that the ledger has dropped.
    sequences = [entry.sequence for entry in ledger.requests]
    pause = Pause()
    for sequence in sequences:
        entry = ledger.get(sequence)
        if entry is not None and query.matches(entry):
            value = _whole(entry) if view == "requests" else entry.payload
            if view == "requests" or (entry.is_taken and isinstance(entry.payload, dict)):
                yield f"{dump(value)}\n"
        await pause.when_due()


def _whole(entry: LedgerEntry) -> dict[str, Any]:
    shown = show_entry(entry)
    try:
        shown["body"] = entry.body.decode()
    except UnicodeDecodeError:
        del shown["body"]
        shown["body_base64"] = b64encode(entry.body).decode()
    return shown
