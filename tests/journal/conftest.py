"""A journal in a folder of its own, a network that follows a script, and real time, which its disk needs."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.journal"
