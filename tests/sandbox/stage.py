"""What tests of the sandbox share: entries as the doors make them, any JSON, and waits for what the server does."""

from __future__ import annotations

import asyncio
import json

from hypothesis import strategies as st

from sendpulse_async.sandbox import LedgerEntry

HASH = "eb561baa181247d1cd378c4ead632877"
PAYLOAD = {
    "email": "Anna@Example.com",
    "phone": "+380501234567",
    "total": 12.5,
    "count": 3,
    "form": "15",
    "paid": True,
    "note": None,
    "date": "2026-03-01",
    "name": 'Tea \\ "green" Олена',
    "tags": ["new", "vip"],
    "empty": [],
    "products": [{"name": "tea", "id": 1}, {"name": "Coffee", "sizes": [[{"ml": 250}]]}],
}


def named_entry(**changes):
    payload = changes.get("payload", PAYLOAD)
    values = {
        "sequence": 7,
        "received_at": 1.5,
        "door": "name",
        "event": "Purchase",
        "method": "POST",
        "path": "/events/name/Purchase",
        "headers": (("authorization", "Bearer hidden"), ("x-trace", "Abc"), ("content-type", "application/json")),
        "content_type": "application/json",
        "body": json.dumps(payload).encode(),
        "payload": payload,
        "status": 200,
    }
    return LedgerEntry(**values | changes)


def raw_entry(**changes):
    values = {
        "sequence": 1,
        "received_at": 1.5,
        "door": "raw",
        "event": None,
        "method": "POST",
        "path": "/events/id/eb561baa181247d1cd378c4ead632877/7043663",
        "headers": (("authorization", "Bearer hidden-token"), ("cookie", "hidden-cookie")),
        "content_type": "application/json",
        "body": b'{"email": "hidden@b.c"}',
        "payload": {"email": "hidden@b.c"},
        "status": 200,
    }
    return LedgerEntry(**values | changes)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


def listeners(sandbox):
    return sandbox._state.listeners._calls


async def until(holds):
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)
