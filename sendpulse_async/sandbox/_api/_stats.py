"""Counts of one sandbox, under `/_sandbox/stats`."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

import attrs
from starlette.routing import Route

from ..._version import __version__
from ._json import show

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from .._state import State


class Stats:
    """What a sandbox counts, and which one it is.

    Attributes:
        instance: A name at random: sequences of another instance mean other requests.
    """

    def __init__(self, state: State) -> None:
        self.instance = secrets.token_hex(8)
        self._state = state
        self._begun = time.monotonic()

    def show(self) -> dict[str, Any]:
        """Return all counts at one moment."""
        return {
            **attrs.asdict(self._state.ledger.tally()),
            "faults": len(self._state.faults.faults),
            "uptime": round(time.monotonic() - self._begun, 3),
            "instance": self.instance,
            "version": __version__,
        }


class StatsApi:
    """Shows the counts."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats

    def routes(self) -> list[Route]:
        """Return its route."""
        return [Route("/_sandbox/stats", self._show, methods=["GET"])]

    async def _show(self, _: Request) -> Response:
        return show(self._stats.show())
