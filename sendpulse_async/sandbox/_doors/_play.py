"""How an answer, or a fault in its place, reaches the client."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from .._faults import Fault
    from .._wire import Answer

TRANSPORT: Final = "transport"
"""Where the server's protocol leaves a connection's transport in the scope's state."""

# Windows has a linger of two shorts.
_RESET_ON_CLOSE: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class FaultResponse(Response):
    """Plays a fault: first its delay, then its answer or the loss of the connection."""

    def __init__(self, fault: Fault, answer: Answer) -> None:
        super().__init__()
        self._fault = fault
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Play it on this request."""
        if self._fault.delay and await _client_leaves(receive, within=self._fault.delay):
            return
        if self._fault.drop is None:
            await self._answer.to_response()(scope, receive, send)
            return
        transport: asyncio.Transport = scope["state"][TRANSPORT]
        if self._fault.drop == "cut":
            await self._send_half(send)
        if self._fault.drop == "reset":
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
        elif self._fault.drop != "hang":
            transport.close()
        # Whoever returned earlier would be taken for an app that forgot its answer.
        await _client_leaves(receive, within=None)

    async def _send_half(self, send: Send) -> None:
        response = self._answer.to_response()
        half = self._answer.body[: len(self._answer.body) // 2]
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})


async def _client_leaves(receive: Receive, *, within: float | None) -> bool:
    try:
        async with asyncio.timeout(within):
            # The body has been read whole: all that can still come is the disconnect.
            await receive()
    except TimeoutError:
        return False
    return True
