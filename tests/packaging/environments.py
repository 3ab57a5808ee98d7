"""Environments of their own, bare but for what a test installs, on each Python that is on this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import uv

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.11", "3.12", "3.13")
UV = uv.find_uv_bin()
NEEDS = {"anyio", "attrs", "cattrs", "httpx"}
# httpx's own, of which two are named for their bounds; the one that httpcore looks for; cattrs's and anyio's.
BROUGHT = {"certifi", "h11", "httpcore", "idna", "sniffio", "typing-extensions"}
# As modules; attrs's package has its old name, too.
CORE = {"sendpulse_async", "attr"} | {name.replace("-", "_") for name in NEEDS | BROUGHT}


class Environment:
    """A virtual environment, without pip and without anything of the one that made it.

    Args:
        folder: Where it is put.
        python: The interpreter that it is of.
    """

    def __init__(self, folder: Path, python: Path | str) -> None:
        self.python = folder / "bin" / "python"
        self._do("venv", "--no-project", "--python", str(python), str(folder))

    def install(self, requirement: str, *, is_compiled: bool = False) -> None:
        """Install; compile what was installed, as pip does, where the time of an import is looked at."""
        options = ["--compile-bytecode"] if is_compiled else []
        self._do("pip", "install", "--python", str(self.python), *options, requirement)

    def install_oldest(self, pyproject: Path) -> None:
        """Install what a project and its extras name, each at the oldest version that they allow."""
        options = ["--resolution", "lowest-direct", "--all-extras", "--requirements", str(pyproject)]
        self._do("pip", "install", "--python", str(self.python), *options)

    def distributions(self) -> set[str]:
        """Return the names of what is installed."""
        listed = self._do("pip", "list", "--python", str(self.python), "--format", "json")
        return {distribution["name"] for distribution in json.loads(listed)}

    def run(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run a few lines of Python, from the root folder: nothing is imported from a checkout."""
        command = [self.python, "-W", "error", "-c", code]
        return subprocess.run(command, cwd="/", env=_ENVIRONMENT, capture_output=True, text=True, check=False)

    def _do(self, *command: str) -> str:
        done = subprocess.run([UV, "--quiet", *command], env=_ENVIRONMENT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"uv {' '.join(command)}:\n{done.stderr}")
        return done.stdout


_OUTER = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in _OUTER} | {
    "UV_PYTHON_DOWNLOADS": "never"
}


def interpreter(version: str) -> Path | None:
    """Return the interpreter of a minor version that runs, from the path or from pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which(f"python{version}")
    for candidate in (on_path, *sorted(pyenv.glob(f"{version}.*/bin/python"))):
        # pyenv puts one on the path for every version it has; it ends with an error where that version is not chosen.
        if candidate and _says(candidate) == version:
            return Path(candidate)
    return None


def _says(python: Path | str) -> str:
    code = "import sys; print(*sys.version_info[:2], sep='.')"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()
