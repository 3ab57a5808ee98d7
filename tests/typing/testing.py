"""Tests of a user's own that type checkers must accept in their strictest mode; it is never run."""

from __future__ import annotations

from typing import assert_type
from unittest.mock import ANY

import pytest

from sendpulse_async import BodyFormat, Event, EventSender, Outbox, RateLimitedError, Receipt, Report, send_many
from sendpulse_async.testing import Fault, LedgerEntry, RecordedEvent, Recorder, Sandbox, Switches


@pytest.fixture
def sender(sendpulse_recorder: Recorder) -> EventSender:
    return sendpulse_recorder


async def test_recorder(sendpulse_recorder: Recorder, sender: EventSender) -> None:
    sendpulse_recorder.fail_with(RateLimitedError("later"), times=None)
    assert_type(await sendpulse_recorder.send_event({"email": "a@b.c"}, event_name="x", deadline=5), Receipt)
    assert_type(await sender.send_event(Event(email="a@b.c", event_name="x")), Receipt)
    assert_type(await send_many(sendpulse_recorder, [{"email": "a@b.c"}]), Report)
    (one,) = sendpulse_recorder.assert_sent("x", email="a@b.c", variables={"total": 1.5, "id": ANY}, times=1)
    assert_type(one, RecordedEvent)
    assert_type(one.event, Event)
    assert_type(one.event_name, str | None)
    assert_type(await sendpulse_recorder.wait_sent("x", timeout=1), tuple[RecordedEvent, ...])
    assert_type(sendpulse_recorder.events, tuple[RecordedEvent, ...])
    assert_type(sendpulse_recorder.attempts, tuple[RecordedEvent, ...])
    sendpulse_recorder.assert_nothing_sent()
    sendpulse_recorder.clear()
    async with Recorder(is_raw=True, body_format=BodyFormat.URLENCODED) as raw, Outbox.in_memory(raw) as outbox:
        assert_type(raw, Recorder)
        await outbox.put({"email": "a@b.c"})


@pytest.mark.sendpulse_sandbox(switches=Switches(refuse_duplicates=True))
async def test_sandbox(sendpulse_sandbox: Sandbox) -> None:
    sendpulse_sandbox.add_fault(Fault(status=429))
    assert_type(sendpulse_sandbox.assert_sent(email="a@b.c"), tuple[LedgerEntry, ...])
    assert_type(await sendpulse_sandbox.wait_sent("x", times=2, timeout=0.5), tuple[LedgerEntry, ...])
    assert_type(sendpulse_sandbox.find("event:x"), tuple[LedgerEntry, ...])
    sendpulse_sandbox.assert_nothing_sent()
