"""Calls what a caller wants to be told of each outcome, once, whoever cancels meanwhile."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from ._outcomes import Outcome

T = TypeVar("T")
OnOutcome = Callable[[Outcome], Awaitable[object] | object]

PATIENCE = 1.0
"""Seconds that a hook has once its caller was cancelled."""


async def tell(hook: OnOutcome | None, outcome: Outcome) -> None:
    """Call a hook, sync or async; a cancellation comes through when it has ended, or `PATIENCE` later."""
    if hook is not None and inspect.isawaitable(told := hook(outcome)):
        await to_its_end(told)


async def tell_interrupted(hook: OnOutcome | None, outcome: Outcome) -> None:
    """Call a hook for an event that was cancelled."""
    if hook is not None and inspect.isawaitable(told := hook(outcome)):
        await briefly(told)


async def to_its_end(work: Awaitable[T]) -> T:
    """Return what `work` returns; a cancellation comes through when it has ended, or `PATIENCE` later."""
    results: list[T] = []
    faults: list[Exception] = []

    async def keep() -> None:
        results.append(await work)

    await _through(keep(), anyio.CancelScope(shield=True), faults)
    for fault in faults:
        raise fault
    return results[0]


async def briefly(work: Awaitable[object]) -> None:
    """Await what is left to do after a cancellation: it has `PATIENCE` seconds, however often one is cancelled."""
    faults: list[Exception] = []
    try:
        await _through(work, anyio.CancelScope(shield=True, deadline=anyio.current_time() + PATIENCE), faults)
    except anyio.get_cancelled_exc_class():
        pass  # the caller is about to raise the one that it caught
    for fault in faults:
        raise fault


async def _through(work: Awaitable[object], shield: anyio.CancelScope, faults: list[Exception]) -> None:
    """Await `work` in a task of its own; what it raises goes to `faults`, since the group would wrap it."""
    has_ended = anyio.Event()

    async def run() -> None:
        with shield:
            try:
                await work
            except Exception as fault:  # noqa: BLE001 - raised by the caller
                faults.append(fault)
        has_ended.set()

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        try:
            await has_ended.wait()
        except anyio.get_cancelled_exc_class():
            shield.deadline = min(shield.deadline, anyio.current_time() + PATIENCE)
            raise
