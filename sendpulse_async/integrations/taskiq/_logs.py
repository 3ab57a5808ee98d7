"""Keeps events and passwords out of what the AMQP client logs: at DEBUG it writes down all that it sends."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from aio_pika.abc import AbstractMessage
from aiormq.abc import ChannelFrame, DeliveredMessage

_LOGGERS = ("aio_pika.exchange", "aiormq.channel", "aiormq.connection")
_TELLTALES = (AbstractMessage, ChannelFrame, DeliveredMessage)
_is_ours: ContextVar[bool] = ContextVar("sendpulse_async_is_ours", default=False)


class _FrameFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if _is_ours.get() and isinstance(record.args, tuple):
            record.args = tuple(_shown(argument) for argument in record.args)
        return True


def _shown(argument: object) -> object:
    return f"<{type(argument).__name__}>" if isinstance(argument, _TELLTALES) else argument


_filter = _FrameFilter()


@contextmanager
def discreet() -> Iterator[None]:
    """Let what is done here log no content; so does, for as long as it lives, a connection that is opened here."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_filter)  # a second time does nothing
    token = _is_ours.set(True)
    try:
        yield
    finally:
        _is_ours.reset(token)
