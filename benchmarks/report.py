"""The results as tables: of text for a terminal, of Markdown for the documentation."""

from __future__ import annotations

from typing import Any

from .plan import Results

FIGURES = {
    "events_per_second": ("events/s", ",.0f"),
    "cpu_us_per_event": ("CPU µs/event", ",.0f"),
    "p50_ms": ("p50 ms", ",.2f"),
    "p99_ms": ("p99 ms", ",.2f"),
    "peak_mb": ("peak MB", ",.0f"),
}
"""The heading and the format of each figure."""
NONE = "-"


def text(results: Results) -> str:
    """Return all tables; behind each figure stand its ratios to aiohttp and to the limit."""
    parts = [_about(results["about"]), "Behind each figure: its ratio to aiohttp, and to the limit."]
    parts += [_cell(cell) for cell in results["cells"]]
    growth = results["growth"]
    for title, rows in (("ever more events", growth["by_events"]), ("ever more in flight", growth["by_in_flight"])):
        if not rows:
            continue
        parts.append(f"send_many, http, 0 ms, {title}; {growth['server']}\n{_aligned(growth_table(rows))}")
    parts += [f"FAILED: {failure}" for failure in results["failures"]]
    return "\n\n".join(parts)


def _about(about: dict[str, Any]) -> str:
    plan, packages = about["plan"], ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    return (
        f"Python {about['python']}, {about['system']}, {about['cores']} cores, {plan['loop']}; {packages}; "
        f"medians of {plan['rounds']} round(s), about {plan['seconds']:g} s each"
    )


def _cell(cell: dict[str, Any]) -> str:
    title = f"{cell['scheme']}, {cell['delay_ms']} ms, {cell['in_flight']} in flight; {cell['server']}"
    heads = [part for heading, _ in FIGURES.values() for part in (heading, "x aio", "x lim")]
    rows = [["", *heads]]
    for name, row in cell["contenders"].items():
        rows.append([name, *(part for figure in FIGURES for part in _with_ratios(row, figure))])
    return f"{title}\n{_aligned(rows)}"


def _with_ratios(row: dict[str, Any], figure: str) -> list[str]:
    ratios = (row["to_aiohttp"].get(figure), row["to_limit"].get(figure))
    return [formatted(row, figure), *(NONE if ratio is None else f"{ratio:.2f}" for ratio in ratios)]


def formatted(row: dict[str, Any], figure: str) -> str:
    return format(row[figure], FIGURES[figure][1]) if figure in row else NONE


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        lines.append("  ".join(cells))
    return "\n".join(lines)


def growth_table(rows: list[dict[str, Any]]) -> list[list[str]]:
    """Return headings and cells of the runs that grow."""
    table = [["", "events", "in flight", "µs/event", "CPU µs/event", "peak MB"]]
    for row in rows:
        figures = (f"{row[key]:,.0f}" for key in ("events", "in_flight", "us_per_event", "cpu_us_per_event", "peak_mb"))
        table.append([row["contender"], *figures])
    return table


def markdown(rows: list[list[str]]) -> str:
    """Return a table whose first column is text and whose others are figures."""
    rule = ["---", *("--:" for _ in rows[0][1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))
