"""Stores on their servers, each without any keys."""

from __future__ import annotations

import pytest
import servers

from .places import ask


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def _memcached(tmp_path_factory):
    folder = tmp_path_factory.mktemp("memcached")
    folder.chmod(0o755)  # it goes on as nobody
    with servers.Memcached(folder) as server:
        yield server


@pytest.fixture
def memcached_server(_memcached):
    """A memcached without any keys, shared by the tests of a session; who stops one asks for `own_memcached`."""
    assert ask(_memcached.port, b"flush_all") == b"OK"
    return _memcached


@pytest.fixture(params=["redis", "memcached"])
def kind(request):
    """Play a test on each server."""
    return request.param


@pytest.fixture
def server(request, kind):
    """One of the test's own, which it may stop."""
    return request.getfixturevalue(f"own_{kind}")
