"""Writes the figures into the documentation: the block between two markers of its page, and the plot beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .plan import Results
from .plot import draw
from .report import formatted, growth_table, markdown

DOCS = Path(__file__).parents[1] / "docs"
PAGE, PLOT = DOCS / "explanation/performance.md", DOCS / "images/performance.svg"
BEGIN, END = "<!-- figures: python -m benchmarks --docs -->", "<!-- end of figures -->"
SHOWN = 100
"""The events in flight of the tables on the page; the plot has the others."""


def write(results: Results) -> None:
    """Replace the figures of the page."""
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} has no place for the figures")
    PAGE.write_text(f"{before}{BEGIN}\n\n{block(results)}\n\n{END}{after}")
    PLOT.parent.mkdir(exist_ok=True)
    draw(results, PLOT)


def block(results: Results) -> str:
    """Return what stands between the markers."""
    parts = [
        _about(results["about"]),
        "![Events per second and CPU an event, by events in flight](../images/performance.svg)",
    ]
    for cell in results["cells"]:
        if cell["in_flight"] == SHOWN:
            title = f"{cell['scheme']}, {cell['delay_ms']} ms of delay, {SHOWN} in flight ({cell['server']}):"
            parts += [title, markdown(_cell(cell))]
    growth = results["growth"]
    parts += [f"`send_many` as the work grows (http, no delay, {growth['server']}), each size measured once:"]
    parts += [markdown(growth_table(growth["by_events"] + growth["by_in_flight"]))]
    return "\n\n".join(parts)


def _about(about: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    plan = about["plan"]
    return (
        f"One run on a shared {about['cores']}-core machine, Python {about['python']}, {about['system']}, "
        f"{plan['loop']}; {packages}. Medians of {plan['rounds']} rounds; "
        "in brackets the ratio to aiohttp and the ratio to the limit."
    )


def _cell(cell: dict[str, Any]) -> list[list[str]]:
    table = [["", "events/s", "CPU µs/event", "p50 ms", "p99 ms", "peak MB"]]
    for name, row in cell["contenders"].items():
        figures = ("events_per_second", "cpu_us_per_event", "p50_ms", "p99_ms", "peak_mb")
        table.append([name, *(_with_ratios(row, figure) for figure in figures)])
    return table


def _with_ratios(row: dict[str, Any], figure: str) -> str:
    ratios = (row[key].get(figure) for key in ("to_aiohttp", "to_limit"))
    inside = ", ".join("-" if ratio is None else f"{ratio:.2g}" if ratio < 10 else f"{ratio:,.0f}" for ratio in ratios)
    return f"{formatted(row, figure)} ({inside})"
