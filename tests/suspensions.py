"""Cancels a piece of work at chosen points: each time that one of its tasks, helpers included, is suspended is one."""

from __future__ import annotations

import asyncio
import functools
import types

import anyio
import sniffio
import trio
from fault_server import PATIENCE


@types.coroutine
def watched(work, on_suspend):
    """Await `work`, and call `on_suspend` at each point where it is suspended."""
    step = functools.partial(work.send, None)
    while True:
        try:
            waited = step()
        except StopIteration as stop:
            return stop.value
        on_suspend()
        try:
            yield waited
        except BaseException as error:  # noqa: BLE001 - handed on
            step = functools.partial(work.throw, error)
        else:
            step = functools.partial(work.send, None)


class Points:
    """Counts points, and calls `cancel` at those that were chosen; the first one is 1."""

    def __init__(self, chosen):
        self.chosen = frozenset(chosen)
        self.count = 0
        self.cancel = lambda: None

    def __call__(self):
        self.count += 1
        if self.count in self.chosen:
            self.cancel()


async def cancelled_at(chosen, work, *, by="task"):
    """Do `work()` and cancel it at the chosen points; return whether it had as many as the first of them.

    Args:
        chosen: Numbers of points, from 1.
        work: A coroutine function.
        by: `"task"`: as asyncio's own `task.cancel()` does, once for each chosen point. `"scope"`: by a cancel scope,
            which cancels whatever is awaited from then on, too; on trio always.
    """
    points = Points(chosen)
    if sniffio.current_async_library() == "trio":
        await _on_trio(points, work)
    else:
        await _on_asyncio(points, work, by)
    return points.count >= min(chosen)


async def _on_asyncio(points, work, by):
    loop, scope = asyncio.get_running_loop(), anyio.CancelScope()
    is_struck = False

    def make_task(loop, coroutine, **options):
        async def run():
            return await watched(coroutine, points)

        return asyncio.Task(run(), loop=loop, **options)

    async def scoped():
        with scope:
            await work()

    def strike():
        nonlocal is_struck
        is_struck |= not task.done()
        scope.cancel() if by == "scope" else task.cancel()

    loop.set_task_factory(make_task)
    try:
        task = loop.create_task(scoped())
        points.cancel = lambda: loop.call_soon(strike)
        await asyncio.wait([task], timeout=PATIENCE)
    finally:
        loop.set_task_factory(None)
    assert task.done(), "it was cancelled, and never ended"
    if not task.cancelled():
        # A scope may end before its cancellation is delivered; a task's own is raised at the point where it struck.
        assert by == "scope" or not is_struck, "a cancellation was swallowed"
        task.result()  # raises what else it raised


async def _on_trio(points, work):
    here = trio.lowlevel.current_task()

    class Steps(trio.abc.Instrument):
        def after_task_step(self, task):
            if _is_within(task, here):
                points()

    steps = Steps()
    with trio.CancelScope() as scope, trio.fail_after(PATIENCE):
        points.cancel = scope.cancel
        trio.lowlevel.add_instrument(steps)
        try:
            await work()
        finally:
            trio.lowlevel.remove_instrument(steps)


def _is_within(task, ancestor):
    while task is not None and task is not ancestor:
        task = task.parent_nursery and task.parent_nursery.parent_task
    return task is ancestor
