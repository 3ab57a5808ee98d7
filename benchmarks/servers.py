"""Starts what is measured against: nginx where it is installed and no delay is asked for, else the shipped server."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import trustme

from . import running_server
from .loops import is_here
from .server import OK, TOKEN

CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    default_type application/json;
    server {{
        listen 127.0.0.1:{port}{tls} backlog=1024;
        {certificate}
        location / {{ return 200 '{ok}'; }}
        location = /oauth/access_token {{ return 200 '{token}'; }}
    }}
}}
"""
START = 10.0
"""Seconds that nginx has for its first connection."""


@attrs.frozen
class Certificates:
    """The files of one run: the server's key and certificates, and the authority that the clients trust."""

    server: Path
    authority: Path


@attrs.frozen
class Served:
    """One server that runs, and what it is."""

    origin: str
    name: str


@contextlib.contextmanager
def certificates() -> Iterator[Certificates]:
    """Make an authority and a certificate for 127.0.0.1 in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        files = Certificates(Path(folder, "server.pem"), Path(folder, "authority.pem"))
        authority = trustme.CA()
        authority.cert_pem.write_to_path(files.authority)
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(files.server)
        yield files


@contextlib.contextmanager
def serving(scheme: str, delay: float, files: Certificates) -> Iterator[Served]:
    """Start a server for one scheme and one delay in seconds.

    nginx answers at once or not at all, so an answer that waits comes from the shipped server.
    """
    nginx = shutil.which("nginx")
    if nginx and not delay:
        with _nginx(nginx, scheme, files) as origin:
            yield Served(origin, _version(nginx))
        return
    loop = "uvloop" if is_here("uvloop") else "asyncio"
    arguments = [f"--delay={delay}", f"--loop={loop}"]
    if scheme == "https":
        arguments.append(f"--certificate={files.server}")
    with running_server("benchmarks.server", *arguments, scheme=scheme) as origin:
        yield Served(origin, f"shipped server on {loop}")


def _version(nginx: str) -> str:
    said = subprocess.run(
        [nginx, "-v"], capture_output=True, text=True, check=True
    ).stderr  # `nginx version: nginx/1.2`
    return said.split(":", 1)[1].strip()


@contextlib.contextmanager
def _nginx(nginx: str, scheme: str, files: Certificates) -> Iterator[str]:
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder, "nginx.conf")
        configuration.write_text(_configuration(folder, port, files.server if scheme == "https" else None))
        command = [nginx, "-p", folder, "-e", f"{folder}/error.log", "-c", str(configuration)]
        with subprocess.Popen(command) as process:
            try:
                _await_connection(port)
                yield f"{scheme}://127.0.0.1:{port}"
            finally:
                process.terminate()


@contextlib.contextmanager
def redis_running() -> Iterator[int]:
    """Start a Redis that writes before it answers, as a delivery log wants it, and yield its port."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes"]
        command += ["--appendfsync", "always"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                _await_connection(port)
                yield port
            finally:
                process.kill()


def _configuration(folder: str, port: int, certificate: Path | None) -> str:
    lines = f"ssl_certificate {certificate}; ssl_certificate_key {certificate};" if certificate else ""
    values = {"folder": folder, "port": port, "ok": OK, "token": TOKEN}
    return CONFIGURATION.format(**values, tls=" ssl" if certificate else "", certificate=lines)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:  # nginx cannot choose one itself
        return int(free.getsockname()[1])


def _await_connection(port: int) -> None:
    end = time.monotonic() + START
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return
