"""The token endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from starlette.routing import Route

from ..._contract import TOKEN_PATH
from .._account import CLIENT_ID, CLIENT_SECRET
from .._wire import INVALID_CLIENT, json_answer, parse_body, read_body
from ._play import FaultResponse

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from .._state import State


class TokenDoor:
    """Gives tokens for the demo account's credentials."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Return the door's route."""
        return [Route(TOKEN_PATH, self._token, methods=["POST"])]

    async def _token(self, request: Request) -> Response:
        self._state.ledger.count_token_request()
        body = await read_body(request)
        if not await _has_credentials(body or b"", request.headers.get("content-type")):
            return INVALID_CLIENT.to_response()
        fault = self._state.faults.take("token")
        if fault is not None and fault.has_own_answer:
            return FaultResponse(fault, fault.answer)
        answer = json_answer(
            200,
            {
                "access_token": self._state.tokens.issue(),
                "token_type": "Bearer",
                "expires_in": self._state.switches.token_lifetime,
            },
        )
        return FaultResponse(fault, answer) if fault else answer.to_response()


async def _has_credentials(body: bytes, content_type: str | None) -> bool:
    try:
        form = await parse_body(body, content_type)
    except ValueError:
        return False
    wanted = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return isinstance(form, dict) and wanted.items() <= cast("dict[str, Any]", form).items()
