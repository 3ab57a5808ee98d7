"""The tests that the README and the how-to page show pass, and the failure on the page is what pytest prints."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs/examples"
PAGE = (ROOT / "docs/how-to/testing.md").read_text()
PLUGINS = ("sendpulse_async_pytest", "pytest_asyncio.plugin", "anyio.pytest_plugin")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a file with pytest as its reader would, in a project without settings."""
    settings = tmp_path / "pytest.ini"
    settings.write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("CI", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)

    def started(path):
        plugins = [part for plugin in PLUGINS for part in ("-p", plugin)]
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-c",
            str(settings),
            "-p",
            "no:cacheprovider",
            *plugins,
            str(path),
        ]
        return subprocess.run(command, cwd=path.parent, capture_output=True, text=True, timeout=100, check=False)

    return started


@pytest.mark.parametrize(
    ("name", "passed"),
    [
        ("test_purchase", 1),
        ("test_limit", 1),
        ("test_raw", 1),
        ("test_shop", 2),
        ("test_shop_fastapi_outbox", 1),
        ("test_shop_aiohttp", 2),
        ("test_failures", 1),
        ("test_reminder", 2),
        ("test_order", 2),
    ],
)
def test_what_is_shown_passes(run, name, passed):
    """Each file is a test of somebody's, and runs as it stands; under anyio's plugin on every loop it knows."""
    ended = run(EXAMPLES / f"{name}.py")

    assert f"{passed} passed" in ended.stdout, ended.stdout + ended.stderr


def test_the_failure_that_is_shown_is_what_is_printed(run, tmp_path):
    """With another total expected, the first example fails with the page's very words."""
    shown = re.search(r"```text\n(.*?)\n```", PAGE, re.DOTALL)
    test = tmp_path / "test_purchase.py"
    test.write_text(
        (EXAMPLES / test.name).read_text().replace('variables={"total": 12.5}, times', 'variables={"total": 15}, times')
    )

    ended = run(test)

    errors = [line[8:] for line in ended.stdout.splitlines() if line.startswith("E ")]
    assert shown is not None
    assert "\n".join(errors) == f"AssertionError: {shown[1]}"
