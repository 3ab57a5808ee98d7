"""The test API under `/_sandbox/`: what arrived, and the faults in play; GET changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

import attrs
from starlette.responses import Response
from starlette.routing import Route

from ._answers import refusal
from ._bodies import parse_json, read_body
from ._faults import Fault, FaultBoard
from ._ledger import MASK, MAX_ENTRIES, Ledger, LedgerEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

_DEFAULT_LIMIT: Final = 100
_FIELDS: Final = frozenset(field.name for field in attrs.fields(Fault))


class TestApi:
    """Lets a test in any language read the ledger and play faults over HTTP."""

    __test__ = False  # pytest would collect it for its name

    def __init__(self, ledger: Ledger, faults: FaultBoard) -> None:
        self._ledger = ledger
        self._faults = faults

    def routes(self) -> list[Route]:
        """Return the API's routes."""
        return [
            Route("/_sandbox/events", self._events, methods=["GET"]),
            Route("/_sandbox/events", self._clear, methods=["DELETE"]),
            Route("/_sandbox/refused", self._refused, methods=["GET"]),
            Route("/_sandbox/faults", self._show_faults, methods=["GET"]),
            Route("/_sandbox/faults", self._add_fault, methods=["POST"]),
            Route("/_sandbox/faults", self._clear_faults, methods=["DELETE"]),
        ]

    async def _events(self, request: Request) -> Response:
        return _listing(request, "events", self._ledger.events, self._ledger.accepted_count)

    async def _refused(self, request: Request) -> Response:
        return _listing(request, "refused", self._ledger.refused, self._ledger.refused_count)

    async def _clear(self, _: Request) -> Response:
        self._ledger.clear()
        return Response(status_code=204)

    async def _show_faults(self, _: Request) -> Response:
        return _json({"faults": [_show_fault(fault) for fault in self._faults.faults]})

    async def _add_fault(self, request: Request) -> Response:
        try:
            fault = _read_fault(await read_body(request) or b"")
        except ValueError as error:
            return refusal(422, 422, str(error)).to_response()
        self._faults.add(fault)
        return _json(_show_fault(fault), 201)

    async def _clear_faults(self, _: Request) -> Response:
        self._faults.clear()
        return Response(status_code=204)


def _json(value: dict[str, Any], status: int = 200) -> Response:
    # Not Starlette's JSONResponse: it fails on the lone surrogates that a payload may hold.
    headers = {"x-content-type-options": "nosniff"}
    return Response(json.dumps(value), status, headers, media_type="application/json")


def _listing(request: Request, name: str, entries: Sequence[LedgerEntry], total: int) -> Response:
    wanted = request.query_params
    limit = wanted.get("limit", str(_DEFAULT_LIMIT))
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= MAX_ENTRIES:
        return refusal(422, 422, f"limit must be a whole number from 1 to {MAX_ENTRIES}").to_response()
    filters = {key: wanted[key] for key in ("event", "email", "phone") if key in wanted}
    found = [entry for entry in entries if all(getattr(entry, key) == text for key, text in filters.items())]
    return _json({"total": total, name: [_show_entry(entry) for entry in found[-int(limit) :]]})


def _show_entry(entry: LedgerEntry) -> dict[str, Any]:
    shown = attrs.asdict(entry, recurse=False)
    shown["body"] = entry.body.decode(errors="replace")
    shown["headers"] = [(name, MASK if name == "authorization" else text) for name, text in entry.headers]
    return {**shown, "email": entry.email, "phone": entry.phone}


def _show_fault(fault: Fault) -> dict[str, Any]:
    shown = attrs.asdict(fault, recurse=False)
    if isinstance(fault.body, bytes):
        shown["body"] = fault.body.decode(errors="replace")
    return shown


def _read_fault(body: bytes) -> Fault:
    try:
        fields = parse_json(body)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise ValueError("a fault must be a JSON object") from None  # noqa: TRY004  the one error of a bad request
    named = cast("dict[str, Any]", fields)
    unknown = sorted(named.keys() - _FIELDS)
    if unknown:
        raise ValueError(f"{unknown[0]} is no field of a fault; the fields are {', '.join(sorted(_FIELDS))}")
    return Fault(**named)
