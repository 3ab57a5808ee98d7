"""The benchmarks run; how fast is nothing for a test to judge."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def figures_of(*arguments: str) -> dict[str, Any]:
    """Run a benchmark and return what it prints as JSON."""
    command = [sys.executable, "-m", *arguments, "--json"]
    ended = subprocess.run(
        command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=100, check=True
    )
    figures: dict[str, Any] = json.loads(ended.stdout)
    return figures


def test_the_benchmark_measures_every_contender() -> None:
    """A short run gives each contender's figures as JSON."""
    figures = figures_of("benchmarks", "--events", "40", "--in-flight", "10", "--rounds", "1")

    assert len(figures) == 4
    assert all(row["events_per_second"] > 0 and row["cpu_ms_per_event"] > 0 for row in figures.values())


def test_a_short_soak_leaves_nothing_behind() -> None:
    """Five thousand events with faults and cancellations: each told once and truly; no task, no socket is left."""
    figures = figures_of("benchmarks.soak", "--events", "5000", "--faults", "0.05", "--cancelled", "0.05")

    assert figures["told"] == 5000
    assert figures["faults_played"] > 100
    assert figures["cancelled"] > 20
    left = ("told_twice", "lies", "tasks_left", "sockets_left", "connections_left_at_the_server")
    assert [figures[name] for name in left] == [0] * 5
