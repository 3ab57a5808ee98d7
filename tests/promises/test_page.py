"""The page that tells users of the promises says what the matrix plays, row by row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .matrix import CASES, Bulk

PAGE = Path(__file__).parents[2] / "docs/explanation/delivery-promises.md"
TOKENS = Path(__file__).parent / "test_token_faults.py"
LINES = re.findall(r"^\| \d.*$", PAGE.read_text(), re.MULTILINE)
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES]
BULK = {
    Bulk.GOES_ON: "goes on",
    Bulk.STOPS: "stops at once",
    Bulk.STREAK: "stops after five in a row",
    Bulk.BREAKER: "stops after five in a row and a failed probe",
    Bulk.PAUSES: "pauses, and stops after five pauses without an accepted event",
}


def rows_of(case):
    return [row for row in ROWS if int(row[0]) == case.row]


@pytest.mark.parametrize("case", [case for case in CASES if case.row], ids=str)
def test_a_case_is_as_its_row_says(case):
    """Outcome, repeats and what a bulk run does."""
    rows = [row for row in rows_of(case) if row[4].split(", where")[0] == BULK[case.bulk]]

    assert rows, "no row of this number says what the case does to a bulk run"
    assert all(row[2] in {status.name for status in case.comes} for row in rows)
    if len(case.comes) == 1 and case.row != 6:  # an API key, or a raw URL, has no other token to try
        assert all(row[3].startswith("yes") is case.is_repeated for row in rows)


OF_TOKENS = {
    (6, "stops at once"): "with another token",
    (15, BULK[Bulk.BREAKER]): "the token request",
    (15, BULK[Bulk.PAUSES]): "likewise",
    (16, "stops at once"): "no",
}
"""What `test_token_faults` plays: the row, what a bulk run does, and how the cell about repeats begins."""


def test_no_row_says_more_than_is_played():
    """Each line of the page is met by a case, or by the token faults, of which no event is sent."""
    in_matrix = {(case.row, BULK[case.bulk]) for case in CASES}
    for number, _, outcome, repeats, bulk in ROWS:
        key = int(number), bulk.split(", where")[0]
        assert key in in_matrix | set(OF_TOKENS), key
        if key in OF_TOKENS:
            assert (outcome, repeats.startswith(OF_TOKENS[key])) == ("NOT_SENT", True)
    assert len(ROWS) == len({(number, seen) for number, seen, *_ in ROWS})


def test_every_row_is_played():
    """The rows about an event's own exchange are in the matrix, those about tokens in the token faults."""
    in_matrix, numbers = {case.row for case in CASES}, {int(row[0]) for row in ROWS}
    told = {int(number) for number in re.findall(r"Row (\d+):", TOKENS.read_text())}

    assert numbers == set(range(1, 17))
    assert numbers <= in_matrix | told
    assert {6, 15, 16} <= told
