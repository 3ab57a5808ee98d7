"""Values as the test API shows them."""

from __future__ import annotations

import json
import sys
from typing import Any, Final, cast

from starlette.responses import Response

from .._wire import parse_json, refusal

_LARGEST: Final = sys.float_info.max


def show(value: dict[str, Any], status: int = 200) -> Response:
    """Return a JSON object as an answer."""
    # Not Starlette's JSONResponse: it fails on the lone surrogates that a payload may hold.
    return show_text(dump(value), status)


def show_text(text: str, status: int = 200) -> Response:
    """Return JSON that is written already as an answer."""
    return Response(f"{text}\n", status, media_type="application/json")


def dump(value: Any) -> str:
    """Return JSON that any language reads: a number beyond a float's range is the largest float."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_in_range(value))


def _in_range(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _in_range(each) for name, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_in_range(each) for each in value]
    return max(-_LARGEST, min(value, _LARGEST)) if isinstance(value, float) else value


def refuse(message: object) -> Response:
    """Return the answer to a request that is wrong; the text says what is."""
    return _refusal(422, message)


def not_found(message: object) -> Response:
    """Return the answer to a request for what is not there."""
    return _refusal(404, message)


def _refusal(status: int, message: object) -> Response:
    return refusal(status, status, str(message)).to_response()


def read_object(body: bytes | None, what: str) -> dict[str, Any]:
    """Return the JSON object in a request's body.

    Args:
        body: The body; None where it was too large.
        what: What it stands for, in an error's text.

    Raises:
        ValueError: It is none.
    """
    try:
        value = parse_json(body or b"")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be a JSON object") from None  # noqa: TRY004  the one error of a bad request
    return {name: _as_whole(each) for name, each in cast("dict[str, Any]", value).items()}


def _as_whole(value: Any) -> Any:
    # In JSON 2.0 is as whole a number as 2.
    return int(value) if isinstance(value, float) and value.is_integer() else value
