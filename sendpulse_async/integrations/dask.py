"""Large inputs, sent part by part by the workers of a Dask cluster, any of which may be lost."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypedDict, Unpack

import attrs
import pyarrow  # type: ignore[import-untyped] # it has no types; pip install 'sendpulse-async[dask]'
from distributed import Client, Future, as_completed  # pip install 'sendpulse-async[dask]'

from .._arguments import check_whole
from .._errors import ConfigurationError, SendPulseError, StoppedError
from .._journal import DeliveryLog
from .._policies import RateLimit
from .._quota import Quota
from .._senders import EventSender
from ._connect import Connect, opened
from ._parquet import slices
from ._rows import ROW_ID, ToEvent
from .arrow import send_batches

__all__ = ["Part", "PartOptions", "send_parquet", "send_parts"]

Part = Callable[[], Any]
"""Called on a worker; returns the batches of one part, as `send_batches` takes them."""
_Sent = tuple[list[pyarrow.RecordBatch], SendPulseError | None]


class PartOptions(TypedDict, total=False):
    """The keywords of `send_batches` that each task is given.

    A limit or a count is one for each task. `resend_unknown` sends again also what a worker had under way when it was
    lost, in this very run.
    """

    to_event: ToEvent | None
    max_in_flight: int
    rate_limit: RateLimit | None
    resend_unknown: bool
    max_failures: int | None


def send_parts(
    client: Client,
    parts: Iterable[Part],
    connect: Connect,
    *,
    row_id: str = ROW_ID,
    retries: int = 2,
    **options: Unpack[PartOptions],
) -> Generator[pyarrow.RecordBatch, None, None]:
    """Send the rows of many parts, each part in a task of a Dask cluster, and yield what came of them.

    A task is `send_batches` in a worker's thread. Dask repeats the tasks of a worker that it loses; the delivery log
    sees to it that nothing is sent twice. As many tasks are under way as the cluster has threads. The results of each
    come when it has ended, while others are under way; who takes them slowly keeps the cluster waiting.

    What stops one task lets no other begin. Closing the generator lets go of the tasks: those under way end on their
    workers, and of their rows the delivery log alone knows.

    Args:
        client: The cluster's; not an asynchronous one.
        parts: Functions that Dask can carry to a worker, taken as they are needed. Over all parts, each row has an id
            of its own, the same one whenever the part is read.
        connect: Called on the workers, once a task; gives a sender and a `RedisDeliveryLog`, which Dask's repetitions
            demand. It must read its credentials there, from the environment or a file: what a function brings along
            from the client can be seen by everybody who can see the cluster's tasks.
        row_id: The column that tells one row from another; it must be there.
        retries: How often a task that fails, as when the delivery log is away for a moment, is repeated.
        **options: Those of `send_batches`.

    Yields:
        The batches of `send_batches`: those of one part in their order, the parts in any.

    Raises:
        ConfigurationError: An argument is wrong; while iterating, `connect` gives no delivery log.
        StoppedError: While iterating, after all results: something stopped the run, and the rows of tasks that had not
            begun are in no result. Run it again, with the same delivery log, to go on.
        Exception: Likewise: what `parts` or a task raised, that after its last repetition.
    """
    _check(client, retries, options)
    send_batches((), connect, row_id=row_id, **options)  # which looks at them here, not on a worker
    name = f"send_parts-{secrets.token_hex(4)}"

    def submit(number: int, part: Part) -> Future[_Sent]:
        arguments = part, connect, {"row_id": row_id, **options}
        return client.submit(_send, *arguments, key=f"{name}-{number}", retries=retries, pure=False)

    return _Tasks(client, submit, enumerate(parts)).results()


def send_parquet(
    client: Client,
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | Mapping[str, str | os.PathLike[str]],
    connect: Connect,
    *,
    columns: Sequence[str] | None = None,
    row_id: str | None = None,
    rows_per_task: int = 2_000,
    retries: int = 2,
    **options: Unpack[PartOptions],
) -> Generator[pyarrow.RecordBatch, None, None]:
    """Send the rows of Parquet files, some of them in each task of a Dask cluster, and yield what came of them.

    The client reads the files' ends, the workers their rows. A row's id is its file's name and its number in it from 0,
    as in `orders.parquet:17`: whoever sends the same files again with the same delivery log sends nothing twice,
    whatever the number of workers or of rows in a task.

    Args:
        client: As for `send_parts`.
        paths: Files that the client and all workers can open by these paths; or a mapping of names to paths, where two
            files have one name.
        connect: As for `send_parts`.
        columns: Those to read; None: all.
        row_id: A column with ids of your own, instead of names and numbers.
        rows_per_task: At most; tasks begin and end with row groups where these are not larger.
        retries: As for `send_parts`.
        **options: As for `send_parts`.

    Yields:
        As `send_parts`.

    Raises:
        ConfigurationError: As for `send_parts`; a file is not Parquet, or has not the columns that it must have.
        OSError: A file cannot be opened.
        StoppedError: As for `send_parts`.
        Exception: As for `send_parts`.
    """
    check_whole("rows_per_task", rows_per_task)
    parts = slices(paths, columns, row_id, rows_per_task)
    return send_parts(client, parts, connect, row_id=row_id or ROW_ID, retries=retries, **options)


def _check(client: object, retries: object, options: PartOptions) -> None:
    if not isinstance(client, Client) or client.asynchronous:
        raise ConfigurationError("client must be a distributed.Client, and not an asynchronous one")
    check_whole("retries", retries, 0)
    if isinstance(options.get("rate_limit"), Quota):
        raise ConfigurationError("rate_limit must be a RateLimit: a Quota is one process's own, or the sender's")


@attrs.define(eq=False)
class _Tasks:
    """The tasks of one run: as many under way as there are threads, and none that begins after the first trouble."""

    client: Any  # distributed's own types are of no help: the same calls are coroutines for others
    submit: Callable[[int, Part], Future[_Sent]]
    parts: Iterator[tuple[int, Part]]
    _ended_by: Exception | None = None
    _under_way: set[Future[_Sent]] = attrs.field(factory=set[Future[_Sent]], init=False)
    _ended: Any = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._ended = as_completed(loop=self.client.loop)  # type: ignore[no-untyped-call] # it has no types

    def results(self) -> Generator[pyarrow.RecordBatch, None, None]:
        """Yield them as the tasks end, and raise at last what ended the run too early."""
        try:
            self._begin()
            for task in self._ended:
                batches = self._taken(task)
                self._begin()
                yield from batches
        finally:
            if self._under_way:
                self.client.cancel([*self._under_way])
        if self._ended_by is not None:
            raise self._ended_by

    def _begin(self) -> None:
        """Let tasks begin, one a thread: what waits on a worker could not be kept from beginning."""
        while self._ended_by is None and len(self._under_way) < max(1, sum(self.client.nthreads().values())):
            try:
                part = next(self.parts, None)
            except Exception as fault:  # noqa: BLE001 - raised when the tasks under way have ended
                self._ended_by = fault
                return
            if part is None:
                return
            task = self.submit(*part)
            self._under_way.add(task)
            self._ended.add(task)

    def _taken(self, task: Future[_Sent]) -> list[pyarrow.RecordBatch]:
        """Return a task's results, which the cluster then forgets."""
        try:
            batches, stopped_because = task.result()
        except Exception as fault:  # noqa: BLE001 - likewise
            self._ended_by = self._ended_by or fault
            return []
        finally:
            self._under_way.discard(task)
            task.release()  # type: ignore[no-untyped-call] # likewise
        if stopped_because is not None and self._ended_by is None:
            self._ended_by = StoppedError(f"{stopped_because}; tasks that had not begun were not sent: run again")
            self._ended_by.__cause__ = stopped_because
        return batches


# On a worker


def _send(part: Part, connect: Connect, options: dict[str, Any]) -> _Sent:
    """Send one part; return its batches, and what stopped it."""
    sending, batches = send_batches(part(), partial(_logged, connect), **options), []
    while True:
        try:
            batches.append(next(sending))
        except StopIteration as end:
            return batches, end.value


@asynccontextmanager
async def _logged(connect: Connect) -> AsyncIterator[tuple[EventSender, DeliveryLog]]:
    async with opened(connect) as (sender, log):
        if log is None:
            raise ConfigurationError(
                "connect must give a delivery log: Dask repeats the tasks of a worker that it loses, and without a log "
                "their events would be sent again"
            )
        yield sender, log
