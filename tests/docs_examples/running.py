"""Runs what the pages show as a person would: in a process and a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import attrs
from canaries import assert_silent

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs/examples"
PATIENCE = 60
"""Seconds after which a test gives up; none waits for as long as that."""


@attrs.frozen
class Ended:
    """How a program ended, and what it wrote to either stream."""

    returncode: int
    said: str


def begin(command, folder, **variables):
    """Begin a program with these variables, and without those that say how to reach the network or an account."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("SENDPULSE_")
    }
    environment = kept | {"PYTHONWARNINGS": "error::ResourceWarning", "PYTHONPATH": str(ROOT)} | variables
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def end(process, *, is_silent=True):
    """Wait for it, and let it have said no secret."""
    said, _ = process.communicate(timeout=PATIENCE)
    if is_silent:
        assert_silent(said)
    return Ended(process.returncode, said)


def python(*arguments):
    return [sys.executable, *map(str, arguments)]


def run_example(example, folder, **variables):
    """Run one of docs/examples to its end."""
    return end(begin(python(EXAMPLES / example), folder, **variables))
