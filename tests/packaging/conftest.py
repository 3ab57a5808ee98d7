"""What is shipped, built once, and the bare environments it is put into."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest
from environments import ROOT, UV, VERSIONS, Environment, interpreter


@pytest.fixture(scope="session")
def project():
    """The table `project` of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="session")
def tracked():
    """The files of the checkout, those that are new included, as paths from its root."""
    command = ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no checkout")
    return {path for path in listed.stdout.split("\0") if (ROOT / path).is_file()}


@pytest.fixture(scope="session")
def dist(tmp_path_factory):
    """The folder with the sdist, and the wheel that was built from it."""
    return _build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def straight(tmp_path_factory):
    """The folder with the wheel that was built from the checkout."""
    return _build(tmp_path_factory.mktemp("straight"), "--wheel")


def _build(folder: Path, *options: str) -> Path:
    command = [UV, "build", "--quiet", "--no-create-gitignore", "--out-dir", folder, *options, ROOT]
    subprocess.run(command, check=True)
    return folder


@pytest.fixture(scope="session")
def sdist(dist):
    return next(dist.glob("*.tar.gz"))


@pytest.fixture(scope="session")
def wheel(dist):
    return next(dist.glob("*.whl"))


@pytest.fixture(scope="session", params=VERSIONS)
def bare(request, wheel, tmp_path_factory):
    """An environment with the wheel and no extra, on each Python that is here."""
    python = interpreter(request.param)
    if python is None:
        pytest.skip(f"there is no Python {request.param} on this machine")
    environment = Environment(tmp_path_factory.mktemp("bare") / request.param, python)
    environment.install(f"sendpulse-async @ {wheel.as_uri()}", is_compiled=True)
    return environment
