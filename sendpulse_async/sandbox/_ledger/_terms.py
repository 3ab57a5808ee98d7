"""What a term of a search looks at, and how it compares."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from ._entry import SECRET_HEADERS, LedgerEntry
from ._findings import findings_of

Term: TypeAlias = Callable[[LedgerEntry], bool]
_Read: TypeAlias = Callable[[LedgerEntry], Sequence[Any]]

_KEYS: Final = (
    "email, phone, event, door, status, code, taken, sequence, method, type, body, header.NAME, var.PATH and is"
)
_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,1000}(\.[0-9]{1,1000})?([eE][+-]?[0-9]{1,9})?")
_CLASS: Final = re.compile(r"[1-5]xx", re.IGNORECASE)
_MAX_INDEX_DIGITS: Final = 9
_SECRET: Final = object()

_TEXTS: Final[dict[str, _Read]] = {
    "email": lambda entry: _there(entry.email),
    "phone": lambda entry: _there(entry.phone),
    "event": lambda entry: _there(entry.event),
    "method": lambda entry: _there(entry.method),
    "type": lambda entry: _there(entry.content_type),
    "body": lambda entry: [text for text in _body_texts(entry) if text],
}
_NUMBERS: Final[dict[str, _Read]] = {
    "status": lambda entry: _there(entry.status),
    "code": lambda entry: _there(entry.error_code),
    "sequence": lambda entry: [entry.sequence],
}
_CHOICES: Final[dict[str, dict[str, Term]]] = {
    "door": {"raw": lambda entry: entry.door == "raw", "name": lambda entry: entry.door == "name"},
    "taken": {"yes": lambda entry: entry.is_taken, "no": lambda entry: not entry.is_taken},
    "is": {
        "accepted": lambda entry: entry.is_taken,
        "refused": lambda entry: not entry.is_taken,
        "duplicate": lambda entry: entry.duplicate_of is not None,
        "odd": lambda entry: bool(findings_of(entry)),
    },
}


def term_for(key: str, sign: str, value: str) -> Term:
    """Return what `key`, an operator and a value ask of an entry.

    Raises:
        ValueError: There is no such key, or it does not go with this operator or value.
    """
    name, dot, rest = key.partition(".")
    name = name.lower()
    if dot and name in ("var", "header"):
        if not rest:
            raise ValueError(
                f"a name is missing after {name}.: write {'var.total' if name == 'var' else 'header.host'}"
            )
        read = _variable(rest) if name == "var" else _header(rest.lower())
        return _compare(read, sign, value)
    if dot or name not in {*_TEXTS, *_NUMBERS, *_CHOICES}:
        raise ValueError(f'{key!r} is no key; the keys are {_KEYS}; write it "in quotes" to look for the text itself')
    if name in _CHOICES:
        return _choose(name, sign, value)
    return _count(name, sign, value) if name in _NUMBERS else _compare(_TEXTS[name], sign, value)


def word_term(word: str) -> Term:
    """Return the term of a bare word: it is in the name, a contact or the body, in any case."""
    wanted = word.casefold()

    def holds(entry: LedgerEntry) -> bool:
        texts = (entry.event, entry.email, entry.phone, *_body_texts(entry))
        return any(text is not None and wanted in text.casefold() for text in texts)

    return holds


def _compare(read: _Read, sign: str, value: str) -> Term:
    wanted = value.casefold()
    if sign == ":" and not value:
        return lambda entry: bool(read(entry))
    if sign == ":":
        return lambda entry: any(wanted in _text(found).casefold() for found in _each(read(entry)))
    if sign == "=":
        return lambda entry: any(_equals(found, value) for found in _each(read(entry)))
    if sign == "!=":
        return lambda entry: not any(_equals(found, value) for found in _each(read(entry)))
    return lambda entry: any(_is_in_order(sign, found, value) for found in _each(read(entry)))


def _choose(name: str, sign: str, value: str) -> Term:
    choices = _CHOICES[name]
    if sign not in (":", "=", "!=") or value.lower() not in choices:
        raise ValueError(f"write {' or '.join(f'{name}:{choice}' for choice in choices)}")
    chosen = choices[value.lower()]
    return (lambda entry: not chosen(entry)) if sign == "!=" else chosen


def _count(name: str, sign: str, value: str) -> Term:
    read = _NUMBERS[name]
    if sign in (":", "=", "!="):
        holds = _counted(name, read, value)
        return (lambda entry: not holds(entry)) if sign == "!=" else holds
    if _number(value) is None:
        raise ValueError(f"{name} is compared with a number: write {name}{sign}400")
    return _compare(read, sign, value)


def _counted(name: str, read: _Read, value: str) -> Term:
    if not value:
        return lambda entry: bool(read(entry))
    if name == "status" and value.lower() == "none":
        return lambda entry: entry.status is None
    if name == "status" and _CLASS.fullmatch(value):
        return lambda entry: entry.status is not None and entry.status // 100 == int(value[0])
    if _number(value) is None:
        also = ", status:4xx or status:none" if name == "status" else ""
        raise ValueError(f"{name} is a number: write {name}:429{also}")
    return _compare(read, "=", value)


def _variable(path: str) -> _Read:
    steps = path.split(".")
    return lambda entry: _follow(entry.payload, steps)


def _follow(payload: Any, steps: list[str]) -> list[Any]:
    nodes = [payload]
    for step in steps:
        if not nodes:
            break
        found: list[Any] = []
        # Grows as it is read: a list without such an index stands for each of its elements.
        waiting = list(nodes)
        for node in waiting:
            if isinstance(node, dict) and step in node:
                found.append(node[step])
            elif isinstance(node, list):
                index = _index(step)
                waiting.extend(node if index is None else ())
                found.extend([] if index is None else node[index : index + 1])
        nodes = found
    return nodes


def _index(step: str) -> int | None:
    is_index = step.isascii() and step.isdigit() and len(step) <= _MAX_INDEX_DIGITS
    return int(step) if is_index else None


def _header(name: str) -> _Read:
    def read(entry: LedgerEntry) -> list[Any]:
        secret = entry.path.split("/")[3:4] if entry.door == "raw" else []
        # Credentials and a raw URL's hash are secrets: that they are there is all that can be asked.
        return [
            _SECRET if name in SECRET_HEADERS or (secret and secret[0] in text) else text
            for header, text in entry.headers
            if header == name
        ]

    return read


def _there(value: Any) -> list[Any]:
    return [] if value is None else [value]


def _body_texts(entry: LedgerEntry) -> list[str]:
    texts = [entry.body.decode(errors="replace")]
    # Escaped letters are looked for as they are read, too.
    if entry.payload is not None and (b"\\" in entry.body or b"%" in entry.body):
        texts.append(_text(entry.payload))
    return texts


def _each(values: Sequence[Any]) -> list[Any]:
    spread: list[Any] = []
    for value in values:
        spread.extend(value if isinstance(value, list) else [value])
    return [value for value in spread if value is not _SECRET]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _equals(found: Any, value: str) -> bool:
    if isinstance(found, int | float) and not isinstance(found, bool):
        return _text(found) == value or found == _number(value)
    return _text(found) == value


def _is_in_order(sign: str, found: Any, value: str) -> bool:
    if isinstance(found, dict | list):
        return False
    left, right = _number(_text(found)), _number(value)
    if left is not None and right is not None:
        return _ORDERS[sign](left, right)
    return _ORDERS[sign](_text(found), value)


def _number(text: str) -> int | float | None:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    return float(text) if match[1] or match[2] else int(text)
