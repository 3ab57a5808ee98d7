"""Who wants to know that something changed, so that nobody looks again and again."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Listeners:
    """Calls of those who wait for a change; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: tuple[Callable[[], object], ...] = ()

    @contextlib.contextmanager
    def listening(self, call: Callable[[], object]) -> Iterator[None]:
        """Have this called at each change, in the thread that makes it; it must be quick, and must not raise.

        Args:
            call: Such as `threading.Event().set`; an event loop's goes through `call_soon_threadsafe`.
        """
        with self._lock:
            self._calls = (*self._calls, call)
        try:
            yield
        finally:
            with self._lock:
                calls = list(self._calls)
                calls.remove(call)
                self._calls = tuple(calls)

    def notify(self) -> None:
        """Tell all that something changed."""
        for call in self._calls:
            call()
