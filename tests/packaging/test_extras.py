"""Each extra alone is enough for what it is for, and without it the traceback says what to install."""

from __future__ import annotations

import json
import sys

import pytest
from environments import CORE, ROOT, VERSIONS, Environment, interpreter

# Each extra, and the modules that it is for. A new one needs a line here.
DOORS = {
    "aiohttp": ["integrations.aiohttp"],
    "cli": ["cli"],
    "dask": ["integrations.dask", "integrations.arrow"],
    "fast": ["transports.direct"],
    "fastapi": ["integrations.fastapi"],
    "memcached": ["stores.memcached"],
    "otel": ["integrations.opentelemetry"],
    "parquet": ["integrations.arrow"],
    "redis": ["stores.redis"],
    "sandbox": ["sandbox"],
    "taskiq": ["integrations.taskiq", "stores.redis"],
    "validate": ["validation"],
}
ALL = [(extra, door) for extra, doors in DOORS.items() for door in doors]
# httpx's own command line loads rich and click where it finds them, so it comes first.
BEYOND = """
import json, sys, httpx
before = set(sys.modules)
import sendpulse_async
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)))
"""


@pytest.fixture(scope="module")
def make(wheel, tmp_path_factory):
    """Return what makes an environment with the wheel and some extras, once."""
    made: dict[tuple[str, ...], Environment] = {}

    def make(*extras: str) -> Environment:
        if extras not in made:
            made[extras] = Environment(tmp_path_factory.mktemp("extra") / "venv", sys.executable)
            wanted = f"[{','.join(extras)}]" if extras else ""
            made[extras].install(f"sendpulse-async{wanted} @ {wheel.as_uri()}")
        return made[extras]

    return make


def test_every_extra_is_looked_at(project) -> None:
    """The table above has a line for each extra of pyproject.toml."""
    assert sorted(DOORS) == sorted(project["optional-dependencies"])


@pytest.mark.parametrize(("extra", "door"), ALL)
def test_an_extra_is_enough_for_what_it_is_for(extra: str, door: str, make) -> None:
    """With that one extra the module imports, and warns of nothing."""
    done = make(extra).run(f"import sendpulse_async.{door}")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("extra", "door"), [(extra, doors[0]) for extra, doors in DOORS.items()])
def test_without_it_the_traceback_says_what_to_install(extra: str, door: str, make) -> None:
    """The line that fails names the extra, just above the error that names the package."""
    done = make().run(f"import sendpulse_async.{door}")

    lines = done.stderr.splitlines()
    assert "ModuleNotFoundError: No module named " in lines[-1]
    assert any(f"pip install 'sendpulse-async[{extra}]'" in line for line in lines[-3:-1]), done.stderr


def test_the_oldest_allowed_packages_are_enough(wheel, tmp_path) -> None:
    """With every package at its lower bound, on the oldest Python, the core and all that the extras are for imports."""
    python = interpreter(VERSIONS[0])
    if python is None:
        pytest.skip(f"there is no Python {VERSIONS[0]} on this machine")
    environment = Environment(tmp_path / "venv", python)
    environment.install_oldest(ROOT / "pyproject.toml")
    environment.install(f"sendpulse-async @ {wheel.as_uri()}")

    done = environment.run("\n".join(f"import sendpulse_async.{door}" for _, door in ALL))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_core_imports_nothing_of_the_extras(make) -> None:
    """Where all extras are installed, importing the core loads none of their packages."""
    done = make(*sorted(DOORS)).run(BEYOND)

    assert set(json.loads(done.stdout)) - CORE == set()
