"""Every test of a transport is played on the event loop that its carrier names."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend(carrier):
    return carrier.backend
