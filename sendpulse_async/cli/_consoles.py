"""Where the command line writes: results to stdout, everything else to stderr."""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path

import rich.console
from rich.text import Text

PROGRAM = "sendpulse-async"


class Console(rich.console.Console):
    """Writes lines as they are: never wrapped, which would break a URL, and never read as markup."""

    def say(self, *parts: str | tuple[str, str]) -> None:
        """Write one line of plain texts and of texts with a style."""
        self.print(Text.assemble(*parts), soft_wrap=True)

    def on_broken_pipe(self) -> None:
        """Fall silent: that a reader such as `head` left must neither end a run nor change its exit code."""
        self.quiet = True
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, self.file.fileno())
        os.close(devnull)


def open_stdout() -> Console:
    """Return the console for results."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that a legacy code page cannot write must not cost the report.
        sys.stdout.reconfigure(errors="backslashreplace")
    return Console()


def open_stderr() -> Console:
    """Return the console for progress and complaints."""
    return Console(stderr=True)


def how_to_call() -> str:
    """Return what a user types to run this program: its script is not on the path of every environment."""
    if shutil.which(PROGRAM):
        return PROGRAM
    python = Path(sys.executable)
    here = Path.cwd()
    return f"{python.relative_to(here) if python.is_relative_to(here) else python} -m sendpulse_async"


def complain(problem: object) -> None:
    """Write what is wrong to stderr, in one line."""
    open_stderr().say((f"{PROGRAM}: ", "bold red"), str(problem))
