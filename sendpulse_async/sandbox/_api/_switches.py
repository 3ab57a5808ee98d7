"""The switches, under `/_sandbox/switches`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from starlette.routing import Route

from .._switches import Switches
from .._wire import read_body
from ._json import read_object, refuse, show

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from .._state import State


class SwitchesApi:
    """Lets a test in any language change what the sandbox does while it serves."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Return its routes."""
        return [
            Route("/_sandbox/switches", self._show, methods=["GET"]),
            Route("/_sandbox/switches", self._change, methods=["PATCH"]),
        ]

    async def _show(self, _: Request) -> Response:
        switches = self._state.switches
        return show({"switches": [_show_switch(field, switches) for field in attrs.fields(Switches)]})

    async def _change(self, request: Request) -> Response:
        try:
            self._state.switch(read_object(await read_body(request), "a change of switches"))
        except (TypeError, ValueError) as error:
            return refuse(error)
        return await self._show(request)


def _show_switch(field: attrs.Attribute[Any], switches: Switches) -> dict[str, Any]:
    value = getattr(switches, field.name)
    return {
        "name": field.name,
        "value": sorted(value) if isinstance(value, frozenset) else value,
        "default": field.default,
        **field.metadata,
    }
