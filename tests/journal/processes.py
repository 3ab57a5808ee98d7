"""Begins bulk runs in processes of their own, and waits for their ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import attrs

from .child import Orders


class Processes:
    """The parent of all processes of a test."""

    def __enter__(self) -> Processes:
        command = [sys.executable, str(Path(__file__).with_name("child.py"))]
        self._parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._parent.communicate()

    def begin(self, orders: Orders) -> Process:
        """Begin a run; its outcomes are told in a file."""
        told = Path(orders.told)
        told.touch()
        return Process(self, self.ask(attrs.asdict(orders)))

    def ask(self, order: object) -> int:
        """Give an order, or ask what became of a process."""
        self._parent.stdin.write(json.dumps(order) + "\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())


@attrs.frozen
class Process:
    """A run in a process of its own."""

    family: Processes
    pid: int

    def kill(self) -> None:
        """Kill it, as nothing can be caught or finished."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Return its exit code once it has ended; minus a signal's number, if that ended it."""
        return self.family.ask(self.pid)
