import pytest

from sendpulse_async import Event, EventSender, NotSentError, RateLimitedError
from sendpulse_async.testing import Recorder


async def buy(sender: EventSender, email: str, later: list[Event]) -> None:
    event = Event(email=email, event_name="purchase")
    try:
        await sender.send_event(event)
    except NotSentError:  # surely not taken, so it may be sent again
        later.append(event)


@pytest.mark.asyncio
async def test_what_was_not_sent_is_kept(sendpulse_recorder: Recorder) -> None:
    sendpulse_recorder.fail_with(RateLimitedError("over the quota"))
    later: list[Event] = []

    await buy(sendpulse_recorder, "ana@example.com", later)
    await buy(sendpulse_recorder, "ben@example.com", later)

    assert [event.email for event in later] == ["ana@example.com"]
    sendpulse_recorder.assert_sent(times=1)
    sendpulse_recorder.assert_sent(email="ben@example.com")
