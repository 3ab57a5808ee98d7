"""The results as a plot, drawn by matplotlib, which nothing else here needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .plan import Results

STYLES = {
    "limit": ("black", ":", "x"),
    "DirectTransport, send_many": ("#0b6e4f", "-", "o"),
    "DirectTransport, send_event": ("#0b6e4f", "--", "o"),
    "HttpxTransport, send_many": ("#3a7ca5", "-", "s"),
    "HttpxTransport, send_event": ("#3a7ca5", "--", "s"),
    "aiohttp": ("#d1495b", "-", "^"),
    "pyreqwest": ("#edae49", "-", "v"),
    "httpx": ("#8d6a9f", "-", "D"),
    "httpx2": ("#8d6a9f", "--", "D"),
    "pysendpulse": ("#777777", "-", "P"),
}
"""Colour, line and marker of each contender."""
PANELS = {"events_per_second": "events per second", "cpu_us_per_event": "client CPU, µs an event"}


def draw(results: Results, path: Path) -> None:
    """Write the plot as the kind of file that its name says: a column for each scheme and delay, then the growth."""
    conditions = list(dict.fromkeys((cell["scheme"], cell["delay_ms"]) for cell in results["cells"]))
    columns = len(conditions) + 1
    with mpl.rc_context({"svg.hashsalt": "sendpulse_async", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(4 * columns, 7.5), layout="constrained")
        axes = figure.subplots(2, columns, squeeze=False)
        for column, condition in enumerate(conditions):
            for line, key in enumerate(PANELS):
                _compare(axes[line][column], results, condition, key)
        rows = results["growth"]["by_events"]
        _grow(axes[0][-1], rows, "us_per_event", "µs an event")
        _grow(axes[1][-1], rows, "peak_mb", "peak memory, MB")
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    if path.suffix == ".svg":
        path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")


def _compare(axes: Axes, results: Results, condition: tuple[str, int], key: str) -> None:
    cells = [cell for cell in results["cells"] if (cell["scheme"], cell["delay_ms"]) == condition]
    for name, (colour, line, marker) in STYLES.items():
        rows = [(cell["in_flight"], cell["contenders"].get(name, {})) for cell in cells]
        points = [(in_flight, row[key]) for in_flight, row in rows if key in row]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, linestyle=line, marker=marker, markersize=4, label=name)
    axes.set(xscale="log", yscale="log", xlabel="in flight", ylabel=PANELS[key])
    axes.set_title(f"{condition[0]}, {condition[1]} ms of delay\n{cells[0]['server']}", fontsize=9)
    axes.grid(visible=True, which="major", alpha=0.3)


def _grow(axes: Axes, rows: list[dict[str, Any]], key: str, label: str) -> None:
    for name in dict.fromkeys(row["contender"] for row in rows):
        colour, line, marker = STYLES[name]
        points = [(row["events"], row[key]) for row in rows if row["contender"] == name]
        axes.plot(*zip(*points, strict=True), color=colour, linestyle=line, marker=marker, markersize=4)
    axes.set(xscale="log", xlabel="events of one send_many", ylabel=label)
    axes.set_ylim(0, 1.2 * max((row[key] for row in rows), default=1))
    axes.set_title("as the events grow, 100 in flight", fontsize=9)
    axes.grid(visible=True, which="major", alpha=0.3)
