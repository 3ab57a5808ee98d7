"""The pytest plugin, in test runs of their own: under pytest-asyncio, under anyio's plugin, and without either."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAME = "sendpulse_async_pytest"
LOOP_SCOPE = ("-o", "asyncio_default_fixture_loop_scope=function")

RECORDED = """
import pytest
from sendpulse_async import send_many
from sendpulse_async.testing import Fault, Recorder, Sandbox

{marker}
async def test_recorder(sendpulse_recorder: Recorder) -> None:
    await sendpulse_recorder.send_event({{"email": "ana@b.c"}}, event_name="purchase")
    await sendpulse_recorder.wait_sent("purchase", email="ana@b.c", times=1)

{marker}
async def test_sandbox(sendpulse_sandbox: Sandbox) -> None:
    from sendpulse_async import RawEventSender
    sendpulse_sandbox.add_fault(Fault(status=429, retry_after=0.01))
    async with RawEventSender(sendpulse_sandbox.event_url) as sender:
        await send_many(sender, [{{"email": "ana@b.c"}}, {{"email": "ben@b.c"}}])
    await sendpulse_sandbox.wait_sent(times=2)

{marker}
async def test_both_begin_empty(sendpulse_recorder: Recorder, sendpulse_sandbox: Sandbox) -> None:
    sendpulse_recorder.assert_nothing_sent()
    sendpulse_sandbox.assert_nothing_sent()
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Return a function that runs pytest in a process of its own, with this plugin and those that are named."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def started(program, *options):
        pytester.makepyfile(program)
        usual = ("-p", NAME, "--strict-markers", "-W", "error", "-p", "no:cacheprovider")
        return pytester.runpytest_subprocess(*usual, *options)

    return started


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_under_pytest_asyncio(run, mode):
    """The fixtures serve its tests, marked or not."""
    marker = "@pytest.mark.asyncio" if mode == "strict" else ""

    ended = run(RECORDED.format(marker=marker), "-p", "pytest_asyncio.plugin", f"--asyncio-mode={mode}", *LOOP_SCOPE)

    ended.assert_outcomes(passed=3)


def test_under_anyios_plugin(run):
    """The fixtures serve its tests, on asyncio and on trio."""
    backends = "@pytest.fixture(params=['asyncio', 'trio'])\ndef anyio_backend(request):\n    return request.param\n"

    ended = run(RECORDED.format(marker="@pytest.mark.anyio") + backends, "-p", "anyio.pytest_plugin")

    ended.assert_outcomes(passed=6)


def test_without_an_event_loop(run):
    """A plain test may start a loop of its own, or send over plain HTTP."""
    ended = run(
        """
import asyncio
import httpx

def test_recorder(sendpulse_recorder):
    asyncio.run(sendpulse_recorder.send_event({"email": "ana@b.c"}, event_name="purchase"))
    sendpulse_recorder.assert_sent("purchase")

def test_sandbox(sendpulse_sandbox):
    assert httpx.post(sendpulse_sandbox.event_url, json={"email": "ana@b.c"}, trust_env=False).is_success
    sendpulse_sandbox.assert_sent(email="ana@b.c", times=1)
"""
    )

    ended.assert_outcomes(passed=2)


def test_a_marker_gives_the_keywords(run):
    """The closest marker of a fixture's name says how it is made; `--strict-markers` knows both."""
    ended = run("""
import asyncio
import pytest
from sendpulse_async.testing import Switches

pytestmark = pytest.mark.sendpulse_recorder(event_name="purchase")

def test_by_name(sendpulse_recorder):
    asyncio.run(sendpulse_recorder.send_event({"email": "ana@b.c"}))
    sendpulse_recorder.assert_sent("purchase")

@pytest.mark.sendpulse_recorder(is_raw=True)
def test_raw(sendpulse_recorder):
    asyncio.run(sendpulse_recorder.send_event({"email": "ana@b.c"}))
    assert sendpulse_recorder.events[0].event_name is None

@pytest.mark.sendpulse_sandbox(switches=Switches(refuse_duplicates=True))
def test_switches(sendpulse_sandbox):
    assert sendpulse_sandbox.switches.refuse_duplicates
""")

    ended.assert_outcomes(passed=3)


def test_a_failure_shows_what_the_sandbox_saw(run):
    """The report of a test that fails has a section with counts and the newest requests; that of another has none."""
    ended = run("""
import httpx

def send(sandbox):
    with httpx.Client(base_url=sandbox.origin, trust_env=False) as client:
        client.post(sandbox.event_url, json={"email": "ana@b.c"})
        client.post("/events/name/purchase", json={"email": "ben@b.c", "phone": "+100"})

def test_fails(sendpulse_sandbox):
    send(sendpulse_sandbox)
    sendpulse_sandbox.assert_sent("purchase")

def test_passes(sendpulse_sandbox):
    send(sendpulse_sandbox)

def test_fails_by_itself():
    assert False
""")

    ended.assert_outcomes(passed=1, failed=2)
    ended.stdout.fnmatch_lines(
        [
            "E*AssertionError: expected at least 1 event, found none among 1",
            "E*  #2  purchase, ben@b.c, +100: HTTP 401 (no valid token)",
            "*- sendpulse sandbox -*",
            "1 event, 1 refused request, 0 token requests",
            "#1    200        (raw), ana@b.c",
            "#2    401        purchase, ben@b.c, +100",
        ]
    )
    assert ended.stdout.str().count("- sendpulse sandbox -") == 1


def test_the_sandbox_stops_with_its_test(run):
    """Each test has its own, which ends however the test ends; no thread and no port is left."""
    ended = run("""
import socket, threading
import pytest

origins = []

@pytest.mark.parametrize("number", [1, 2])
def test_fails(sendpulse_sandbox, number):
    origins.append(sendpulse_sandbox.origin)
    assert False

def test_after():
    assert len(set(origins)) == 2
    assert [t for t in threading.enumerate() if "sendpulse" in t.name] == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(origins[0].rpartition(":")[2]))) != 0
""")

    ended.assert_outcomes(passed=1, failed=2)


def test_a_run_that_asks_for_nothing_imports_nothing(run):
    """The plugin is there, and what it would hand out is not loaded."""
    ended = run(
        f"""
import sys

def test_it():
    assert {NAME!r} in sys.modules
    assert not [name for name in sys.modules if name.partition(".")[0] in ("sendpulse_async", "starlette", "cattrs")]
"""
    )

    ended.assert_outcomes(passed=1)


def test_pytest_finds_it_by_its_entry_point(pytester, monkeypatch):
    """What the project declares is what pytest loads: no `-p` is needed, and `--fixtures` shows both fixtures."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    info = pytester.mkdir("site") / "sendpulse_async_declared-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sendpulse-async-declared\nVersion: 1\n")
    points = "".join(f"{name} = {module}\n" for name, module in declared.items())
    (info / "entry_points.txt").write_text(f"[pytest11]\n{points}")
    monkeypatch.setenv("PYTHONPATH", f"{info.parent}{':' if sys.platform != 'win32' else ';'}{ROOT}")

    ended = pytester.runpytest_subprocess("--fixtures", "-p", "no:cacheprovider")

    assert declared == {"sendpulse_async": NAME}
    ended.stdout.fnmatch_lines(["sendpulse_sandbox -- *sendpulse_async_pytest.py:*", "sendpulse_recorder -- *"])
