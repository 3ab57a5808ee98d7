"""The file of `--failures`: each event that was not accepted, as it was given and with the reason."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Self, TextIO

from .. import ConfigurationError, Outcome, OutcomeStatus
from .._plain import Check
from ._input import FAILURE_FIELD, Row


class FailuresError(Exception):
    """The file cannot be written any more; the text says why."""


class FailuresFile:
    """Writes a line of JSON for each failure: what `send-many` reads again with the same options.

    It is made when it is entered, for its owner's eyes only, and each line is with the operating system at once.

    Args:
        path: A file that is not there yet.

    Raises:
        ConfigurationError: When it is entered: the file cannot be made, or is there already.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        try:
            # JSON's escape for half of a surrogate pair, which UTF-8 cannot carry, is Python's own.
            self._file = open(
                self._path, "x", buffering=1, encoding="utf-8", errors="backslashreplace", newline="\n", opener=_private
            )
        except FileExistsError:
            raise ConfigurationError(f"--failures {self._path}: exists already; name another file") from None
        except OSError as error:
            raise ConfigurationError(f"--failures {self._path}: {error.strerror}") from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def note(self, outcome: Outcome) -> None:
        """Write the row of an outcome, unless that was accepted.

        Raises:
            FailuresError: The disk is full, or failed.
        """
        if outcome.status is OutcomeStatus.ACCEPTED or self._file is None:
            return
        try:
            self._file.write(f"{_line(outcome)}\n")
        except OSError as error:
            raise FailuresError(f"--failures {self._path}: {error.strerror}") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _line(outcome: Outcome) -> str:
    row: Row = outcome.event
    failure: dict[str, Any] = {
        "line": row.line,
        "status": outcome.status.value,
        "error": str(outcome.error),
        "attempts": getattr(outcome.error, "attempts", 0),
    }
    if row.given is not None:
        try:
            return _dumped({**row.given, FAILURE_FIELD: failure}, default=_plain)
        except (ValueError, RecursionError):
            pass  # what JSON cannot carry unchanged is kept to be mended, lest something else is sent the next time
    return _dumped({FAILURE_FIELD: {**failure, "text": _text(row)}})


def _dumped(value: Any, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, **options)


def _plain(value: Any) -> Any:
    """Return what an event makes of a value that JSON does not know."""
    check = Check()
    plain = check.value("", value, 0)
    check.finish()
    return plain


def _text(row: Row) -> str:
    if row.given is None:
        return row.text or ""
    try:
        return json.dumps(row.given, ensure_ascii=False, default=str)
    except (ValueError, RecursionError) as error:
        return f"({type(error).__name__})"
