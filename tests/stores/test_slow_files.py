"""A folder on a file system that hangs: real threads, hence real time, of which there is a tenth of a second."""

from __future__ import annotations

import threading

import anyio
import pytest
from fake_account import TOKEN_TEXT, Account, Authorized

from sendpulse_async import FileTokenStore
from sendpulse_async._auth import _shared

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


async def test_a_file_system_that_hangs_holds_back_nobody(tmp_path, monkeypatch):
    """The patience for a store holds for one whose thread cannot be stopped, too: the event goes on without it."""
    monkeypatch.setattr(_shared, "PATIENCE", 0.05)
    is_back = threading.Event()

    class Hanging(FileTokenStore):
        def _load(self, account):
            is_back.wait(2)

        def _save(self, account, token):
            is_back.wait(2)

    authorized, began = Authorized(Account(), Hanging(tmp_path)), anyio.current_time()
    try:
        token = await authorized.tokens.get()
        took = anyio.current_time() - began
    finally:
        is_back.set()

    assert token.text == f"{TOKEN_TEXT}1"
    assert took < 1
