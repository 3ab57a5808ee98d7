"""A look at the built site through a browser: what it asks another origin for, and what fails in it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync")  # fmt: skip


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing: a browser that goes on to the next page hangs up, and of what fails it tells itself."""


@contextlib.contextmanager
def served(site: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine, and give its address."""
    server = _Server(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def troubles(site: Path) -> list[str]:
    """Open each page; return each request to another origin and each error, a line each."""
    found: list[str] = []
    with served(site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        page = browser.new_page()
        page.on("request", lambda asked: asked.url.startswith((address, "data:", "blob:")) or found.append(asked.url))
        page.on("pageerror", lambda error: found.append(f"{page.url}: {error}"))
        page.on("console", lambda said: said.type == "error" and found.append(f"{page.url}: {said.text}"))
        for path in sorted(site.rglob("index.html")):
            page.goto(address + path.relative_to(site).as_posix().removesuffix("index.html"), wait_until="load")
        page.wait_for_load_state("networkidle")  # what a script asks for late shows on the last page as on each
        browser.close()
    return found
