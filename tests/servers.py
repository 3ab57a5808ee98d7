"""Real servers for tests: Debian's own programs, each on a free port in a temporary folder, ended by its pid."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

STARTS_WITHIN = 60
"""Seconds: RabbitMQ takes six on an idle machine."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find(program, *places):
    """Return the path of a program; one that is missing skips the test, but fails it in CI."""
    for place in places:
        for path in sorted(Path("/").glob(place.lstrip("/"))):
            return str(path)
    if (path := shutil.which(program)) is not None:
        return path
    reason = f"{program} is not installed (Debian: apt-get install {program})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


class Server:
    """A process that listens on 127.0.0.1; it can be stopped, frozen and started again on the same port."""

    def __init__(self, command, folder, *, environment=None) -> None:
        self.port = free_port()
        self.folder = Path(folder)
        self._command = [part.replace("{port}", str(self.port)).replace("{folder}", str(folder)) for part in command]
        self._environment = {**os.environ, **(environment or {})}
        self._process = None

    def start(self):
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env={**self._environment, "PORT": str(self.port)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._await_port()
        return self

    def _await_port(self):
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.02)
        said = (self.folder / "output").read_text(errors="replace")[-2000:]
        self.stop()
        raise RuntimeError(f"{self._command[0]} did not start:\n{said}")

    def freeze(self):
        """Let it accept connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self):
        self._signal(signal.SIGCONT)

    def stop(self):
        """End it as a crash does; what it kept in memory is gone."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Redis(Server):
    """Keeps its data through a restart: each write is on disk before its answer."""

    def __init__(self, folder) -> None:
        program = find("redis-server")
        command = [program, "--port", "{port}", "--bind", "127.0.0.1", "--dir", "{folder}", "--save", ""]
        super().__init__([*command, "--appendonly", "yes", "--appendfsync", "always"], folder)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def ask(self, *words):
        """Send one command, and return the first line of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(" ".join(words).encode() + b"\r\n")
            return connection.makefile("rb").readline().decode().strip()


class Memcached(Server):
    def __init__(self, folder) -> None:
        program = find("memcached")
        super().__init__([program, "-l", "127.0.0.1", "-p", "{port}", "-U", "0", "-u", "nobody"], folder)


class RabbitMQ(Server):
    """With an Erlang port mapper of its own, which is a child of ours and no daemon."""

    def __init__(self, folder) -> None:
        program = find("rabbitmq-server", "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server")
        self._mapper_port = free_port()
        places = ("MNESIA_BASE", "LOG_BASE", "GENERATED_CONFIG_DIR")
        environment = {f"RABBITMQ_{place}": str(folder) for place in places} | {
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(self._mapper_port),
            "RABBITMQ_NODENAME": f"tests{self._mapper_port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_FEATURE_FLAGS_FILE": f"{folder}/flags",
        }
        Path(folder, "plugins").write_text("[].")
        Path(folder, "rabbitmq.conf").write_text("")
        super().__init__([program], folder, environment=environment)
        self._environment["RABBITMQ_NODE_PORT"] = str(self.port)
        self._mapper = None

    @property
    def url(self):
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def start(self):
        if self._mapper is None:
            command = [find("epmd"), "-port", str(self._mapper_port), "-address", "127.0.0.1"]
            self._mapper = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return super().start()

    def __exit__(self, *_):
        self.stop()
        if self._mapper is not None:
            self._mapper.kill()
            self._mapper.wait()
