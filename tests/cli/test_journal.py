"""Runs that can be resumed, from the command line: the journal's options, its commands, and Ctrl-C between."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import stat
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from sendpulse_async.sandbox import Fault

from .conftest import until
from .test_interrupts import MANY

LIST = "Email,total\n" + "".join(f"user{n}@example.com,{n}\n" for n in range(20))
OPTIONS = ("--map", "email=Email", "--type", "total=float")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.journal"


def taken(sandbox):
    return Counter(entry.email for entry in sandbox.events)


def reports(out):
    """What `--json` says: the outcomes by line, and the report."""
    *outcomes, report = map(json.loads, out.splitlines())
    return {outcome["line"]: outcome for outcome in outcomes}, report


def test_a_run_is_resumed_with_the_same_command_and_one_word(cli, sandbox, raw, write, path):
    """What was accepted is not sent again, whatever else happened."""
    file = write("a.csv", LIST)
    sandbox.add_fault(Fault(status=402, email="user7@example.com"))
    command = ("send-many", file, *OPTIONS, "--journal", path, "--max-in-flight", 1)

    first = cli(*command)
    second = cli(*command, "--resume")

    assert (first.code, second.code) == (6, 0)
    assert "The lines after line 9 were not taken." in first.out
    assert re.search(r"^To go on: .*sendpulse.* --resume$", first.err, re.MULTILINE)
    assert re.search(r"^  before +7   settled by an earlier run$", second.out, re.MULTILINE)
    assert taken(sandbox) == {f"user{n}@example.com": 1 for n in range(20)}


def test_what_is_unknown_is_told_and_sent_again_on_request_alone(cli, sandbox, raw, write, path):
    """Code 7 until it is settled; `journal retry` is the way to that."""
    file = write("a.csv", LIST)
    sandbox.add_fault(Fault(status=500, email="user3@example.com"))
    assert cli("send-many", file, *OPTIONS, "--journal", path).code == 7

    again = cli("journal", "retry", path, file, *OPTIONS, "--json")
    outcomes, report = reports(again.out)

    assert again.code == 7
    assert report["report"] == {"total": 20, "accepted": 0, "rejected": 0, "not_sent": 0, "unknown": 1, "resumed": 19}
    assert (outcomes[5]["status"], outcomes[5]["attempts"], outcomes[5]["status_code"]) == ("unknown", 1, 500)
    assert "in an earlier run: HTTP 500" in outcomes[5]["error"]
    assert cli("journal", "retry", path, file, *OPTIONS, "--resend-unknown").code == 0
    assert cli("journal", "status", path).code == 0


def test_the_status_of_a_run(cli, sandbox, raw, write, path):
    """Counts by state, for people and for programs, and a code for scripts."""
    sandbox.add_fault(Fault(status=500, email="user3@example.com"))
    sandbox.add_fault(Fault(status=422, email="user4@example.com"))
    cli("send-many", write("a.csv", LIST), *OPTIONS, "--journal", path)

    shown, told = cli("journal", "status", path), cli("journal", "status", path, "--json")

    assert (shown.code, told.code) == (7, 7)
    assert re.search(r"^20 events\n  accepted +18 .*\n  rejected +1 .*\n  unknown +1 ", shown.out)
    assert json.loads(told.out) == {
        "intent": 0, "accepted": 18, "rejected": 1, "refused": 0, "not_sent": 0, "unknown": 1
    }  # fmt: skip


def test_a_journal_is_exported(cli, sandbox, raw, write, path):
    """Each row with what came of it and why, as CSV or JSON lines, all or those of a state."""
    sandbox.add_fault(Fault(status=422, email="user4@example.com"))
    cli("send-many", write("a.csv", LIST), *OPTIONS, "--journal", path)

    rows = list(csv.DictReader(io.StringIO(cli("journal", "export", path).out)))
    lines = cli("journal", "export", path, "--state", "rejected", "--format", "jsonl").out.splitlines()

    assert [row["row"] for row in rows] == [str(n) for n in range(1, 21)]
    assert (rows[0]["state"], rows[0]["status_code"], rows[0]["attempts"]) == ("accepted", "200", "1")
    assert [json.loads(line)["row"] for line in lines] == [5]
    assert json.loads(lines[0])["reason"] == "HTTP 422, error_code 422: the event was refused"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--resume",), "--resume needs the --journal of the earlier run"),
        (("--resend-unknown",), "--resend-unknown needs the --journal of the earlier run"),
        (("--journal", "missing", "--resume"), "--journal missing: there is none to resume"),
        (("--journal", "a.csv"), "--journal a.csv: exists already; add --resume"),
        (("--journal", "a.csv", "--resume"), "a.csv: the journal is no SQLite file"),
        (("--journal", "no/such/folder"), "no/such/folder: the journal cannot be made: No such file or directory"),
        (("--region", "UA"), "--region goes with --normalize"),
        (("--max-errors", "many"), "--max-errors must be a number of events, or a part of the list such as 5%"),
        (("--max-errors", "101%"), "--max-errors must be a number of events, or a part of the list such as 5%"),
    ],
)
def test_wrong_use_is_code_2(cli, sandbox, raw, write, monkeypatch, arguments, words):
    """Nothing is sent, and the text names the option and what to do."""
    monkeypatch.chdir(write("a.csv", LIST).parent)

    ended = cli("send-many", "a.csv", *OPTIONS, *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert not sandbox.events


@pytest.mark.parametrize("command", ["status", "export"])
def test_a_journal_that_is_not_there(cli, tmp_path, command):
    """It is not made by looking at it."""
    ended = cli("journal", command, tmp_path / "none")

    assert (ended.code, ended.out) == (2, "")
    assert "there is no such journal" in ended.err
    assert not list(tmp_path.iterdir())


def test_a_journal_of_another_list(cli, sandbox, raw, write, path):
    """The row is named, nothing of the other list is sent."""
    cli("send-many", write("a.csv", LIST), *OPTIONS, "--journal", path)
    other = LIST.replace("user4@", "somebody@")

    ended = cli("send-many", write("b.csv", other), *OPTIONS, "--journal", path, "--resume")

    assert ended.code == 6
    assert f"{path}: event 5 of the input is not the one that the journal knows" in ended.err
    assert len(sandbox.events) == 20


def test_too_many_errors_are_a_part_of_the_list(cli, raw, write):
    """A tenth of 50 rows may be wrong; the sixth wrong one stops the run."""
    text = "email\n" + "nobody\n" * 50

    ended = cli("send-many", write("a.csv", text), "--max-errors", "10%", "--max-in-flight", "1")

    assert ended.code == 6
    assert re.search(r"^  rejected +6 ", ended.out, re.MULTILINE)


def test_failures_are_the_next_input(cli, sandbox, raw, write, tmp_path):
    """Each failed row as it was given, for the owner's eyes; sent again with the same options it arrives."""
    failures = tmp_path / "failures.jsonl"
    sandbox.add_fault(Fault(status=422, email="user4@example.com"))
    assert cli("send-many", write("a.csv", LIST), *OPTIONS, "--failures", failures).code == 3

    assert stat.S_IMODE(failures.stat().st_mode) == 0o600
    assert cli("send-many", failures, *OPTIONS).code == 0
    assert taken(sandbox) == {f"user{n}@example.com": 1 for n in range(20)}
    assert {entry.payload["total"] for entry in sandbox.events} == {float(n) for n in range(20)}


