"""A million rows: looked at to the end, in the memory of a thousand."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

LENGTHS = (1_000, 1_000_000)
GROWTH = 20_000
"""Kilobytes that a list of a million may take beyond a list of a thousand."""


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    """A file of each length, whose last row is wrong."""
    folder = tmp_path_factory.mktemp("lists")
    paths = []
    for length in LENGTHS:
        path = folder / f"{length}.csv"
        with path.open("w") as file:
            file.write("Email,total,city\n")
            file.writelines(f"user{n}@example.com,{n}.5,Kyiv\n" for n in range(length - 1))
            file.write("nobody,1,Kyiv\n")
        paths.append(path)
    return paths


def run(*arguments):
    """Run the command line; return its code, its output and the most memory that it had, in kilobytes."""
    command = [
        sys.executable,
        "-m",
        "sendpulse_async",
        *map(str, arguments),
        "--map",
        "email=Email",
        "--type",
        "total=float",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        out = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, out, usage.ru_maxrss


@pytest.mark.timeout(400)
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="this system does not tell a child's memory")
@pytest.mark.parametrize(
    "command", [("check", "--structure-only"), ("send-many", "--dry-run")], ids=["check", "dry run"]
)
def test_a_million_rows_take_no_more_memory_than_a_thousand(lists, sandbox, raw, command):
    """Each row is looked at, the last one's problem is named, and nothing is kept."""
    name, *options = command
    ended = [run(name, path, *options) for path in lists]

    for (code, out, _), length in zip(ended, LENGTHS, strict=True):
        assert code == 3
        assert f"{length:,} rows, nothing was sent\n  good     {length - 1:>9,}\n  wrong            1 " in out
        assert f"line {length + 1}  email: is not an address" in out
    (_, _, little), (_, _, much) = ended
    assert much - little < GROWTH
    assert not sandbox.events
