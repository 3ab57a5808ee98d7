import anyio
import pytest

from sendpulse_async import Event, EventSender
from sendpulse_async.testing import Recorder


async def remind(sender: EventSender) -> None:
    await anyio.sleep(0.1)
    await sender.send_event(Event(phone="+380501234567", event_name="reminder"))


@pytest.mark.anyio
async def test_a_reminder_follows(sendpulse_recorder: Recorder) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(remind, sendpulse_recorder)

        await sendpulse_recorder.wait_sent("reminder", timeout=5)
