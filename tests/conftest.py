"""What tests of several floors start from, and what watches over all of them: no secret in any log or output."""

from __future__ import annotations

import contextlib
import logging

import carriers
import pytest
import servers
from canaries import LogWatch, found_in
from fault_server import FaultServer

from sendpulse_async.sandbox import Sandbox

pytest_plugins = ["pytester"]


@pytest.fixture(scope="session")
def log_watch():
    """Every logger at DEBUG, for all tests."""
    root, watch = logging.getLogger(), LogWatch()
    root.setLevel(logging.DEBUG)
    root.addHandler(watch)
    yield watch
    root.removeHandler(watch)


@pytest.fixture
def talkative():
    """The beginnings of the names of loggers, where a test uses another client itself: what that says is its affair."""
    return ()


@pytest.fixture(autouse=True)
def no_secret_is_logged(log_watch, talkative):
    yield
    assert not [text for text in log_watch.take() if not text.startswith(talkative)], "a secret was logged"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Fail a test whose captured output shows a secret."""
    report = yield
    is_ours = not item.funcargs.get("talkative")
    if is_ours and report.passed and (found := found_in(report.capstdout, report.capstderr)):
        report.outcome, report.longrepr = "failed", f"a secret was printed: {found}"
    return report


@pytest.fixture
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


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


def _server(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp(kind.__name__.lower())
    folder.chmod(0o755)  # memcached goes on as nobody
    return kind(folder)


@pytest.fixture(scope="session")
def _redis(tmp_path_factory):
    with _server(servers.Redis, tmp_path_factory) as server:
        yield server


@pytest.fixture
def redis_server(_redis):
    """A Redis without any keys, shared by the tests of a session; who stops or freezes one asks for `own_redis`."""
    assert _redis.ask("FLUSHALL") == "+OK"
    return _redis


@pytest.fixture
def own_redis(tmp_path_factory):
    with _server(servers.Redis, tmp_path_factory) as server:
        yield server


@pytest.fixture
def own_memcached(tmp_path_factory):
    with _server(servers.Memcached, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory):
    """One for all tests of a session, since it takes seconds to start; each test names queues of its own."""
    with _server(servers.RabbitMQ, tmp_path_factory) as server:
        yield server
