"""The benchmarks run; how fast is nothing for a test to judge."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import servers

FIGURES = {"events", "events_per_second", "cpu_us_per_event", "p50_ms", "p99_ms", "peak_mb"}
SHORTEST = ["--schemes=https", "--delays=0", "--in-flight=2", "--rounds=1", "--seconds=0.03", "--growth=50"]
NEEDS = {
    "limit": "asyncio",
    "DirectTransport, send_many": "httptools",
    "DirectTransport, send_event": "httptools",
    "HttpxTransport, send_many": "sendpulse_async",
    "HttpxTransport, send_event": "sendpulse_async",
    "aiohttp": "aiohttp",
    "pyreqwest": "pyreqwest",
    "httpx": "httpx",
    "httpx2": "httpx2",
    "pysendpulse": "pysendpulse",
}
INSTALLED = [name for name, package in NEEDS.items() if importlib.util.find_spec(package) is not None]


def output_of(*arguments: str) -> str:
    """Run a benchmark and return what it prints."""
    command = [sys.executable, "-m", *arguments]
    folder = Path(__file__).parents[1]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, timeout=100, check=True).stdout


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """The tables and the JSON of the shortest run."""
    file = tmp_path_factory.mktemp("benchmarks") / "results.json"
    tables = output_of("benchmarks", *SHORTEST, "--json", str(file))
    return tables, json.loads(file.read_text())


def test_the_benchmark_measures_every_contender_that_is_installed(short: tuple[str, dict[str, Any]]) -> None:
    """Each has finite figures, in the JSON and in a line of the tables, which name the server."""
    tables, results = short
    (cell,) = results["cells"]

    assert results["failures"] == []
    assert list(cell["contenders"]) == INSTALLED
    for row in cell["contenders"].values():
        assert all(math.isfinite(row[figure]) and row[figure] > 0 for figure in FIGURES)
    assert all(f"\n{name} " in tables for name in INSTALLED)
    assert cell["server"] in tables


def test_each_figure_is_held_against_the_limit_and_against_aiohttp(short: tuple[str, dict[str, Any]]) -> None:
    """A contender's ratios to itself are one; where aiohttp is not installed, nothing is held against it."""
    rows = short[1]["cells"][0]["contenders"]

    assert set(rows["limit"]["to_limit"].values()) == {1.0}
    assert all(row["to_limit"].keys() == FIGURES for row in rows.values())
    assert all(row["to_aiohttp"].keys() == (FIGURES if "aiohttp" in INSTALLED else set()) for row in rows.values())


def test_the_growth_of_both_transports_is_measured(short: tuple[str, dict[str, Any]]) -> None:
    """Each transport sends its events with 100 in flight, and again with each count in flight."""
    growth = short[1]["growth"]
    sizes = [(row["events"], row["in_flight"]) for row in growth["by_events"] + growth["by_in_flight"]]

    assert sizes == [(50, 100), (50, 100), (50, 2), (50, 2)]
    assert all(row["us_per_event"] > 0 and row["peak_mb"] > 0 for row in growth["by_events"])


def test_a_short_soak_leaves_nothing_behind() -> None:
    """Five thousand events with faults and cancellations: each told once and truly; no task, no socket is left."""
    soak = ("benchmarks.soak", "--events", "5000", "--faults", "0.05", "--cancelled", "0.05", "--json")
    figures = json.loads(output_of(*soak))

    assert figures["told"] == 5000
    assert figures["faults_played"] > 100
    assert figures["cancelled"] > 20
    left = ("told_twice", "lies", "tasks_left", "sockets_left", "connections_left_at_the_server")
    assert [figures[name] for name in left] == [0] * 5


def test_what_a_log_costs_is_measured() -> None:
    """Each kind of run has its rate, and an entry its size."""
    servers.find("redis-server")
    lines = output_of("benchmarks.scale", "--events=100").splitlines()[2:]

    assert [line.split("  ")[0] for line in lines] == [
        "send_many alone",
        "with a Journal",
        "with a RedisQuota",
        "with a RedisDeliveryLog",
        "with a RedisDeliveryLog, all settled before",
        "an entry of the log",
    ]
    assert all(float(line[45:54].replace(",", "")) > 0 for line in lines)


def test_what_hooks_and_classes_cost_is_measured() -> None:
    """Each case has its microseconds, and how many times the least it is."""
    lines = output_of("benchmarks.before_network", "--events=20", "--rounds=1").splitlines()

    assert [line[:40].rstrip() for line in lines] == [
        "no hooks",
        "an object of a class with @event",
        "hooks that do nothing",
        "Telemetry, OpenTelemetry's API alone",
        "Telemetry, its SDK, not sampled",
        "Telemetry, its SDK, sampled",
    ]
    assert all(float(line.split()[-3]) > 0 for line in lines)
