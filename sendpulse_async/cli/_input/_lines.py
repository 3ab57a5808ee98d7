"""Where text comes from: a file, one packed by gzip, a pipe or stdin; and its lines, one at a time."""

from __future__ import annotations

import gzip
import stat
import sys
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from ._options import STDIN
from ._row import InputError

MAX_LINE = 10_000_000
"""Bytes: what is longer is no list of events, and would fill the memory."""


def is_read_once(path: Path) -> bool:
    """Tell whether the input is gone once it was read, and may keep its reader waiting.

    Raises:
        InputError: There is no such input.
    """
    if path == STDIN:
        return True
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise InputError(reason_of(error)) from error
    if stat.S_ISDIR(mode):
        raise InputError("is a folder, not a file")
    return not stat.S_ISREG(mode)


def reason_of(error: OSError) -> str:
    """Return what the operating system says, without the file's name."""
    return error.strerror or type(error).__name__


def read_lines(path: Path, *, is_gzip: bool = False) -> Iterator[str]:
    """Read UTF-8 a line at a time, with the line ends; a byte order mark is left out.

    Raises:
        InputError: When the iteration meets what it cannot read.
    """
    # Bytes are decoded line by line, since a text file decodes ahead and could not name the line.
    number = 0
    try:
        with _open(path, is_gzip=is_gzip) as file:
            # A line of a pipe is there as soon as it was written: readline asks for no more than has come.
            for number, raw in enumerate(iter(partial(file.readline, MAX_LINE + 1), b""), 1):
                yield _decoded(number, raw)
    except (EOFError, gzip.BadGzipFile, zlib.error):  # their texts quote bytes
        raise InputError(
            f"line {number + 1} cannot be unpacked: this is no gzip file, or cut off, or damaged"
        ) from None
    except OSError as error:
        raise InputError(reason_of(error)) from error


def _open(path: Path, *, is_gzip: bool) -> BinaryIO:
    if path == STDIN:
        if sys.stdin is None:
            raise InputError("stdin is closed")
        # Not `sys.stdin`: Python dies at its exit where a thread still waits for a line of that.
        return open(0, "rb", closefd=False)
    return cast("BinaryIO", gzip.open(path)) if is_gzip else path.open("rb")


def _decoded(number: int, raw: bytes) -> str:
    if len(raw) > MAX_LINE:
        raise InputError(f"line {number} is longer than {MAX_LINE // 10**6} MB; each record needs a line of its own")
    try:
        text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise InputError(f"line {number} is not UTF-8; save the file as UTF-8") from None
    if "\0" in text:
        raise InputError(f"line {number} has a NUL character: the file is damaged, or not UTF-8; save it anew as UTF-8")
    return text
