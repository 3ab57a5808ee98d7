"""A million rows: looked at to the end, in the memory of a thousand."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .conftest import untraced

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


PROGRAM = """
import re, sys
from pathlib import Path
from sendpulse_async.cli import run

code = run(sys.argv[1:])
# Of this process alone: what getrusage tells begins with the memory of the one that it was forked from.
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1], file=sys.stderr)
sys.exit(code)
"""


def run(*arguments):
    """Run the command line; return its code, its output and the most memory that it had, in kilobytes."""
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments), "--map", "email=Email", "--type", "total=float"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=untraced())
    return ended.returncode, ended.stdout, int(ended.stderr)


@pytest.mark.timeout(400)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells the most memory of a process")
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
