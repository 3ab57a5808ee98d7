"""Debian's Chromium, as all tests of the page and the pictures in the documentation drive it."""

from __future__ import annotations

from typing import Final

ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def launch(playwright, program):
    """Return a headless browser; Debian's own, since Playwright's would be a download."""
    return playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
