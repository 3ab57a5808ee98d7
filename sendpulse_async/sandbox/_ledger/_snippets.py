"""A request as a command and as code that send it again; credentials are read from the environment, never shown."""

from __future__ import annotations

import math
import re
import shlex
from base64 import b64encode
from pprint import pformat
from typing import TYPE_CHECKING, Any, Final, cast

from ..._contract import AUTOMATION_ID_FIELD, CONTACT_FIELDS, DEFAULT_BASE_URL

if TYPE_CHECKING:
    from ._entry import LedgerEntry

_JSON: Final = "application/json"
_FORMS: Final = {
    "application/x-www-form-urlencoded": "BodyFormat.URLENCODED",
    "multipart/form-data": "BodyFormat.FORM_DATA",
}
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9_~%/-]*")
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MAX_ARGUMENT: Final = 100_000
"""Bytes; Linux takes 128 KiB in one argument."""
_MAX_PRETTY: Final = 20_000
"""Bytes of a body beyond which its value is written in one line: laying it out takes long."""
_MAX_DEPTH: Final = 20
_MAX_WHOLE: Final = 2**53


def to_curl(entry: LedgerEntry) -> str:
    """Return a POSIX shell command that sends this request again."""
    lines = [f"curl {_shell_url(entry)}"]
    if entry.content_type is None:
        lines.append("-H 'Content-Type:'")
    else:
        # curl sends a header without a value when it ends in a semicolon.
        text = f"Content-Type: {entry.content_type}" if entry.content_type else "Content-Type;"
        lines.append(f"-H {shlex.quote(text)}")
    if _is_authorized(entry):
        lines.append('-H "Authorization: Bearer ${SENDPULSE_API_KEY:?an API key, or a token}"')
    body = _printable(entry.body)
    if body is not None:
        return " \\\n  ".join([*lines, f"--data-raw {shlex.quote(body)}"])
    command = " \\\n  ".join([*lines, "--data-binary @-"])
    return f"printf %s {b64encode(entry.body).decode()} | base64 -d | {command}"


def to_python(entry: LedgerEntry) -> str:
    """Return a program that sends this request again: with this library's sender, or httpx where that would not."""
    body_format = _body_format(entry)
    return _with_httpx(entry) if body_format is None else _with_sender(entry, body_format)


def _shell_url(entry: LedgerEntry) -> str:
    if entry.door == "raw":
        return '"$SENDPULSE_EVENT_URL"'
    options = "" if _PLAIN_PATH.fullmatch(entry.path) else "--globoff --path-as-is "
    return f'{options}"${{SENDPULSE_BASE_URL:-{DEFAULT_BASE_URL}}}"{shlex.quote(entry.path)}'


def _printable(body: bytes) -> str | None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return None if len(body) > _MAX_ARGUMENT or _UNPRINTABLE.search(text) else text


def _is_authorized(entry: LedgerEntry) -> bool:
    return any(name == "authorization" for name, _ in entry.headers)


def _with_sender(entry: LedgerEntry, body_format: str) -> str:
    sender = "RawEventSender" if entry.door == "raw" else "AuthorizedEventSender"
    names = sender if not body_format else f"BodyFormat, {sender}"
    options = f"body_format={body_format}" if body_format else ""
    call = "EVENT" if entry.door == "raw" else f"EVENT, event_name={entry.event!r}"
    value = pformat(entry.payload, width=100, sort_dicts=False) if len(entry.body) <= _MAX_PRETTY else entry.payload
    return (
        f"import asyncio\n\nfrom sendpulse_async import {names}\n\nEVENT = {value}\n\n\n"
        f"async def main():\n    async with {sender}.from_env({options}) as sender:\n"
        f"        print(await sender.send_event({call}))\n\n\nasyncio.run(main())\n"
    )


def _with_httpx(entry: LedgerEntry) -> str:
    url = 'os.environ["SENDPULSE_EVENT_URL"]'
    if entry.door != "raw":
        url = f'os.environ.get("SENDPULSE_BASE_URL", {DEFAULT_BASE_URL!r}) + {entry.path!r}'
    headers = ""
    if entry.content_type is not None:
        # As bytes: httpx would write letters beyond ASCII in another encoding.
        headers += f'        "Content-Type": {entry.content_type.encode("latin-1", errors="replace")!r},\n'
    if _is_authorized(entry):
        headers += '        "Authorization": f"Bearer {os.environ[\'SENDPULSE_API_KEY\']}".encode(),  # or a token\n'
    return (
        f"import os\n\nimport httpx\n\nanswer = httpx.post(\n    {url},\n    content={entry.body!r},\n"
        f"    headers={{\n{headers}    }},\n)\nprint(answer.status_code, answer.text)\n"
    )


def _body_format(entry: LedgerEntry) -> str | None:
    """Return the sender's body format, empty for the default, or None where it would not send just this."""
    kind = (entry.content_type or "").partition(";")[0].strip().lower()
    is_form = kind in _FORMS
    if not isinstance(entry.payload, dict) or not (is_form or kind == _JSON):
        return None
    if entry.door != "raw" and (is_form or not _is_authorized(entry) or entry.event != (entry.event or " ").strip()):
        return None
    fields = cast("dict[str, Any]", entry.payload)
    if not (_are_contacts_plain(fields) and _is_plain(fields, is_form=is_form)):
        return None
    return _FORMS.get(kind, "")


def _are_contacts_plain(fields: dict[str, Any]) -> bool:
    contacts = {name: fields[name] for name in CONTACT_FIELDS if name in fields}
    if not contacts or not all(isinstance(value, str) and value.isprintable() for value in contacts.values()):
        return False
    if any(not value or value != value.strip() for value in contacts.values()):
        return False
    number = fields.get(AUTOMATION_ID_FIELD, 1)
    is_number = isinstance(number, int) and not isinstance(number, bool) and number > 0
    has_digits = re.search("[0-9]", contacts.get("phone", "0")) is not None
    return is_number and has_digits and _ADDRESS.fullmatch(contacts.get("email", "a@b")) is not None


def _is_plain(fields: dict[str, Any], *, is_form: bool) -> bool:
    level: list[Any] = [fields]
    for _ in range(_MAX_DEPTH):
        if not level:
            return True
        if not all(_is_plain_value(value, is_form=is_form) for value in level):
            return False
        level = [child for value in level for child in _children(value)]
    return False


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).values())
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


def _is_plain_value(value: Any, *, is_form: bool) -> bool:
    if isinstance(value, dict):
        names = cast("dict[str, Any]", value)
        return all(name.strip() and _is_text(name) and not (is_form and set(name) & set("[] .")) for name in names)
    if isinstance(value, str):
        return _is_text(value)
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or abs(value) <= _MAX_WHOLE


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
