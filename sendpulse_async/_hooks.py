"""Calls what a caller wants to be told of each outcome, once, whoever cancels meanwhile."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

import anyio

from ._outcomes import Outcome

OnOutcome = Callable[[Outcome], Awaitable[object] | object]

PATIENCE = 1.0
"""Seconds that a hook has once its caller was cancelled."""


async def tell(hook: OnOutcome | None, outcome: Outcome) -> None:
    """Call a hook, sync or async; a cancellation comes through when it has ended, or `PATIENCE` later."""
    if hook is not None and inspect.isawaitable(told := hook(outcome)):
        await _through(told)


async def tell_interrupted(hook: OnOutcome | None, outcome: Outcome) -> None:
    """Call a hook for an event that was cancelled."""
    if hook is not None and inspect.isawaitable(told := hook(outcome)):
        await briefly(told)


async def briefly(work: Awaitable[object]) -> None:
    """Await what is left to do after a cancellation: it has `PATIENCE` seconds and no more."""
    with anyio.CancelScope(shield=True), anyio.move_on_after(PATIENCE):
        await work


async def _through(work: Awaitable[object]) -> None:
    shield, faults = anyio.CancelScope(shield=True), list[Exception]()
    has_ended = anyio.Event()

    async def run() -> None:
        with shield:
            try:
                await work
            except Exception as fault:  # noqa: BLE001 - raised below, out of the group, which would wrap it
                faults.append(fault)
        has_ended.set()

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        try:
            await has_ended.wait()
        except anyio.get_cancelled_exc_class():
            shield.deadline = anyio.current_time() + PATIENCE
            raise
    for fault in faults:
        raise fault
