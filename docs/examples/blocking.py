import asyncio
import atexit
import functools
import os
import threading
from collections.abc import Mapping
from typing import Any

from sendpulse_async import AuthorizedEventSender, Receipt

sender = AuthorizedEventSender.from_env()  # opens nothing before the first event
lock = threading.Lock()


@functools.cache
def loop() -> asyncio.AbstractEventLoop:
    made = asyncio.new_event_loop()
    threading.Thread(target=made.run_forever, name="sendpulse", daemon=True).start()
    return made


os.register_at_fork(after_in_child=loop.cache_clear)  # a forked worker starts a thread of its own


def send_event(event_name: str, event: Mapping[str, Any], deadline: float = 5.0) -> Receipt:
    with lock:
        running = loop()
    call = sender.send_event(event, event_name=event_name, deadline=deadline)
    return asyncio.run_coroutine_threadsafe(call, running).result()


@atexit.register
def close() -> None:
    if loop.cache_info().currsize:
        asyncio.run_coroutine_threadsafe(sender.aclose(), loop()).result(timeout=5)
