"""A page that is followed as a reader would: its commands, in its order, in one folder, with one sandbox."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_VARYING = re.compile(r"(?<=after )[\d.]+(?= s)|(?<=begins for )[\d.]+(?= s)|(?<=answer came): .*")
"""Lengths of time, and the operating system's own words."""


class Walk:
    """What a page says to do, and what it says comes of it.

    Its commands are run to the letter, but for the installation, which the tests have behind them, and the sandbox's
    port, which somebody else may have.
    """

    def __init__(self, page, folder):
        self.text = (ROOT / page).read_text(encoding="utf-8")
        self.folder = folder
        self.address = "http://127.0.0.1:8025"
        self._exports = []
        (folder / ".venv/bin").mkdir(parents=True)
        (folder / ".venv/bin/activate").touch()
        for path, _ in self._found(r"(docs/examples/\w+\.py)", "python"):
            (folder / Path(path).name).write_bytes((ROOT / path).read_bytes())

    def _found(self, mark, language):
        return re.findall(rf"<!-- {mark} -->\n```{language}\n(.*?)\n```", self.text, re.DOTALL)

    def command(self, name):
        """Return a block of commands, led to this walk's sandbox."""
        return dict(self._found(r"run: (\w+)", "sh"))[name].replace("http://127.0.0.1:8025", self.address)

    def said(self, name):
        """Return what the page says comes of it, without what differs each time."""
        text = dict(self._found(r"said: (\w+)", "text"))[name]
        return _VARYING.sub("…", text.replace("http://127.0.0.1:8025", self.address))

    def run(self, name):
        """Run a block in the shell; return all that it prints, without what differs each time."""
        command = self.command(name)
        script = "\n".join([*self._exports, command])
        self._exports += re.findall(r"^export .*$", command, re.MULTILINE)
        done = subprocess.run(
            ["bash", "-euc", f"exec 2>&1\n{script}"],
            check=False, cwd=self.folder, env=_environment(), stdout=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, f"{name}: the command failed"
        return _VARYING.sub("…", done.stdout.rstrip())

    @contextlib.contextmanager
    def sandbox(self):
        """Start the sandbox by the page's own command, give the lines that it prints, and end it by Ctrl-C."""
        started = subprocess.Popen(
            ["bash", "-euc", f"exec {self.command('sandbox')} --port 0"],
            cwd=self.folder, env=_environment(), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with started:
            try:
                lines = [started.stdout.readline()]
                self.address = re.search(r"http://127\.0\.0\.1:\d+", lines[0])[0]
                while "--door name" not in lines[-1]:
                    lines.append(started.stdout.readline())
                yield "".join(lines).rstrip()
            finally:
                started.send_signal(signal.SIGINT)
                started.communicate(timeout=30)


def _environment():
    own = {name: value for name, value in os.environ.items() if not name.startswith("SENDPULSE_")}
    return own | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
