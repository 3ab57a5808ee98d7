"""What one run measures, and the run itself: round by round, cell by cell, each contender in turn."""

from __future__ import annotations

import contextlib
import itertools
import os
import platform
import statistics
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import attrs

from sendpulse_async._version import __version__

from .contenders import BASE, LIMIT, installed
from .growth import grown
from .loops import is_here
from .measure import Figures, Job, measured_or_told, tell
from .place import Place
from .servers import Certificates, Served, certificates, serving

Results = dict[str, Any]
"""As JSON holds them: `about`, `cells`, `growth`, `failures`."""
Runs = dict[str, list[Figures | None]]
PACKAGES = ("aiohttp", "pyreqwest", "httpx", "httpx2", "pysendpulse", "httptools", "uvloop")


@attrs.frozen
class Plan:
    """The size of a run.

    Args:
        schemes: Of `http` and `https`.
        delays: Of the server, in milliseconds.
        in_flight: How many events at a time.
        rounds: How often each is measured.
        seconds: For one measurement.
        growth: The counts of events of the runs that grow.
        loop: The kind of the clients' event loop.
    """

    schemes: list[str]
    delays: list[int]
    in_flight: list[int]
    rounds: int
    seconds: float
    growth: list[int]
    loop: str = "asyncio"


@attrs.frozen
class Cell:
    """One condition, under which all contenders are compared."""

    scheme: str
    delay_ms: int
    in_flight: int
    served: Served
    runs: Runs = attrs.field(factory=lambda: {name: [] for name in installed()})

    def __str__(self) -> str:
        return f"{self.scheme}, {self.delay_ms} ms, {self.in_flight} in flight"

    def place(self, files: Certificates) -> Place:
        return Place(self.served.origin, str(files.authority) if self.scheme == "https" else None, self.in_flight)


def results(plan: Plan) -> Results:
    """Measure all of a plan."""
    failures: list[str] = []
    with contextlib.ExitStack() as stack:
        files = stack.enter_context(certificates())
        cells = list(_cells(plan, files, stack))
        for number, cell in itertools.product(range(plan.rounds), cells):
            tell(f"round {number + 1} of {plan.rounds}: {cell}")
            for name, runs in cell.runs.items():
                job = Job(name, cell.place(files), plan.loop, plan.seconds)
                runs.append(measured_or_told(job, failures))
        tell("growth")
        growth = grown(plan.growth, plan.in_flight, plan.loop, files, failures)
    return {"about": _about(plan), "cells": [_summary(cell) for cell in cells], "growth": growth, "failures": failures}


def _cells(plan: Plan, files: Certificates, stack: contextlib.ExitStack) -> Iterator[Cell]:
    for scheme, delay in itertools.product(plan.schemes, plan.delays):
        served = stack.enter_context(serving(scheme, delay / 1000, files))
        tell(f"{scheme}, {delay} ms: {served.name}")
        for in_flight in plan.in_flight:
            yield Cell(scheme, delay, in_flight, served)


def _summary(cell: Cell) -> dict[str, Any]:
    """Return the medians of the rounds, and the medians of the rounds' ratios: neighbours in time share the noise."""
    rows = {name: _median([run for run in runs if run is not None]) for name, runs in cell.runs.items()}
    for name, row in rows.items():
        for key, base in (("to_aiohttp", BASE), ("to_limit", LIMIT)):
            pairs = zip(cell.runs[name], cell.runs.get(base, []), strict=False)
            ratios = [
                {figure: a[figure] / b[figure] for figure in a} for a, b in pairs if a is not None and b is not None
            ]
            row[key] = _median(ratios)
    return {
        "scheme": cell.scheme,
        "delay_ms": cell.delay_ms,
        "in_flight": cell.in_flight,
        "server": cell.served.name,
        "contenders": rows,
    }


def _median(runs: list[Figures]) -> dict[str, Any]:
    return {figure: statistics.median(run[figure] for run in runs) for figure in (runs[0] if runs else ())}


def _about(plan: Plan) -> dict[str, Any]:
    versions = {name: metadata.version(name) for name in PACKAGES if is_here(name)}
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "packages": {"sendpulse_async": __version__} | versions,
        "plan": attrs.asdict(plan),
    }