def test_a_dry_run_sends_nothing(cli, sandbox, raw, write):
    """It counts, names what is wrong, and shows the first requests with nothing of anybody in them."""
    ended = cli("send-many", write("a.csv", LIST + "nobody,7\n"), *OPTIONS, "--const", "source=import", "--dry-run")

    assert ended.code == 3
    assert "  good            20\n  wrong            1" in ended.out
    assert "line 22  email: is not an address" in ended.out
    assert "       {email: u***@e***, total: <float>, source: <str>}\n" in ended.out
    assert ended.out.count("POST http://127.0.0.1") == 3
    assert not sandbox.events


def test_a_check_needs_no_account(cli, write):
    """Addresses and numbers are looked at closely, unless the structure alone is asked for."""
    file = write("a.csv", "email,phone\na@example.com,050 123 45 67\nb@localhost,\n")

    close, far = cli("check", file, "--region", "UA"), cli("check", file, "--structure-only")

    assert (close.code, far.code) == (3, 0)
    assert re.search(r"line 3  email: ", close.out)
    assert "good             2" in far.out


def test_numbers_are_sent_in_one_spelling(cli, sandbox, raw, write):
    """With `--normalize`, and a wrong one is rejected at its line."""
    file = write("a.csv", "email,phone\nA@Example.COM,050 123 45 67\n,123\n")

    ended = cli("send-many", file, "--normalize", "--region", "UA")

    assert ended.code == 3
    assert [(entry.email, entry.payload["phone"]) for entry in sandbox.events] == [("A@example.com", "+380501234567")]
    assert re.search(r"line 3  rejected   ?phone: ", ended.out)


