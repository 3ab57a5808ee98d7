"""Rows of a data frame as events, for a run that must have one outcome for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import attrs

from .._arrow import records
from .._errors import ConfigurationError, InvalidEventError
from .._events import Event, Refused, identified
from .._senders import read_event
from ..typed import EventLike

ToEvent = Callable[[dict[str, Any]], EventLike]
"""Makes an event of a row."""

ROW_ID = "row_id"
RESULTS = ("outcome", "error", "attempts")
"""The columns of the output beside the row's id."""
_AT_A_TIME = 256
"""Rows that are Python's at a time: a batch may be a whole data frame."""


@attrs.frozen
class Rows:
    """How rows become events.

    Args:
        row_id: The column that tells one row from another; it is not sent.
        to_event: Makes an event of a row; None: as `Event.from_mapping` does.
        is_identified: Each event has its row's id.
    """

    row_id: str = ROW_ID
    to_event: ToEvent | None = None
    is_identified: bool = False

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.row_id, str) or not self.row_id or self.row_id in RESULTS:
            raise ConfigurationError(f"row_id must be the name of a column, and none of {', '.join(RESULTS)}")
        if self.to_event is not None and not callable(self.to_event):
            raise ConfigurationError("to_event must be callable")

    def events(self, batch: Any) -> Iterator[Event | Refused]:
        """Make an event of each row of a `pyarrow.RecordBatch`, as they are asked for."""
        for start in range(0, batch.num_rows, _AT_A_TIME):
            for record, problems in records(batch.slice(start, _AT_A_TIME)):
                try:
                    yield self._event(record, problems)
                except InvalidEventError as error:
                    yield Refused(record, error.problems)

    def _event(self, record: dict[str, Any], problems: tuple[str, ...]) -> Event:
        if problems:
            raise InvalidEventError(problems)
        event_id = self._event_id(record.get(self.row_id)) if self.is_identified else None
        if self.to_event is None:
            present = {name: value for name, value in record.items() if value is not None and name != self.row_id}
            return Event.from_mapping(present, event_id=event_id)
        event = read_event(self._made(self.to_event, record))
        return event if event_id is None else identified(event, event_id)

    def _made(self, to_event: ToEvent, record: dict[str, Any]) -> Any:
        try:
            return to_event(record)
        except InvalidEventError:
            raise
        except Exception as fault:  # noqa: BLE001 - the row's own trouble, whatever it is
            raise InvalidEventError([f"event: to_event raised {type(fault).__name__}"]) from None

    def _event_id(self, value: object) -> str:
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int | UUID) and not isinstance(value, bool):
            return str(value)
        raise InvalidEventError(
            [f"{self.row_id}: the delivery log knows a row by it: it must be a string, a whole number or a UUID"]
        )
