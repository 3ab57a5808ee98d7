"""The three encodings in which SendPulse takes an event."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any
from urllib.parse import quote_plus

from .._errors import InvalidEventError
from .._plain import joined


class BodyFormat(Enum):
    """How an event's JSON object travels.

    `RAW` keeps every JSON type. The two form encodings know only text, and do what PHP's `http_build_query` does, as
    SendPulse's official PHP client did for years:

    - string: itself; number: its JSON text (`19.9`); `true` and `false`: `1` and `0`
    - `null`, and an empty array or object: left out
    - array and object: a field for each leaf, named with PHP brackets (`products[0][name]`)

    PHP reads a blank or a dot in the name of a variable as an underscore; RAW keeps it.

    A name that holds a bracket, or is empty, cannot be told from nesting: such an event is refused.
    """

    RAW = "raw"
    URLENCODED = "urlencoded"
    FORM_DATA = "form-data"


def encode_json(payload: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return content type and body as `application/json`."""
    return b"application/json", _dumps(payload).encode()


def encode_urlencoded(payload: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return content type and body as `application/x-www-form-urlencoded`."""
    pairs = (f"{quote_plus(name)}={quote_plus(text)}" for name, text in form_fields(payload))
    return b"application/x-www-form-urlencoded", "&".join(pairs).encode()


def encode_form_data(payload: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return content type and body as `multipart/form-data`."""
    fields = [(name.encode(), text.encode()) for name, text in form_fields(payload)]
    boundary = secrets.token_hex(16).encode()
    lines: list[bytes] = []
    for name, text in fields:
        quoted = name.replace(b'"', b"%22").replace(b"\r", b"%0D").replace(b"\n", b"%0A")
        lines += [b"--" + boundary, b'Content-Disposition: form-data; name="' + quoted + b'"', b"", text]
    lines += [b"--" + boundary + b"--", b""]
    return b"multipart/form-data; boundary=" + boundary, b"\r\n".join(lines)


ENCODERS: Mapping[BodyFormat, Callable[[Mapping[str, Any]], tuple[bytes, bytes]]] = {
    BodyFormat.RAW: encode_json,
    BodyFormat.URLENCODED: encode_urlencoded,
    BodyFormat.FORM_DATA: encode_form_data,
}

# Made once: json.dumps with any option of its own builds a new encoder for each call.
_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def form_fields(payload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield name and text of each form field, as `BodyFormat` tells.

    Raises:
        InvalidEventError: A name cannot stand in a form.
    """
    wrong = "a name with a bracket, or an empty one, cannot be sent as form data"
    if problems := [f"{path}: {wrong}" for path in _ambiguous(payload, "")]:
        raise InvalidEventError(problems)
    for name, value in payload.items():
        yield from _leaves(name, value)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            pass
        case bool():
            yield name, "1" if value else "0"
        case str():
            yield name, value
        case dict():
            for key, item in value.items():
                yield from _leaves(f"{name}[{key}]", item)
        case list():
            for position, item in enumerate(value):
                yield from _leaves(f"{name}[{position}]", item)
        case _:
            yield name, _dumps(value)


def _ambiguous(value: Any, path: str) -> Iterator[str]:
    """Yield the path of each name that could not be told from nesting."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            inner = joined(path, key) if path else key if key.isidentifier() else repr(key)
            if not key or "[" in key or "]" in key:
                yield inner
            yield from _ambiguous(item, inner)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _ambiguous(item, f"{path}[{position}]")
