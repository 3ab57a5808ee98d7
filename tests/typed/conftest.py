"""Two event loops, for tests that must hold on both."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    """Play a test on both."""
    return request.param
