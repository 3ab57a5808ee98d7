"""`check`: what is wrong with a list, without an account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .. import ConfigurationError
from ._consoles import open_stdout
from ._examination import examine, show_examination
from ._exit_codes import ExitCode
from ._flags import ListPath
from ._input import Input, InputError, InputFlags, Row, parse_options


async def check(
    file: ListPath,
    /,
    *,
    reading: InputFlags = InputFlags(),  # noqa: B008 - a frozen value
    region: str | None = None,
    structure_only: Annotated[bool, Parameter(negative=())] = False,
) -> ExitCode:
    """Check every row of a list, and say what is wrong with it; no account is needed, and nothing is sent.

    Addresses and numbers are looked at as by send-many --normalize, with the extra "validate".

    Args:
        file: FILE.csv, FILE.jsonl or FILE.parquet; - for stdin.
        reading: How it is read.
        region: The country of numbers without a country code, such as UA.
        structure_only: Look at addresses and numbers no closer than send-many does without --normalize.
    """
    if structure_only and region is not None:
        raise ConfigurationError("--region says how numbers are read, which --structure-only leaves out")
    rows = _rows(file, reading)
    if not structure_only:
        from ._normalized import normalized  # noqa: PLC0415 - what it imports is an extra

        rows = normalized(rows, region)
    try:
        return show_examination(open_stdout(), await examine(rows))
    except InputError as error:
        raise InputError(f"{file}: {error}") from error


def _rows(file: Path, reading: InputFlags) -> Iterator[Row] | AsyncIterator[Row]:
    try:
        return Input(parse_options(file, reading)).rows()
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
