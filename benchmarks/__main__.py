"""`python -m benchmarks`: this library beside the other clients and beside the limit, over loopback, in one go.

The figures of a shared machine mean little; their ratios within one run mean more. Every round measures each contender
once under each condition, one after the other, each in a process of its own; the medians of the rounds are compared.
How many events one measurement has follows from the contender's speed, so that none takes more than a few seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import attrs

from .loops import LOOPS
from .plan import Plan, Results, results
from .report import text

FULL = Plan(["http", "https"], [0, 50], [1, 10, 100, 500], 3, 0.5, [1_000, 10_000, 100_000, 1_000_000])
SHORT = Plan(["http", "https"], [0, 50], [100], 1, 0.15, [1_000, 5_000])


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="all contenders in under a minute: 100 in flight, one round"
    )
    parser.add_argument("--schemes", nargs="+", choices=("http", "https"), help="plain, TLS")
    parser.add_argument("--delays", nargs="+", type=int, help="of the server, in milliseconds")
    parser.add_argument("--in-flight", nargs="+", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="of one measurement, about")
    parser.add_argument("--growth", nargs="*", type=int, help="counts of events of the runs that grow")
    parser.add_argument("--loop", choices=LOOPS, help="of the clients")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the results there, as .svg or .png")
    parser.add_argument("--docs", action="store_true", help="write the figures and the plot of the documentation")
    parser.add_argument("--read", type=Path, metavar="FILE", help="measure nothing: take the results from this JSON")
    return parser.parse_args()


def plan(options: argparse.Namespace) -> Plan:
    """Return the full or the short plan with what else was asked for."""
    base = SHORT if options.short else FULL
    chosen = {field: getattr(options, field) for field in attrs.fields_dict(Plan)}
    return attrs.evolve(base, **{field: value for field, value in chosen.items() if value is not None})


def write(found: Results, options: argparse.Namespace) -> None:
    """Write the files that were asked for."""
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if options.plot:
        from .plot import draw  # noqa: PLC0415 - matplotlib is needed here alone

        draw(found, options.plot)
    if options.docs:
        from . import docs  # noqa: PLC0415 - likewise

        docs.write(found)


def main() -> int:
    """Run the plan, print the tables, write the files; fail where a contender failed."""
    options = arguments()
    found = json.loads(options.read.read_text()) if options.read else results(plan(options))
    print(text(found))
    write(found, options)
    return int(bool(found["failures"]))


if __name__ == "__main__":
    sys.exit(main())
