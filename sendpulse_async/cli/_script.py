"""What the demo's file is expected to meet, line by line, and the comparison with what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs

from .. import Outcome, OutcomeStatus
from ..sandbox import Fault, LedgerEntry, Sandbox
from ._input import Row

RAW_ROWS = 20
"""Rows that go through the raw URL; the rest goes by name."""


@attrs.frozen
class Scene:
    """What becomes of one line.

    Attributes:
        status: The event's outcome.
        taken: Times that the sandbox takes it.
        attempts: Requests that an accepted event needs.
        fault: What the sandbox does with its first request.
    """

    status: OutcomeStatus = OutcomeStatus.ACCEPTED
    taken: int = 1
    attempts: int = 1
    fault: Fault | None = None


PLAIN = Scene()
SCENES = {
    5: Scene(attempts=2, fault=Fault(status=429, retry_after=1)),
    9: Scene(OutcomeStatus.REJECTED, taken=0),  # neither address nor number
    13: Scene(OutcomeStatus.UNKNOWN, fault=Fault(status=500)),
    17: Scene(OutcomeStatus.REJECTED, taken=0),  # an automation_id that is no number
    24: Scene(attempts=2, fault=Fault(status=503, retry_after=1)),
    28: Scene(OutcomeStatus.REJECTED, taken=0),  # an address without @
    31: Scene(OutcomeStatus.REJECTED, taken=0, fault=Fault(status=422)),
    35: Scene(OutcomeStatus.UNKNOWN, fault=Fault(drop="reset")),
}


def prepare(sandbox: Sandbox, rows: Sequence[Row]) -> None:
    """Put the faults of these rows into play."""
    for row in rows:
        fault = SCENES.get(row.line, PLAIN).fault
        if fault is not None:
            sandbox.add_fault(attrs.evolve(fault, email=row["email"]))


def differences(rows: Sequence[Row], outcomes: Sequence[Outcome], sandbox: Sandbox) -> list[str]:
    """Say what went otherwise than scripted, a line each; nothing is how it should be."""
    found = [f"line {row.line} has {n} outcomes" for row in rows if (n := _outcomes_of(row, outcomes)) != 1]
    for outcome in outcomes:
        found += _departures(outcome, taken_counts(sandbox.events))
    found += [f"a fault was never met: {fault}" for fault in sandbox.faults]
    if sandbox.token_requests != 1:
        found.append(f"{sandbox.token_requests} tokens were fetched, not 1")
    return found


def taken_counts(entries: Sequence[LedgerEntry]) -> Counter[str]:
    """Count the entries of each order."""
    return Counter(entry.payload["order_id"] for entry in entries)


def _outcomes_of(row: Row, outcomes: Sequence[Outcome]) -> int:
    return sum(outcome.event is row for outcome in outcomes)


def _departures(outcome: Outcome, taken: Counter[str]) -> list[str]:
    row, found = outcome.event, []
    scene = SCENES.get(row.line, PLAIN)
    if outcome.status is not scene.status:
        found.append(f"line {row.line} ended as {outcome.status.value}, not {scene.status.value}: {outcome.error}")
    if taken[row["order_id"]] != scene.taken:
        found.append(f"line {row.line} was taken {taken[row['order_id']]} times, not {scene.taken}")
    if outcome.receipt is not None and outcome.receipt.attempts != scene.attempts:
        found.append(f"line {row.line} took {outcome.receipt.attempts} attempts, not {scene.attempts}")
    return found
