"""Fifty thousand events as fast as another process sends them: none lost, memory bounded, and it answers meanwhile."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from sendpulse_async.sandbox._ledger import MAX_ENTRIES

EVENTS = 50_000

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel tells no process's memory"),
    pytest.mark.skipif(importlib.util.find_spec("httptools") is None, reason="needs the extra [fast]"),
]


@pytest.fixture(scope="module")
def figures():
    """What `python -m benchmarks.sandbox` measures: sandbox and sender in a process each, sixteen connections."""
    command = [sys.executable, "-m", "benchmarks.sandbox", "--json", f"--events={EVENTS}"]
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(ended.stdout)


def test_none_is_lost(figures):
    """Each is counted, and each of the newest that the ledger keeps is there once, in the order of arrival."""
    assert figures["accepted"] == EVENTS
    assert figures["kept"] == figures["kept_orders"] == MAX_ENTRIES
    assert (figures["oldest_kept"], figures["newest_kept"]) == (EVENTS - MAX_ENTRIES + 1, EVENTS)


def test_memory_is_bounded(figures):
    """A full ledger of usual events takes less than 100 MB, and what comes after it next to nothing."""
    assert figures["mb_after"] - figures["mb_before"] < 100
    assert figures["mb_after"] - figures["mb_when_full"] < 25


def test_it_answers_meanwhile(figures):
    """Page and test API are asked all along: half of the answers come within half a second, each within ten."""
    assert figures["looks"] > 10
    for kind in ("page", "api"):
        assert figures[f"{kind}_p50_ms"] < 500
        assert figures[f"{kind}_max_ms"] < 10_000


def test_who_listens_is_told_of_all(figures):
    """A live stream shows the newest and counts what it leaves out, and holds nothing up."""
    assert figures["stream_shown"] + figures["stream_skipped"] == EVENTS
    assert figures["stream_shown"] >= MAX_ENTRIES
