"""What the user typed, so that a run can say how to go on with it; no secret is ever an argument."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from ._consoles import how_to_call

_typed: ContextVar[tuple[str, ...]] = ContextVar("typed", default=())


@contextmanager
def invocation(tokens: Sequence[str]) -> Iterator[None]:
    """Keep what was typed while it is done."""
    token = _typed.set(tuple(tokens))
    try:
        yield
    finally:
        _typed.reset(token)


def resume_command() -> str:
    """Return what to type to go on with the run that was begun."""
    typed = _typed.get()
    is_resuming = "--resume" in typed or typed[:2] == ("journal", "retry")
    return f"{how_to_call()} {shlex.join(typed if is_resuming else (*typed, '--resume'))}"
