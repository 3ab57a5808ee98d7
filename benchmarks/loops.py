"""The event loops to choose from."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

LOOPS = ("asyncio", "uvloop")


def is_here(*modules: str) -> bool:
    """Return whether all these packages are installed, without importing one."""
    return all(importlib.util.find_spec(module) is not None for module in modules)


def running(work: Coroutine[Any, Any, T], loop: str) -> T:
    """Run one coroutine in a new event loop of that kind."""
    factory = asyncio.new_event_loop if loop == "asyncio" else importlib.import_module(loop).new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)
