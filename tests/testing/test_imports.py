"""What the helpers for tests import: the plugin next to nothing, the recorder no extra, the sandbox on request."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("anyio", "attrs", "attr", "cattrs", "httpcore", "httpx", "sendpulse_async", "starlette", "uvicorn")
WITHOUT_EXTRA = "import sys; sys.modules |= dict.fromkeys(('starlette', 'uvicorn'))\n"


def run(program):
    """Run a program by itself; the repository's own folder is in its path."""
    root = Path(__file__).parents[2]
    return subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)


def test_the_plugin_imports_nothing_heavy():
    """Whoever has the package installed pays nothing in test runs that use none of its fixtures."""
    program = f"""
import sys, pytest
before = set(sys.modules)
import sendpulse_async_pytest
print(sorted(set(sys.modules) - before), [name for name in {HEAVY} if name in set(sys.modules) - before])
"""
    assert run(program).stdout.strip() == "['sendpulse_async_pytest'] []"


def test_the_plugin_costs_a_small_part_of_what_the_package_does():
    """Its import is measured beside that of the package: the best of some runs, in a process that has pytest."""
    program = """
import importlib, sys, time, pytest

def seconds(name):
    known = set(sys.modules)
    began = time.perf_counter()
    importlib.import_module(name)
    took = time.perf_counter() - began
    for new in set(sys.modules) - known:
        del sys.modules[new]
    return took

importlib.import_module("sendpulse_async_pytest")  # compiled once
del sys.modules["sendpulse_async_pytest"]
plugin = min(seconds("sendpulse_async_pytest") for _ in range(20))
print(plugin, seconds("sendpulse_async"))
"""
    ended = run(program)
    plugin, package = map(float, ended.stdout.split())

    assert ended.returncode == 0, ended.stderr
    assert plugin < 0.005
    assert plugin * 20 < package


def test_the_recorder_needs_no_extra():
    """Without the sandbox's packages a recorder works."""
    ended = run(f"{WITHOUT_EXTRA}from sendpulse_async.testing import Recorder; print(Recorder())")

    assert (ended.stdout, ended.stderr) == ("Recorder(<0 events>)\n", "")


@pytest.mark.parametrize("name", ["Fault", "LedgerEntry", "Sandbox", "Switches"])
def test_the_sandboxs_names_name_their_extra(name):
    """Who asks for one without its packages is told what to install."""
    ended = run(f"{WITHOUT_EXTRA}from sendpulse_async.testing import {name}")

    assert ended.stderr.splitlines()[-1] == (
        f"ModuleNotFoundError: {name} needs starlette: pip install 'sendpulse-async[sandbox]'"
    )


def test_another_module_that_is_missing_is_told_as_it_is():
    """A broken installation is not taken for a missing extra."""
    ended = run(
        "import sys; sys.modules['attrs'] = sys.modules['attr'] = None\nfrom sendpulse_async.testing import Fault"
    )

    assert "[sandbox]" not in ended.stderr
    assert "ModuleNotFoundError" in ended.stderr
