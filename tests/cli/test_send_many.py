"""`send-many`: one event for each row, a report, and an exit code for each end."""

from __future__ import annotations

import re

import pytest

from sendpulse_async import (
    AuthenticationError,
    ConfigurationError,
    Outcome,
    OutcomeStatus,
    RateLimit,
    RejectedError,
    Report,
    StoppedError,
)
from sendpulse_async.cli import _doors, _send_many
from sendpulse_async.cli._exit_codes import code_of_outcome, code_of_report
from sendpulse_async.cli._send_many import parse_rate
from sendpulse_async.sandbox import Fault

GOOD = "email,product\n" + "".join(f"user{n}@example.com,tea\n" for n in range(30))


def count_in(out, word):
    return int(re.search(rf"^  {word} +([\d,]+) ", out, re.MULTILINE)[1].replace(",", ""))


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_every_row_arrives_once(cli, sandbox, raw, write, name):
    """A file of good rows is code 0, and each row is one event."""
    text = GOOD if name == "a.csv" else "".join(f'{{"email": "user{n}@example.com"}}\n' for n in range(30))

    ended = cli("send-many", write(name, text))

    assert ended.code == 0
    assert re.match(r"30 events in \d+\.\d s, \d+\.\d a second\n", ended.out)
    assert count_in(ended.out, "accepted") == 30
    assert "Problems" not in ended.out
    assert sorted(entry.email for entry in sandbox.events) == sorted(f"user{n}@example.com" for n in range(30))


def test_rows_go_by_name(cli, sandbox, by_name, write):
    """With an account the events go by name, with one token for all."""
    assert cli("send-many", write("a.csv", GOOD), "--event-name", "sign up").code == 0

    assert {entry.event for entry in sandbox.events} == {"sign up"}
    assert sandbox.token_requests == 1


def test_a_bad_row_is_reported_with_its_line(cli, sandbox, raw, write):
    """Bad rows end nothing: the others are sent, and each problem stands at its line."""
    text = "email,automation_id\na@example.com,\nnobody,x\n\nb@example.com,1,2\nc@example.com,7\n"

    ended = cli("send-many", write("a.csv", text))

    assert ended.code == 3
    assert (count_in(ended.out, "accepted"), count_in(ended.out, "rejected")) == (2, 2)
    lines = [line.split("  rejected  ") for line in ended.out.splitlines() if line.startswith("  line ")]
    assert [place for place, _ in lines] == ["  line 3", "  line 5"]
    assert lines[0][1].startswith("email: is not an address")
    assert "automation_id: must be" in lines[0][1]
    assert lines[1][1] == "the line has 3 cells, the header has 2"


def test_many_problems_are_counted_not_listed(cli, raw, write):
    """Twenty problems are shown, the rest is a number."""
    ended = cli("send-many", write("a.jsonl", "{}\n" * 1234))

    assert ended.code == 3
    assert len(re.findall(r"^  line ", ended.out, re.MULTILINE)) == 20
    assert "\n  and 1,214 more\n" in ended.out
    assert count_in(ended.out, "rejected") == 1234


def test_no_rows_are_no_failure(cli, raw, write):
    """A header alone is an empty list: nothing to do is done."""
    ended = cli("send-many", write("a.csv", "email\n"))

    assert ended.code == 0
    assert count_in(ended.out, "accepted") == 0


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"", "unknown kind of file"),
        ("a.csv", b"", "no header"),
        ("a.csv", GOOD.encode() + b"\xff@example.com,x\n", "line 32 is not UTF-8"),
        ("a.csv", None, "No such file or directory"),
    ],
)
def test_an_unreadable_input_is_code_4(cli, sandbox, raw, write, tmp_path, name, content, words):
    """The file is named with the reason, and nothing of it is sent."""
    path = tmp_path / name if content is None else write(name, content)

    ended = cli("send-many", path)

    assert ended.code == 4
    assert ended.err.startswith(f"sendpulse-async: {path}: ")
    assert words in ended.err
    assert not sandbox.events


def test_an_input_that_breaks_meanwhile_is_code_4_with_a_report(cli, sandbox, raw, write, monkeypatch):
    """A file that changes under the run ends it, and what was sent is told."""
    path = write("a.csv", b"email\na@example.com\nb@example.com\n\xff\n")
    monkeypatch.setattr(_send_many.Input, "count", lambda _: 3)

    ended = cli("send-many", path)

    assert ended.code == 4
    assert count_in(ended.out, "accepted") == len(sandbox.events) == 2
    assert "The lines after line 3 were not taken.\n" in ended.out
    assert ended.err.endswith(f"{path}: line 4 is not UTF-8; save the file as UTF-8\n")


