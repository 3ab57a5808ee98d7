"""The wheel alone, without any extra, in an environment of its own."""

from __future__ import annotations

import json
import statistics

from environments import BROUGHT, CORE, NEEDS, Environment

MEASURED = """
import time
began = time.process_time()
import httpx
between = time.process_time()
import sendpulse_async
print(between - began, time.process_time() - between)
"""
LOADED = """
import json, sys
before = set(sys.modules)
import sendpulse_async
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)))
"""


def test_only_the_cores_needs_are_installed(bare: Environment) -> None:
    """Four packages and what these bring: nothing else comes with the library."""
    assert NEEDS <= bare.distributions() <= {"sendpulse-async"} | NEEDS | BROUGHT


def test_importing_it_says_and_warns_nothing(bare: Environment) -> None:
    """The import works with every warning an error, prints nothing, and loads every public name."""
    done = bare.run("import sendpulse_async\nfor name in sendpulse_async.__all__: getattr(sendpulse_async, name)")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_importing_it_is_quick(bare: Environment) -> None:
    """It takes less than 150 ms above `import httpx`, of the processor's time, which other programs lengthen little.

    Where `import httpx` takes more than its 60 ms, the machine is slow or busy, and the bound grows with it.
    """
    runs = [tuple(map(float, bare.run(MEASURED).stdout.split())) for _ in range(7)]

    of_httpx, above = (statistics.median(times) for times in zip(*runs, strict=True))

    assert above < 0.15 * max(1, of_httpx / 0.06), f"{above:.3f} s above import httpx, which took {of_httpx:.3f} s"


def test_importing_it_loads_what_it_needs_and_no_more(bare: Environment) -> None:
    """What the import loads is the library, the standard library, and its needs."""
    done = bare.run(LOADED)

    assert "sendpulse_async" in done.stdout
    assert set(json.loads(done.stdout)) - CORE == set()
