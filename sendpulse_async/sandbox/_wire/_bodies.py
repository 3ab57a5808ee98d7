"""Request bodies: read whole up to a cap, then JSON values in all three encodings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from ._forms import nest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request

MAX_BODY: Final = 2 * 1024 * 1024
_MAX_DEPTH: Final = 512
"""The depth at which PHP's `json_decode` gives up unless told otherwise."""


async def read_body(request: Request) -> bytes | None:
    """Return the whole body, or None when it is larger than the cap.

    Raises:
        ClientDisconnect: The client left before its request was complete.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


async def parse_body(body: bytes, content_type: str | None) -> Any:
    """Return the body as a JSON value; a content type that names no form means JSON.

    Raises:
        ValueError: The body is not what its content type says.
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return nest(parse_qsl(body.decode(), keep_blank_values=True, errors="strict"))
    if kind == "multipart/form-data":
        return nest(await _read_parts(body, content_type or ""))
    return parse_json(body)


def parse_json(body: bytes) -> Any:
    """Return the JSON value; stricter than `json`: no NaN, no infinity, and no deeper than PHP reads.

    Raises:
        ValueError: The body is not JSON, or nested too deep.
    """
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if body.count(b"[") + body.count(b"{") > _MAX_DEPTH and _is_too_deep(value):
        raise ValueError("nested too deep")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH + 1):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(cast("dict[str, Any]", node).values())
    return node if isinstance(node, list) else []  # pyright: ignore[reportUnknownVariableType]


async def _read_parts(body: bytes, content_type: str) -> list[tuple[str, str]]:
    parser = MultiPartParser(
        Headers({"content-type": content_type}),
        _one_chunk(body),
        max_files=MAX_BODY,
        max_fields=MAX_BODY,
        max_part_size=MAX_BODY,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ValueError(error.message) from error
    try:
        # PHP keeps uploaded files apart from the fields.
        return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    finally:
        await form.close()


async def _one_chunk(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
