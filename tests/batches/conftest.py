"""A breaker that does not wait; and a Dask cluster, whose workers send to a ledger and share a log in Redis."""

from __future__ import annotations

import signal

import dask
import pytest
from distributed import Client, LocalCluster
from journal.ledger import Ledger

from sendpulse_async._bulk import _run


@pytest.fixture
def no_probe_delay(monkeypatch):
    """Let the breaker probe at once, where its wait is not what a test is about."""
    monkeypatch.setattr(_run, "PROBE_DELAY", 0.0)


@pytest.fixture
def heeds_interrupts():
    """As a program at a terminal does: one that a shell began in the background ignores Ctrl-C."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.fixture(scope="module")
def ledger():
    with Ledger() as ledger:
        yield ledger


@pytest.fixture(scope="module")
def cluster(ledger, _redis, tmp_path_factory):
    """A client of two workers, each a process with one thread, whose environment says where to send."""
    folder = tmp_path_factory.mktemp("dask")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDIS_URL", _redis.url)
        patch.setenv("SENDPULSE_EVENT_URL", ledger.url)
        options = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
        with (
            dask.config.set({"temporary-directory": str(folder)}),
            LocalCluster(**options) as cluster,
            Client(cluster) as client,
        ):
            yield client


@pytest.fixture
def client(cluster, ledger, redis_server):
    """The cluster's, with both workers up, before a ledger and a delivery log without entries."""
    cluster.wait_for_workers(2, timeout=60)
    ledger.forget()
    return cluster
