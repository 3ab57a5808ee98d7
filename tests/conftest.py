"""What tests of several floors start from: a carrier, certificates, and servers that play faults."""

from __future__ import annotations

import contextlib

import carriers
import pytest
from fault_server import FaultServer


@pytest.fixture(params=carriers.ALL, ids=str)
def carrier(request):
    """Play a test on each carrier, or on those that `carried_by` names."""
    return request.param


@pytest.fixture(scope="session")
def authority():
    return carriers.Authority()


@pytest.fixture(scope="session")
def stranger():
    """An authority that nobody trusts."""
    return carriers.Authority()


@pytest.fixture(params=["plain", "tls"])
def tls(request):
    """Play a test without TLS and with it."""
    return request.param == "tls"


@pytest.fixture
def serve(authority):
    """Return a function that starts a `FaultServer`; all are stopped at the end."""
    with contextlib.ExitStack() as stack:

        def start(*scripts, tls=False, **options):
            context = authority.server() if tls is True else tls or None
            return stack.enter_context(FaultServer(*scripts, tls=context, **options))

        yield start
