"""The file of `--failures`: each event that was not accepted, as it was given and with the reason."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TextIO

from .. import ConfigurationError, Outcome, OutcomeStatus
from ._input import FAILURE_FIELD, Row, plain_value


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
            with self._explained():
                self._file.close()

    def note(self, outcome: Outcome) -> None:
        """Write the row of an outcome, unless that was accepted.

        Raises:
            FailuresError: The disk is full, or failed.
        """
        if outcome.status is OutcomeStatus.ACCEPTED:
            return
        assert self._file is not None  # noqa: S101 - it was entered
        with self._explained():
            self._file.write(f"{_line(outcome)}\n")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FailuresError(f"--failures {self._path}: {error.strerror}") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _line(outcome: Outcome) -> str:
    row: Row = outcome.event
    failure: dict[str, Any] = {
        "line": row.line,
        "status": (OutcomeStatus.UNKNOWN if row.is_doubtful else outcome.status).value,
        "error": str(outcome.error),
        "attempts": getattr(outcome.error, "attempts", 0),
    }
    if row.given is not None:
        try:
            return _dumped({**row.given, FAILURE_FIELD: failure})
        except (ValueError, RecursionError):
            pass  # what JSON cannot carry unchanged is kept to be mended, lest something else is sent the next time
    return _dumped({FAILURE_FIELD: {**failure, "text": _text(row)}})


def _dumped(value: Any) -> str:
    # NaN is no JSON, and yet is written as it was given: it is read again, and refused again.
    return json.dumps(value, ensure_ascii=False, default=plain_value)


def _text(row: Row) -> str:
    if row.given is None:
        return row.text or ""
    try:
        return json.dumps(row.given, ensure_ascii=False, default=str)
    except (ValueError, RecursionError) as error:
        return f"({type(error).__name__})"
