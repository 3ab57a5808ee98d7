"""Values as the test API shows them."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from .._wire import refusal


def show(value: dict[str, Any], status: int = 200) -> Response:
    """Return a JSON object as an answer."""
    # Not Starlette's JSONResponse: it fails on the lone surrogates that a payload may hold.
    headers = {"x-content-type-options": "nosniff"}
    return Response(json.dumps(value), status, headers, media_type="application/json")


def refuse(message: object) -> Response:
    """Return the answer to a request that is wrong; the text says what is."""
    return refusal(422, 422, str(message)).to_response()
