"""A sandbox that serves, and a plain client that talks to it."""

from __future__ import annotations

import httpx
import pytest

from sendpulse_async.sandbox import Sandbox


@pytest.fixture
def talkative():
    """What talks to the sandbox here is a client of somebody else's."""
    return ("httpx", "pysendpulse", "urllib3")


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running


@pytest.fixture
def client(sandbox):
    with httpx.Client(base_url=sandbox.origin, trust_env=False) as plain:
        yield plain


@pytest.fixture
def client_of():
    """What makes a plain client of a sandbox that a test set up itself."""
    return lambda sandbox: httpx.Client(base_url=sandbox.origin, trust_env=False)


@pytest.fixture
def by_key(sandbox):
    """The header that opens the named door without a token."""
    return {"Authorization": f"Bearer {sandbox.api_key}"}