def test_refused_credentials_are_code_5(cli, sandbox, by_name, write, monkeypatch):
    """Wrong credentials stop the run at once."""
    monkeypatch.setenv("SENDPULSE_CLIENT_SECRET", "canary")

    ended = cli("send-many", write("a.csv", GOOD), "--max-in-flight", "1")

    assert ended.code == 5
    assert "Stopped early: " in ended.out
    assert "The lines after line 2 were not taken.\n" in ended.out
    assert not sandbox.events


@pytest.mark.parametrize(
    ("fault", "options"),
    [(Fault(status=403, times=None), []), (Fault(status=422, times=None), ["--max-errors", "0"])],
)
def test_a_run_that_stops_early_is_code_6(cli, sandbox, raw, write, fault, options):
    """What nobody permits, and too many failures, stop the run, and the report says why and where."""
    sandbox.add_fault(fault)

    ended = cli("send-many", write("a.csv", GOOD), "--max-in-flight", "1", *options)

    assert ended.code == 6
    assert count_in(ended.out, "rejected") == 1
    assert re.search("Stopped early: (HTTP 403|more events failed than max_failures=0 allows)", ended.out)
    assert "The lines after line 2 were not taken.\n" in ended.out


def test_an_unknown_outcome_is_code_7(cli, sandbox, raw, write):
    """One event of which nobody knows outweighs those that surely failed."""
    sandbox.add_fault(Fault(status=500, email="user3@example.com"))

    ended = cli("send-many", write("a.csv", GOOD + "nobody,x\n"))

    assert ended.code == 7
    assert re.search("^  line  5  unknown   HTTP 500: ", ended.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (Report(), 0),
        (Report(total=2, accepted=2), 0),
        (Report(total=2, accepted=1, rejected=1), 3),
        (Report(total=2, accepted=1, not_sent=1), 3),
        (Report(total=3, accepted=1, rejected=1, unknown=1), 7),
        (Report(total=1, unknown=1, stopped_because=StoppedError("")), 6),
        (Report(total=1, not_sent=1, stopped_because=RejectedError("")), 6),
        (Report(total=1, unknown=1, stopped_because=AuthenticationError("")), 5),
    ],
)
def test_the_gravest_end_decides_the_code(report, code):
    """Of several codes the first of 5, 6, 7 and 3 counts."""
    assert code_of_report(report) == code


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (OutcomeStatus.ACCEPTED, 0),
        (OutcomeStatus.REJECTED, 3),
        (OutcomeStatus.NOT_SENT, 3),
        (OutcomeStatus.UNKNOWN, 7),
    ],
)
def test_each_outcome_has_a_code(status, code):
    """One event's outcome decides as a run of one would."""
    assert code_of_outcome(Outcome(0, None, status)) == code


@pytest.mark.parametrize(
    ("text", "per_second"), [("10/s", 10), ("0.5/s", 0.5), ("600/m", 10), ("1/m", 1 / 60), ("90.5/m", 90.5 / 60)]
)
def test_a_rate_is_a_number_a_second_or_minute(text, per_second):
    """`--rate` becomes the sender's limit."""
    assert parse_rate(text) == RateLimit(per_second=per_second)


@pytest.mark.parametrize("text", ["10", "0/s", "-1/s", "10/h", "/s", "1e3/s", "fast", ""])
def test_a_rate_that_is_none_is_wrong_usage(text):
    """Anything else is named as what it should be."""
    with pytest.raises(ConfigurationError, match="--rate must be"):
        parse_rate(text)


def test_a_rate_is_the_senders(cli, raw, write, monkeypatch):
    """The rate holds for the sender, so that repeats pay too; without one the sender has its own default."""
    opened = []

    def open_sender(door, event_name, options):
        opened.append(options.get("rate_limit"))
        return _doors.open_sender(door, event_name, options)

    monkeypatch.setattr(_send_many, "open_sender", open_sender)
    path = write("a.csv", "phone\n+15550100001\n")

    assert cli("send-many", path, "--rate", "50/s").code == 0
    assert cli("send-many", path).code == 0

    assert opened == [RateLimit(per_second=50), None]


@pytest.mark.parametrize(
    "options",
    [["--rate", "fast"], ["--max-in-flight", "0"], ["--max-errors", "-1"], ["--door", "back"], ["--event-name", "x"]],
)
def test_wrong_options_are_code_2(cli, sandbox, raw, write, options):
    """Wrong usage is named before anything is sent."""
    ended = cli("send-many", write("a.csv", GOOD), *options)

    assert ended.code == 2
    assert options[0] in ended.err
    assert not sandbox.events


def test_more_in_flight_than_a_transport_has_connections(cli, sandbox, raw, write):
    """The transport grows with the option: no event waits for a connection."""
    ended = cli("send-many", write("a.csv", GOOD + GOOD.partition("\n")[2] * 5), "--max-in-flight", "150")

    assert ended.code == 0
    assert count_in(ended.out, "accepted") == len(sandbox.events) == 180
