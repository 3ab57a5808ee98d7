"""Measures this library beside the other clients, in one run on one machine."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def running_server(module: str, *arguments: str, scheme: str = "http") -> Iterator[str]:
    """Start a server in a process of its own and yield its origin; it prints its port, and ends with its input."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"{scheme}://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()
        process.terminate()
