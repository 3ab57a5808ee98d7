"""The description of the test API, at `/_sandbox/openapi.json`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

_FILE: Final = Path(__file__).with_name("openapi.json")


class DocumentApi:
    """Shows the OpenAPI document, from which a client in any language can be made."""

    def routes(self) -> list[Route]:
        """Return its route."""
        return [Route("/_sandbox/openapi.json", self._show, methods=["GET"])]

    async def _show(self, _: Request) -> Response:
        return Response(_FILE.read_bytes(), media_type="application/json")
