"""The log: what stands at which level, with facts that programs can read."""

from __future__ import annotations

import pytest
from fakes import OVER_QUOTA, TAKEN, ScriptedTransport, answer, backend, put_on_virtual_time

from sendpulse_async import (
    AuthorizedEventSender,
    ClientCredentials,
    RawEventSender,
    RejectedError,
    send_many,
)

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

EVENT = {"email": "canary@example.com"}
GRANTED = answer(content={"access_token": "canary", "token_type": "Bearer", "expires_in": 3600})


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


@pytest.fixture(autouse=True)
def virtual_time(monkeypatch):
    put_on_virtual_time(monkeypatch)


def raw(*steps):
    url = "http://127.0.0.1:9/events/id/canary/1"
    return RawEventSender(url, transport=ScriptedTransport(*steps), rate_limit=None)


def named(*steps):
    credentials, transport = ClientCredentials("id", "canary"), ScriptedTransport(*steps)
    url = "http://127.0.0.1:9"
    return AuthorizedEventSender(credentials, event_name="order", base_url=url, transport=transport)


def told(caplog):
    """The records as level, text and facts; those of time left out, which no two runs share."""
    return [
        (
            record.levelname,
            record.getMessage(),
            {
                name.removeprefix("sendpulse_"): fact
                for name, fact in vars(record).items()
                if name.startswith("sendpulse_") and name != "sendpulse_elapsed"
            },
        )
        for record in caplog.records
        if record.name == "sendpulse_async"
    ]


async def test_an_event_is_a_line_at_debug(caplog):
    """With what came of it; a program that looks from INFO on hears nothing of an event that its code is told of."""
    async with raw(TAKEN, answer(400)) as sender:
        await sender.send_event(EVENT)
        with pytest.raises(RejectedError):
            await sender.send_event(EVENT)

    accepted = {"index": 0, "attempts": 1, "status": "accepted", "status_code": 200}
    rejected = {"index": 1, "status": "rejected", "status_code": 400, "error": "RejectedError"}
    assert told(caplog) == [
        ("DEBUG", "event 0: accepted after 1 attempt(s)", accepted),
        ("DEBUG", "event 1: attempt 1 ended rejected, RejectedError", {**rejected, "attempt": 1}),
        ("DEBUG", "event 1: rejected after 1 attempt(s)", {**rejected, "attempts": 1}),
    ]


async def test_a_pause_is_a_warning(caplog):
    """For everybody waits: its seconds are a fact."""
    caplog.set_level("WARNING")
    async with raw(OVER_QUOTA, TAKEN) as sender:
        await sender.send_event(EVENT)

    text = "SendPulse says that the quota is used up: no request begins for 1.0 s"
    assert told(caplog) == [("WARNING", text, {"pause": 1.0})]


async def test_a_token_is_told_of_but_not_shown(caplog):
    """A request that fails is a warning, a new token is worth a line."""
    caplog.set_level("INFO")
    async with named(answer(500), GRANTED, TAKEN) as sender:
        await sender.send_event(EVENT)

    failed = {"error": "ServiceUnavailableError", "status_code": 500}
    assert told(caplog) == [
        ("WARNING", "a token request failed: ServiceUnavailableError", failed),
        ("INFO", "a new token was fetched", {}),
    ]


async def test_a_run_is_a_line(caplog):
    """With its counts."""
    caplog.set_level("INFO")
    async with raw(TAKEN, answer(400), TAKEN) as sender:
        await send_many(sender, [EVENT] * 3, max_in_flight=1)

    counts = {"total": 3, "accepted": 2, "rejected": 1, "not_sent": 0, "unknown": 0, "resumed": 0}
    assert told(caplog) == [("INFO", "a bulk run ended: of 3 event(s) 2 accepted, 0 settled before", counts)]
