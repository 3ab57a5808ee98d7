"""Rows of JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ... import OutcomeStatus
from ._row import FAILURE_FIELD, Row
from ._shape import Shape

_DOUBT = f'was left unknown, so it may reach a person twice: take "{FAILURE_FIELD}" away to send it all the same'
_TO_MEND = f'this was no record in the list that it comes from: write its fields beside "{FAILURE_FIELD}"'


def json_rows(lines: Iterable[str], shape: Shape) -> Iterator[Row]:
    """Read one object a line; blank lines are passed over."""
    for line, text in enumerate(lines, 1):
        if text.strip():
            yield _row(line, text, shape)


def _row(line: int, text: str, shape: Shape) -> Row:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        return _no_record(line, text, f"the line is not JSON: {error.msg}, at character {error.colno}")
    except (ValueError, RecursionError) as error:  # a number of too many digits, a depth of too many brackets
        return _no_record(line, text, f"the line is no JSON that can be read: {error}")
    if not isinstance(value, dict):
        return _no_record(line, text, "the line must be one JSON object")
    if (kept := _kept_text(value)) is not None:
        return _no_record(line, kept, _TO_MEND)
    if _is_doubtful(value):
        return Row(line, problems=(_DOUBT,), given=shape.row(line, value).given, is_doubtful=True)
    return shape.row(line, value)


def _is_doubtful(value: dict[str, Any]) -> bool:
    """Tell whether an earlier run may have had a failed event taken: nothing sends it twice unasked."""
    failure = value.get(FAILURE_FIELD)
    return isinstance(failure, dict) and failure.get("status") == OutcomeStatus.UNKNOWN.value


def _no_record(line: int, text: str, problem: str) -> Row:
    return Row(line, problems=(problem,), text=text.rstrip("\r\n"))


def _kept_text(value: dict[str, Any]) -> str | None:
    """Return what the failures file keeps of what was no record, until somebody writes one beside it."""
    failure = value.get(FAILURE_FIELD)
    text = failure.get("text") if len(value) == 1 and isinstance(failure, dict) else None
    return text if isinstance(text, str) else None
