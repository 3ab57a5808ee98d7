"""SendPulse's own Python client as a witness: it and this library live on one account."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pysendpulse.pysendpulse import PySendPulse

from sendpulse_async import AuthorizedEventSender, ClientCredentials, FileTokenStore
from sendpulse_async.sandbox import Sandbox


@pytest.fixture
def talkative() -> tuple[str, ...]:
    """The official client logs payloads and tokens."""
    return ("pysendpulse", "urllib3")


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox that the official client takes for SendPulse."""
    with Sandbox() as sandbox:
        monkeypatch.setattr(PySendPulse, "_PySendPulse__api_url", sandbox.origin)
        yield sandbox


def official(sandbox: Sandbox, folder: Path) -> PySendPulse:
    """The official client with its token in a file."""
    return PySendPulse(sandbox.client_id, sandbox.client_secret, "FILE", f"{folder}/")


def test_the_official_client_sends_to_the_sandbox(sandbox: Sandbox, tmp_path: Path) -> None:
    """An event of pysendpulse lands in the ledger as one of ours would."""
    answer = official(sandbox, tmp_path).send_event("registration", {"email": "a@example.com", "var_1": "x"})

    (entry,) = sandbox.events
    assert answer == {"result": True}
    assert (entry.event, entry.payload) == ("registration", {"email": "a@example.com", "var_1": "x"})


@pytest.mark.asyncio
async def test_a_token_that_the_official_client_left_is_used(sandbox: Sandbox, tmp_path: Path) -> None:
    """`FileTokenStore` finds pysendpulse's token, so no second one is asked for."""
    official(sandbox, tmp_path)
    auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)

    async with AuthorizedEventSender(auth, base_url=sandbox.origin, token_store=FileTokenStore(tmp_path)) as sender:
        await sender.send_event({"email": "a@example.com"}, event_name="registration")

    assert sandbox.token_requests == 1
    assert len(sandbox.events) == 1


@pytest.mark.asyncio
async def test_a_token_that_we_left_is_where_the_official_client_looks(sandbox: Sandbox, tmp_path: Path) -> None:
    """Our token stands bare in the file that pysendpulse reads; what it then makes of it is its own bug."""
    auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
    async with AuthorizedEventSender(auth, base_url=sandbox.origin, token_store=FileTokenStore(tmp_path)) as sender:
        await sender.send_event({"email": "a@example.com"}, event_name="registration")
    key = hashlib.md5(f"{sandbox.client_id}::{sandbox.client_secret}".encode()).hexdigest()
    ours = (tmp_path / key).read_text()

    official(sandbox, tmp_path).send_event("registration", {"email": "b@example.com"})

    assert ours.isascii()
    assert not ours.startswith("b'")
    assert [entry.email for entry in sandbox.events] == ["a@example.com", "b@example.com"]
    assert sandbox.token_requests == 2  # pysendpulse sent `Bearer b'…'`, was refused, and fetched anew
