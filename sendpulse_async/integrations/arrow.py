"""Data frames, batch by batch: rows of Arrow in, what came of each of them out, for engines that are not async."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from functools import partial
from typing import Any

import attrs
import pyarrow  # type: ignore[import-untyped] # it has no types; pip install 'sendpulse-async[parquet]'

from .._bulk import Options, PartedRun, run_in_parts
from .._errors import ConfigurationError, SendPulseError
from .._journal import Entry, EntryState
from .._policies import RateLimit
from .._quota import Quota
from ._bridge import Bridge
from ._connect import Connect, opened
from ._rows import RESULTS, ROW_ID, Rows, ToEvent

__all__ = ["Connect", "ToEvent", "send_batches"]

_TYPES = (pyarrow.string(), pyarrow.string(), pyarrow.int64())
_OUTCOMES = {state: state.value for state in EntryState} | {
    EntryState.INTENT: EntryState.UNKNOWN.value,
    EntryState.REFUSED: EntryState.REJECTED.value,
}


def send_batches(
    batches: Any,
    connect: Connect,
    *,
    row_id: str = ROW_ID,
    to_event: ToEvent | None = None,
    max_in_flight: int = 32,
    rate_limit: RateLimit | Quota | None = None,
    resend_unknown: bool = False,
    max_failures: int | None = None,
) -> Generator[pyarrow.RecordBatch, None, SendPulseError | None]:
    """Send a data frame, one event a row, and yield for each batch what came of its rows.

    Each row of the input has one row of the output, in its place, whatever happens: `row_id` as it was given,
    `outcome` (accepted, rejected, not_sent or unknown), `error` (null if accepted) and `attempts`. When a batch is
    yielded, none of its events is under way any more, so a consumer may take its time. What stops `send_many` stops
    this: the rows that are left are not_sent, with the reason, and that reason is the generator's return value.

    With a delivery log a row's id is its event's `event_id`, unless `to_event` gave it another, and a task that an
    engine repeats sends nothing twice: rows that an earlier try settled have the outcome that the log has; rows that it
    may have had taken are unknown.

    It runs an event loop of its own in the calling thread, for as long as it is asked for a batch. Closing it, or
    letting go of it, closes what `connect` opened.

    Args:
        batches: An iterable of `pyarrow.RecordBatch`, or anything with `__arrow_c_stream__` (a pyarrow Table, a polars
            or pandas frame, a DuckDB relation); read one batch at a time.
        connect: Called once, where the batches are sent; returns an async context manager that gives a sender and a
            `RedisDeliveryLog`, or None. Credentials are read in it, so that no engine has to carry them.
        row_id: The column that tells one row from another, also over repeated tasks; it is not sent. Where none is
            named and there is no `row_id`, a row's place in the input, from 0, stands for it; a delivery log needs one.
        to_event: Makes an `Event`, or a flat mapping, of a row, which it is given with all columns; if it raises, the
            row is rejected. None: columns are fields as for `Event.from_mapping`, and null is absent.
        max_in_flight: As for `send_many`.
        rate_limit: As for `send_many`.
        resend_unknown: As for `send_many`; needs a delivery log.
        max_failures: As for `send_many`, over all batches.

    Returns:
        The batches; and, as the generator's own return value, what stopped the run, or None.

    Raises:
        ConfigurationError: An argument is wrong; while iterating, an event loop runs in this thread already, or the
            input has not the columns that it must have.
        JournalError: While iterating: the delivery log cannot be used; events in flight have ended. Repeat the task.
        Exception: While iterating: what the input or `connect` raised.
    """
    if not callable(connect):
        raise ConfigurationError("connect must be a function that returns an async context manager")
    quota = rate_limit if isinstance(rate_limit, Quota) else Quota(rate_limit)
    options = Options(max_in_flight, quota, max_failures, None, None, resend_unknown=False)
    rows = Rows(row_id, to_event)
    return _sent(_Input(batches, row_id), rows, partial(_connected, connect, options, resend_unknown=resend_unknown))


def _sent(
    source: _Input, rows: Rows, begin: Callable[[], AbstractAsyncContextManager[PartedRun]]
) -> Generator[pyarrow.RecordBatch, None, SendPulseError | None]:
    bridge: Bridge[PartedRun] | None = None
    with ExitStack() as stack:
        for batch, results in source:
            if bridge is None:  # not before there is something to send: an input may keep one waiting
                bridge = stack.enter_context(Bridge(begin))
                rows = _known_to_log(rows, source) if bridge.value.has_journal else rows
            bridge.run(bridge.value.send(rows.events(batch), results.note))
            yield results.batch()
    return None if bridge is None else bridge.value.stopped_because


def _known_to_log(rows: Rows, source: _Input) -> Rows:
    if not source.has_ids:
        raise ConfigurationError(
            f"row_id: the input has no column {rows.row_id!r}, and a delivery log knows a row by that alone: when a "
            "task is repeated, another row may stand in its place"
        )
    return attrs.evolve(rows, is_identified=True)


@asynccontextmanager
async def _connected(connect: Connect, options: Options, *, resend_unknown: bool) -> AsyncIterator[PartedRun]:
    async with opened(connect) as (sender, log):
        if resend_unknown and log is None:
            raise ConfigurationError("resend_unknown needs a delivery log, which knows what is unknown")
        async with run_in_parts(sender, attrs.evolve(options, journal=log, resend_unknown=resend_unknown)) as run:
            yield run


class _Input:
    """Yields each batch with the place for its results.

    Attributes:
        has_ids: The rows have ids of their own.
    """

    def __init__(self, batches: Any, row_id: str) -> None:
        is_text = isinstance(batches, str | bytes | Mapping)
        if is_text or not (isinstance(batches, Iterable) or hasattr(batches, "__arrow_c_stream__")):
            raise ConfigurationError(
                f"batches must be record batches, or have __arrow_c_stream__; this is {type(batches).__name__}"
            )
        self.has_ids = False
        self._batches = batches
        self._row_id = row_id
        self._field: pyarrow.Field | None = None

    def __iter__(self) -> Iterator[tuple[pyarrow.RecordBatch, _Results]]:
        first = 0
        for batch in self._opened():
            if not isinstance(batch, pyarrow.RecordBatch):
                raise ConfigurationError(f"batches must be of pyarrow.RecordBatch; one is {type(batch).__name__}")
            self._check(batch.schema)
            if self.has_ids:
                ids = batch.column(self._row_id)
            else:
                ids = pyarrow.array(range(first, first + batch.num_rows), pyarrow.int64())
            yield batch, _Results(self._field, ids, first)
            first += batch.num_rows

    def _opened(self) -> Any:
        # A reader hands out its source's own errors, which a stream would translate.
        if isinstance(self._batches, pyarrow.RecordBatchReader) or not hasattr(self._batches, "__arrow_c_stream__"):
            return self._batches
        try:
            return pyarrow.RecordBatchReader.from_stream(self._batches)
        except pyarrow.ArrowInvalid as fault:
            raise ConfigurationError(f"batches: this is no stream of record batches: {fault}") from None

    def _check(self, schema: pyarrow.Schema) -> None:
        """Look whether the columns are such as rows can be told by, and as they were in the batches before."""
        if len({*schema.names}) < len(schema.names):
            raise ConfigurationError("batches: two columns have the same name")
        has_ids = self._row_id in schema.names
        if not has_ids and self._row_id != ROW_ID:
            raise ConfigurationError(f"row_id: the input has no column {self._row_id!r}")
        kind = schema.field(self._row_id).type if has_ids else pyarrow.int64()
        if self._field is not None and (has_ids, kind) != (self.has_ids, self._field.type):
            raise ConfigurationError(f"batches: the column {self._row_id!r} is not what it is in the batches before")
        self.has_ids, self._field = has_ids, pyarrow.field(self._row_id, kind)


class _Results:
    """What came of the rows of one batch, as it becomes known."""

    def __init__(self, field: pyarrow.Field, ids: pyarrow.Array, first: int) -> None:
        self._schema = pyarrow.schema([field, *map(pyarrow.field, RESULTS, _TYPES)])
        self._ids = ids
        self._first = first
        self._outcomes: list[str | None] = [None] * len(ids)
        self._errors: list[str | None] = [None] * len(ids)
        self._attempts = [0] * len(ids)

    def note(self, number: int, entry: Entry) -> None:
        place = number - self._first
        self._outcomes[place] = _OUTCOMES[entry.state]
        self._errors[place] = entry.reason or None
        self._attempts[place] = entry.attempts

    def batch(self) -> pyarrow.RecordBatch:
        columns = [self._ids, *map(pyarrow.array, (self._outcomes, self._errors, self._attempts), _TYPES)]
        return pyarrow.RecordBatch.from_arrays(columns, schema=self._schema)
