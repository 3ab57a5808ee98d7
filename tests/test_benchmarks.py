"""The benchmark runs; what it measures is nothing for a test to judge."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_the_benchmark_measures_every_contender() -> None:
    """A short run gives each contender's figures as JSON."""
    command = [sys.executable, "-m", "benchmarks", "--events", "40", "--in-flight", "10", "--rounds", "1", "--json"]

    ended = subprocess.run(
        command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=100, check=True
    )

    figures = json.loads(ended.stdout)
    assert len(figures) == 4
    assert all(row["events_per_second"] > 0 and row["cpu_ms_per_event"] > 0 for row in figures.values())
