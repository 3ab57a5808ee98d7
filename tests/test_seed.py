"""SendPulse's page *How to send events*: each of its samples leaves the library as shown, on a real socket."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sendpulse_async import AuthorizedEventSender, BodyFormat, ClientCredentials, Event, RawEventSender
from sendpulse_async.sandbox import LedgerEntry, Sandbox

SAMPLES = Path(__file__).parent / "samples"
RAW: dict[str, Any] = json.loads((SAMPLES / "raw.json").read_text())
BY_NAME: dict[str, Any] = json.loads((SAMPLES / "by-name.json").read_text())
CONTENT_TYPES = {
    BodyFormat.RAW: "application/json",
    BodyFormat.URLENCODED: "application/x-www-form-urlencoded",
    BodyFormat.FORM_DATA: "multipart/form-data",
}

pytestmark = pytest.mark.asyncio


def header(entry: LedgerEntry, name: str) -> str | None:
    """Return one header of a request that the sandbox took."""
    return next((value for key, value in entry.headers if key.lower() == name), None)


@pytest.mark.parametrize("body_format", BodyFormat)
async def test_the_raw_sample_leaves_as_the_page_shows_it(body_format: BodyFormat) -> None:
    """All eight fields arrive at the documented path, without the stray blank, in each encoding."""
    async with Sandbox() as sandbox, RawEventSender(sandbox.event_url, body_format=body_format) as sender:
        receipt = await sender.send_event(RAW)

    (entry,) = sandbox.events
    expected = RAW | {"email": "test1@test1.com"}
    if body_format is not BodyFormat.RAW:  # a form knows text alone
        expected = {name: str(value) for name, value in expected.items()}
    assert receipt.confirmed
    assert entry.payload == expected
    assert (entry.method, entry.event) == ("POST", None)
    assert re.fullmatch(r"/events/id/[0-9a-f]{32}/\d+", entry.path)
    assert (header(entry, "content-type") or "").split(";")[0] == CONTENT_TYPES[body_format]
    assert header(entry, "authorization") is None


async def test_the_sample_by_name_leaves_as_the_page_shows_it() -> None:
    """The event `registration` goes to its name's path with a Bearer token and `var_1` at the top level."""
    async with Sandbox() as sandbox:
        auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
        async with AuthorizedEventSender(auth, base_url=sandbox.origin) as sender:
            await sender.send_event(BY_NAME, event_name="registration")

    (entry,) = sandbox.events
    assert entry.payload == BY_NAME
    assert (entry.method, entry.path, entry.event) == ("POST", "/events/name/registration", "registration")
    assert header(entry, "content-type") == "application/json"
    assert (header(entry, "authorization") or "").startswith("Bearer ")


@pytest.mark.parametrize("body_format", BodyFormat)
async def test_the_automation_id_stands_beside_an_array(body_format: BodyFormat) -> None:
    """`automation_id` is a number at the top level, outside the array of products."""
    products = [{"name": "Cup", "price": 12.5}, {"name": "Pot", "price": 30}]
    event = Event(email="test1@test1.com", automation_id=4711, variables={"products": products})

    async with Sandbox() as sandbox, RawEventSender(sandbox.event_url, body_format=body_format) as sender:
        await sender.send_event(event)

    (entry,) = sandbox.events
    if body_format is BodyFormat.RAW:
        assert entry.payload == {"email": "test1@test1.com", "automation_id": 4711, "products": products}
    else:
        texts = [{"name": "Cup", "price": "12.5"}, {"name": "Pot", "price": "30"}]
        assert entry.payload == {"email": "test1@test1.com", "automation_id": "4711", "products": texts}
