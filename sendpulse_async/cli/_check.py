"""`check`: what is wrong with a list, without an account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .. import ConfigurationError
from ._consoles import open_stderr, open_stdout
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

    Addresses and numbers are looked at as by send-many --normalize where the extra "validate" is installed.

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
        rows = _closely(rows, region)
    try:
        return show_examination(open_stdout(), await examine(rows))
    except InputError as error:
        raise InputError(f"{file}: {error}") from error


def _closely(rows: Iterator[Row] | AsyncIterator[Row], region: str | None) -> Iterator[Row] | AsyncIterator[Row]:
    """Look at addresses and numbers too, if that is installed; who names a region wants nothing less."""
    try:
        from ._normalized import normalized  # noqa: PLC0415 - what it imports is an extra
    except ModuleNotFoundError as missing:
        if region is not None or missing.name not in {"email_validator", "phonenumbers"}:
            raise
        open_stderr().say("Addresses and numbers are not looked at closely: pip install 'sendpulse-async[validate]'")
        return rows
    return normalized(rows, region)


def _rows(file: Path, reading: InputFlags) -> Iterator[Row] | AsyncIterator[Row]:
    try:
        return Input(parse_options(file, reading)).rows()
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