def test_ctrl_c_and_resume_in_a_terminal(terminal, sandbox, raw, write, path):
    """Interrupted in order, the run prints how to go on, and that command goes on to the end: each row once."""
    sandbox.add_fault(Fault(delay=0.05, times=None))
    child = terminal("send-many", write("a.csv", MANY), "--journal", path, "--max-in-flight", 4, "--limit", 60)
    until(lambda: len(sandbox.events) >= 10)
    child.sendintr()
    child.expect("Stopping: no more lines are taken")
    child.expect(r"To go on: (.+?)\r\n")
    command = shlex.split(child.match[1])
    assert child.wait() == 130
    assert 10 <= len(sandbox.events) < 60

    again = terminal(*command[command.index("send-many") :])
    again.expect(r"before +(\d+) ")
    assert 10 <= int(again.match[1]) < 60
    again.expect_exact("settled by an earlier run")
    assert again.wait() == 0
    assert taken(sandbox) == {f"user{n}@example.com": 1 for n in range(60)}


def test_ctrl_c_twice_and_resume(terminal, sandbox, raw, write, path, tmp_path):
    """Events that were aborted after they had left are unknown, in all files and the next run, and not sent again."""
    sandbox.add_fault(Fault(drop="hang", times=3))
    options = ("--journal", path, "--failures", tmp_path / "failures.jsonl", "--max-in-flight", 3, "--limit", 10)
    child = terminal("send-many", write("a.csv", MANY), *options)
    until(lambda: len(sandbox.events) >= 3)
    child.sendintr()
    child.expect("Stopping: no more lines are taken")
    child.sendintr()
    child.expect(r"unknown +3 ")
    child.expect("To go on: ")
    assert child.wait() == 130

    failures = [json.loads(line)["_failure"] for line in (tmp_path / "failures.jsonl").read_text().splitlines()]
    assert [failure["status"] for failure in failures] == ["unknown"] * 3

    again = terminal("send-many", write("a.csv", MANY), "--journal", path, "--limit", 10, "--resume")
    again.expect(r"accepted +7 .*unknown +3 ")
    assert again.wait() == 7
    assert set(taken(sandbox).values()) == {1}


def test_failures_send_nothing_twice_unasked(cli, sandbox, raw, write, tmp_path):
    """What was left unknown stays so from one failures file to the next, until somebody takes the mark away."""
    sandbox.add_fault(Fault(status=500, email="user4@example.com"))
    files = [write("a.csv", LIST), *(tmp_path / f"failures{n}.jsonl" for n in range(3))]

    codes = [cli("send-many", file, *OPTIONS, "--failures", failures).code for file, failures in pairwise(files)]

    assert codes == [7, 3, 3]
    record = json.loads(files[-1].read_text())
    assert record.pop("_failure")["status"] == "unknown"
    assert len(sandbox.events) == 20
    assert cli("send-many", write("b.jsonl", json.dumps(record)), *OPTIONS).code == 0
    assert taken(sandbox)["user4@example.com"] == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_failures_that_cannot_be_written_stop_the_run(cli, sandbox, raw, write, path, monkeypatch):
    """No more rows are taken, those in flight end, the journal has all of them, and the run can go on."""
    monkeypatch.setattr("sendpulse_async.cli._failures._private", lambda _, flags: os.open("/dev/full", os.O_WRONLY))
    text = "email\n" + "".join(f"user{n}@example.com\n" for n in range(20)).replace("user5@", "nobody")

    ended = cli("send-many", write("a.csv", text), "--journal", path, "--failures", "failures", "--max-in-flight", 1)

    assert ended.code == 6
    assert "--failures failures: No space left on device" in ended.err
    assert "To go on: " in ended.err
    assert 5 <= len(sandbox.events) < 19
    assert cli("send-many", write("a.csv", text), "--journal", path, "--resume").code == 3  # for the earlier rejection
    assert len(sandbox.events) == 19
