"""Outcomes and reports: the counts in words, and nothing of the events."""

from __future__ import annotations

import attrs
import pytest

from sendpulse_async import BulkError, Event, Outcome, OutcomeStatus, Receipt, RejectedError, Report, StoppedError


@pytest.mark.parametrize(
    ("report", "summary"),
    [
        (Report(), "0 events: nothing to do"),
        (Report(total=1, accepted=1), "1 event: 1 accepted"),
        (
            Report(total=1_234_570, accepted=1_234_560, rejected=4, not_sent=3, unknown=2, resumed=1),
            "1,234,570 events: 1,234,560 accepted, 4 rejected, 3 not sent, 2 unknown, 1 settled before",
        ),
        (
            Report(total=2, not_sent=2, stopped_because=StoppedError("too many failures")),
            "2 events: 2 not sent; stopped: too many failures",
        ),
    ],
)
def test_a_summary_is_one_line_of_counts(report, summary):
    """Every count that is not zero is named, and what ended the run early."""
    assert report.summary() == summary


@pytest.mark.parametrize(
    "report",
    [Report(), Report(total=3, accepted=3), Report(total=3, accepted=1, resumed=2), Report(total=1, resumed=1)],
)
def test_a_whole_run_raises_nothing(report):
    """Accepted now or settled before: there is nothing to raise."""
    assert report.raise_for_failures() is None


@pytest.mark.parametrize(
    "report",
    [
        *[Report(total=3, accepted=2, **{count: 1}) for count in ("rejected", "not_sent", "unknown")],
        Report(total=3, accepted=3, stopped_because=StoppedError("stopped")),
        Report(total=0, stopped_because=StoppedError("stopped")),
    ],
)
def test_anything_short_of_accepted_raises_the_report(report):
    """One event that was not accepted, or input left unread, is a BulkError that carries the report."""
    with pytest.raises(BulkError) as caught:
        report.raise_for_failures()

    assert caught.value.report is report
    assert str(caught.value) == report.summary()


def test_no_repr_shows_an_event_or_an_answer():
    """Receipts, outcomes and reports can be printed: they name no person and quote no body."""
    event = Event(email="canary@canary.org", variables={"city": "canary"})
    receipt = Receipt(200, 1, 0.5, confirmed=True, body=b"canary")
    error = RejectedError("refused", message="canary", body=b"canary")
    outcomes = [
        Outcome(0, event, OutcomeStatus.ACCEPTED, receipt=receipt),
        Outcome(1, {"email": "canary@canary.org"}, OutcomeStatus.REJECTED, error=error),
    ]
    report = Report(total=2, accepted=1, rejected=1, failures=outcomes, stopped_because=error)

    text = f"{receipt!r} {outcomes!r} {report!r} {report} {report.summary()}"

    assert "canary" not in text
    assert {"status_code=200", "rejected=1", "index=1"} <= set(text.replace("(", " ").replace(",", "").split())


@pytest.mark.parametrize(
    "value",
    [Receipt(200, 1, 0.5, confirmed=True), Outcome(0, None, OutcomeStatus.UNKNOWN), Report()],
    ids=lambda value: type(value).__name__,
)
def test_what_came_of_it_cannot_be_changed(value):
    """Results are values: no field of them can be set."""
    for field in attrs.fields(type(value)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, field.name, None)
