"""Errors: the tree, the data that they carry, and what their texts keep to themselves."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from sendpulse_async import (
    AuthenticationError,
    BulkError,
    ConfigurationError,
    DeliveryError,
    DuplicateEventError,
    EventNotFoundError,
    FailureScope,
    InvalidEventError,
    JournalError,
    NotSentError,
    Outcome,
    OutcomeStatus,
    PermissionDeniedError,
    RateLimitedError,
    Receipt,
    RejectedError,
    Report,
    SendPulseError,
    ServiceUnavailableError,
    StoppedError,
    TransportError,
    UnknownDeliveryError,
)
from sendpulse_async._http import FailureKind

TREE = {
    "SendPulseError": {
        "ConfigurationError": {},
        "InvalidEventError": {},
        "DeliveryError": {
            "NotSentError": {"RateLimitedError": {}, "ServiceUnavailableError": {}, "AuthenticationError": {}},
            "UnknownDeliveryError": {},
            "RejectedError": {"PermissionDeniedError": {}, "EventNotFoundError": {}, "DuplicateEventError": {}},
        },
        "StoppedError": {},
        "BulkError": {},
        "JournalError": {},
    }
}

COPIES = [
    copy.copy,
    copy.deepcopy,
    *[
        lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ],
]


def branches(kind):
    """The public classes below `kind`; a private one in between counts as its own children."""
    found = {}
    for child in kind.__subclasses__():
        if child.__module__.startswith("sendpulse_async."):
            found |= branches(child) if child.__name__.startswith("_") else {child.__name__: branches(child)}
    return found


def test_the_tree_is_the_one_that_was_promised():
    """Every error stands where callers were told to catch it, and there are no others."""
    assert {"SendPulseError": branches(SendPulseError)} == TREE


@pytest.mark.parametrize(
    ("kind", "is_value_error"),
    [(ConfigurationError, True), (InvalidEventError, True), (DeliveryError, False), (StoppedError, False)],
)
def test_wrong_input_is_also_a_value_error(kind, is_value_error):
    """What the caller got wrong can be caught as ValueError, what went wrong on the way cannot."""
    assert issubclass(kind, ValueError) is is_value_error


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        *[(kind, OutcomeStatus.NOT_SENT) for kind in (NotSentError, RateLimitedError, ServiceUnavailableError)],
        (AuthenticationError, OutcomeStatus.NOT_SENT),
        (UnknownDeliveryError, OutcomeStatus.UNKNOWN),
        *[(kind, OutcomeStatus.REJECTED) for kind in (RejectedError, PermissionDeniedError, EventNotFoundError)],
        (DuplicateEventError, OutcomeStatus.REJECTED),
    ],
)
def test_a_class_stands_for_its_outcome(kind, status):
    """The class alone tells the outcome, and a fresh error has made no attempt."""
    error = kind("text", status_code=400)

    assert (error.status, error.status_code, error.attempts, error.elapsed) == (status, 400, 0, 0.0)


def worn(error):
    """An error as a sender lets it go."""
    error.attempts, error.elapsed = 3, 1.5
    error.add_note("seen on the way")
    return error


REFUSAL = {"status_code": 429, "retry_after": 2.5, "error_code": 2020202020, "scope": FailureScope.ENDPOINT}
REJECTION = {
    "status_code": 400,
    "error_code": 102,
    "message": "Event not exists \ud800",
    "body": b"\xff{}",
    "scope": FailureScope.ACCOUNT,
}


@pytest.mark.parametrize("again", COPIES)
@pytest.mark.parametrize(
    "error",
    [
        SendPulseError("text"),
        ConfigurationError("text"),
        StoppedError("text"),
        JournalError("text"),
        InvalidEventError(["email: one", "phone: two"]),
        TransportError(FailureKind.CERTIFICATE, "text"),
        worn(NotSentError("text", scope=FailureScope.SERVICE)),
        worn(RateLimitedError("text", **REFUSAL)),
        worn(ServiceUnavailableError("text", **REFUSAL)),
        worn(AuthenticationError("text", status_code=401, scope=FailureScope.EVENT)),
        worn(UnknownDeliveryError("text", status_code=502)),
        *[
            worn(kind("text", **REJECTION))
            for kind in (RejectedError, PermissionDeniedError, EventNotFoundError, DuplicateEventError)
        ],
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_keeps_its_data_through_pickle_and_copy(error, again):
    """A copy is of the same class, says the same and carries the same."""
    twin = again(error)

    assert type(twin) is type(error)
    assert (str(twin), repr(twin), twin.args, vars(twin)) == (str(error), repr(error), error.args, vars(error))


@pytest.mark.parametrize("again", COPIES)
def test_a_bulk_error_keeps_its_report(again):
    """The report, with its failures, their errors and their events, comes along."""
    error = RejectedError("refused", **REJECTION)
    failures = (
        Outcome(4, {"email": "a@b.c"}, OutcomeStatus.REJECTED, error=error),
        Outcome(5, None, OutcomeStatus.ACCEPTED, receipt=Receipt(200, 1, 0.5, confirmed=True, body=b"{}")),
    )
    report = Report(total=2, rejected=1, accepted=1, failures=failures, stopped_because=StoppedError("enough"))

    twin = again(BulkError(report))

    assert str(twin) == str(BulkError(report))
    rejected, accepted = twin.report.failures
    assert (rejected.event, rejected.index, accepted) == ({"email": "a@b.c"}, 4, failures[1])
    assert vars(rejected.error) == vars(error)
    assert str(twin.report.stopped_because) == "enough"


CANARY = "canary-anna@example.org"


@pytest.mark.parametrize(
    "error",
    [
        *[
            kind("refused", message=f"no such {CANARY}", body=CANARY.encode())
            for kind in (RejectedError, PermissionDeniedError, EventNotFoundError, DuplicateEventError)
        ],
        BulkError(
            Report(
                total=1,
                rejected=1,
                failures=[Outcome(0, {"email": CANARY}, OutcomeStatus.REJECTED)],
                stopped_because=RejectedError("refused", message=CANARY, body=CANARY.encode()),
            )
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_text_holds_neither_the_servers_words_nor_the_event(error):
    """What ends up in a log (text, repr, traceback) quotes no answer and no payload."""
    texts = [str(error), repr(error), *traceback.format_exception(error)]

    assert "canary" not in "".join(texts)


def test_an_invalid_event_says_every_problem():
    """The text of InvalidEventError is its problems, and they stay apart as data."""
    error = InvalidEventError(["email: one", "variables.products[1].price: two"])

    assert error.problems == ("email: one", "variables.products[1].price: two")
    assert all(problem in str(error) for problem in error.problems)
