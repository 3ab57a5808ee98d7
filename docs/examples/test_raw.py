import pytest

from sendpulse_async.testing import Recorder


@pytest.mark.asyncio
@pytest.mark.sendpulse_recorder(is_raw=True)  # or make one yourself: Recorder(is_raw=True)
async def test_a_raw_event_has_no_name(sendpulse_recorder: Recorder) -> None:
    await sendpulse_recorder.send_event({"email": "ana@example.com", "order": 5})

    (recorded,) = sendpulse_recorder.assert_sent(email="ana@example.com")
    assert recorded.event_name is None
