"""The tokens that were given out, under `/_sandbox/tokens`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from .._state import State


class TokensApi:
    """Lets a test in any language revoke tokens."""

    def __init__(self, state: State) -> None:
        self._tokens = state.tokens

    def routes(self) -> list[Route]:
        """Return its route."""
        return [Route("/_sandbox/tokens", self._revoke, methods=["DELETE"])]

    async def _revoke(self, _: Request) -> Response:
        self._tokens.revoke_all()
        return Response(status_code=204)
