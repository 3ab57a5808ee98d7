"""The faults in play, under `/_sandbox/faults`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import attrs
from starlette.responses import Response
from starlette.routing import Route

from .._faults import Fault
from .._wire import parse_json, read_body
from ._json import refuse, show

if TYPE_CHECKING:
    from starlette.requests import Request

    from .._state import State

_FIELDS: Final = frozenset(field.name for field in attrs.fields(Fault))


class FaultsApi:
    """Lets a test in any language play faults."""

    def __init__(self, state: State) -> None:
        self._faults = state.faults

    def routes(self) -> list[Route]:
        """Return its routes."""
        return [
            Route("/_sandbox/faults", self._show, methods=["GET"]),
            Route("/_sandbox/faults", self._add, methods=["POST"]),
            Route("/_sandbox/faults", self._clear, methods=["DELETE"]),
        ]

    async def _show(self, _: Request) -> Response:
        return show({"faults": [_show_fault(fault) for fault in self._faults.faults]})

    async def _add(self, request: Request) -> Response:
        try:
            fault = _read_fault(await read_body(request) or b"")
        except ValueError as error:
            return refuse(error)
        self._faults.add(fault)
        return show(_show_fault(fault), 201)

    async def _clear(self, _: Request) -> Response:
        self._faults.clear()
        return Response(status_code=204)


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
