"""The three questions that a test asks of whoever holds what was sent."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

import anyio
import anyio.to_thread
from attrs import frozen

from ._expectation import Expectation, Seen
from ._text import misfit, unexpected

T = TypeVar("T")


@frozen
class Evidence(Generic[T]):
    """What is known of what was sent.

    Attributes:
        sent: What was taken, oldest first.
        see: Shows one of them as expectations see it.
        refusals: Returns a heading and a line for each event that was not taken, or nothing.
        forgotten: Events that were taken before these.
    """

    sent: Sequence[T]
    see: Callable[[T], Seen]
    refusals: Callable[[], Sequence[str]]
    forgotten: int = 0

    def matches(self, expectation: Expectation) -> tuple[T, ...]:
        """Return those that are as expected."""
        return tuple(one for one in self.sent if not expectation.differences(self.see(one)))

    def misfit(self, expectation: Expectation) -> str:
        """Say in which way they are not what was expected."""
        return misfit(expectation, [self.see(one) for one in self.sent], self.refusals(), self.forgotten)


class SentEvents(Generic[T]):
    """Lets a test say what must have been sent."""

    def _evidence(self) -> Evidence[T]:
        raise NotImplementedError

    def _listening(self, call: Callable[[], object]) -> AbstractContextManager[None]:
        raise NotImplementedError

    def assert_sent(
        self,
        event: str | None = None,
        *,
        email: str | None = None,
        phone: str | None = None,
        variables: Mapping[str, Any] | None = None,
        times: int | None = None,
    ) -> tuple[T, ...]:
        """Fail, and show the nearest miss, unless such an event was sent.

        Args:
            event: The event's name; an event that went to a raw URL has none.
            email: Its e-mail address.
            phone: Its phone number.
            variables: What its payload must hold, among others: below an object too, item by item in an array.
                Dates, decimals, enums and UUIDs are compared as they are sent; `unittest.mock.ANY` is anything.
            times: How often, exactly. None: once or more.

        Returns:
            The events that match, oldest first.

        Raises:
            AssertionError: It was not sent, or not so often.
        """
        __tracebackhide__ = True
        expectation = Expectation(event=event, email=email, phone=phone, variables=variables, times=times)
        evidence = self._evidence()
        matches = evidence.matches(expectation)
        if not expectation.is_met(len(matches)):
            raise AssertionError(evidence.misfit(expectation))
        return matches

    def assert_nothing_sent(self) -> None:
        """Fail, and list what was sent, unless nothing was.

        Raises:
            AssertionError: Something was sent.
        """
        __tracebackhide__ = True
        evidence = self._evidence()
        if evidence.sent:
            raise AssertionError(unexpected([evidence.see(one) for one in evidence.sent]))

    async def wait_sent(
        self,
        event: str | None = None,
        *,
        email: str | None = None,
        phone: str | None = None,
        variables: Mapping[str, Any] | None = None,
        times: int | None = None,
        timeout: float = 5.0,
    ) -> tuple[T, ...]:
        """Wait until such an event was sent, which is where code under test sends in the background.

        Works on asyncio and on trio. Nothing is looked at again and again: each event that is sent wakes it.

        Args:
            event: As for `assert_sent`.
            email: As for `assert_sent`.
            phone: As for `assert_sent`.
            variables: As for `assert_sent`.
            times: As for `assert_sent`, but 1 or more.
            timeout: Seconds to wait at most.

        Returns:
            The events that match, oldest first.

        Raises:
            AssertionError: It was not sent in time, or too often.
            ValueError: `times` is 0, or `timeout` is no number of seconds.
        """
        __tracebackhide__ = True
        expectation = Expectation(event=event, email=email, phone=phone, variables=variables, times=times)
        if times == 0:
            raise ValueError("times must be 1 or more: nobody can wait until nothing is sent; use assert_sent(times=0)")
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < math.inf:
            raise ValueError("timeout must be a number of seconds, more than 0")
        is_in_time = await self._until_enough(expectation, timeout)
        evidence = self._evidence()
        matches = evidence.matches(expectation)
        if not expectation.is_met(len(matches)):
            waited = "" if is_in_time else f"waited {timeout:g} s: "
            raise AssertionError(waited + evidence.misfit(expectation))
        return matches

    async def _until_enough(self, expectation: Expectation, timeout: float) -> bool:
        ends_at, woken, own_thread = time.monotonic() + timeout, threading.Event(), anyio.CapacityLimiter(1)
        with self._listening(woken.set):
            try:
                while not expectation.is_enough(len(self._evidence().matches(expectation))):
                    left = ends_at - time.monotonic()
                    if left <= 0:
                        return False
                    await anyio.to_thread.run_sync(woken.wait, left, abandon_on_cancel=True, limiter=own_thread)
                    woken.clear()
            finally:
                woken.set()  # a thread that was abandoned ends
        return True
