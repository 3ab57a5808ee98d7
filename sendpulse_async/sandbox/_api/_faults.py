"""The faults in play, under `/_sandbox/faults`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs
from starlette.responses import Response
from starlette.routing import Route

from .._faults import Fault
from .._wire import read_body
from ._json import not_found, read_object, refuse, show

if TYPE_CHECKING:
    from starlette.requests import Request

    from .._faults import PlacedFault
    from .._state import State

_FIELDS: Final = frozenset(field.name for field in attrs.fields(Fault))
_BOOLEANS: Final = {"true": True, "false": False}
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}")


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
            Route("/_sandbox/faults/{id}", self._show_one, methods=["GET"]),
            Route("/_sandbox/faults/{id}", self._remove, methods=["DELETE"]),
        ]

    async def _show(self, request: Request) -> Response:
        wants_all = request.query_params.get("all", "false")
        if wants_all not in _BOOLEANS:
            return refuse("all must be true or false")
        placed = self._faults.in_play
        if _BOOLEANS[wants_all]:
            placed = tuple(sorted((*self._faults.over, *placed), key=lambda each: each.id))
        return show({"faults": [_show_fault(each) for each in placed]})

    async def _show_one(self, request: Request) -> Response:
        number = _number(request)
        placed = None if number is None else self._faults.find(number)
        return _no_fault() if placed is None else show(_show_fault(placed))

    async def _remove(self, request: Request) -> Response:
        number = _number(request)
        was_there = number is not None and self._faults.remove(number)
        return Response(status_code=204) if was_there else _no_fault()

    async def _add(self, request: Request) -> Response:
        try:
            fields = read_object(await read_body(request), "a fault")
            placed = self._faults.add(_to_fault(fields))
        except ValueError as error:
            return refuse(error)
        return show(_show_fault(placed), 201)

    async def _clear(self, _: Request) -> Response:
        self._faults.clear()
        return Response(status_code=204)


def _show_fault(placed: PlacedFault) -> dict[str, Any]:
    shown = attrs.asdict(placed.fault, recurse=False)
    if isinstance(placed.fault.body, bytes):
        shown["body"] = placed.fault.body.decode(errors="replace")
    return {"id": placed.id, **shown, "times": placed.times, "played": placed.played, "is_over": placed.is_over}


def _to_fault(fields: dict[str, Any]) -> Fault:
    unknown = sorted(fields.keys() - _FIELDS)
    if unknown:
        raise ValueError(f"{unknown[0]} is no field of a fault; the fields are {', '.join(sorted(_FIELDS))}")
    return Fault(**fields)


def _number(request: Request) -> int | None:
    text: str = request.path_params["id"]
    return int(text) if _NUMBER.fullmatch(text) else None


def _no_fault() -> Response:
    return not_found("there is no such fault")
