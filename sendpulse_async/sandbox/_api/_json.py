"""Values as the test API shows them."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.responses import Response

from .._wire import refusal

HEADERS: Final = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
"""Of every answer: no browser takes it for a page, and none keeps it."""


def show(value: dict[str, Any], status: int = 200) -> Response:
    """Return a JSON object as an answer."""
    # Not Starlette's JSONResponse: it fails on the lone surrogates that a payload may hold.
    return Response(json.dumps(value), status, HEADERS, media_type="application/json")


def refuse(message: object) -> Response:
    """Return the answer to a request that is wrong; the text says what is."""
    return _refusal(422, message)


def not_found(message: object) -> Response:
    """Return the answer to a request for what is not there."""
    return _refusal(404, message)


def _refusal(status: int, message: object) -> Response:
    response = refusal(status, status, str(message)).to_response()
    response.headers.update(HEADERS)
    return response
