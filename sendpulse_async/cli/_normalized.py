"""Rows whose addresses and numbers are brought into one spelling."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import attrs

from .. import InvalidEventError
from ..validation import Normalizer
from ._input import Row

Normalize = Callable[[Row], Row]


def normalizing(region: str | None) -> Normalize:
    """Return what brings a row's contact into one spelling; a wrong one becomes a row with problems.

    Raises:
        ConfigurationError: There is no such region.
    """
    normalizer = Normalizer(region)

    def normalize(row: Row) -> Row:
        try:
            return attrs.evolve(row, fields=normalizer(row).to_payload())
        except InvalidEventError as error:
            return attrs.evolve(row, problems=error.problems)

    return normalize


def normalized(rows: Iterator[Row] | AsyncIterator[Row], region: str | None) -> Iterator[Row] | AsyncIterator[Row]:
    """Return the rows with their contacts in one spelling.

    Raises:
        ConfigurationError: There is no such region.
    """
    normalize = normalizing(region)
    return _Normalized(rows, normalize) if isinstance(rows, AsyncIterator) else map(normalize, rows)


class _Normalized(AsyncIterator[Row]):
    """No generator: a row that was being read when its reader was cancelled is the next one."""

    def __init__(self, rows: AsyncIterator[Row], normalize: Normalize) -> None:
        self._rows = rows
        self._normalize = normalize

    async def __anext__(self) -> Row:
        return self._normalize(await anext(self._rows))
