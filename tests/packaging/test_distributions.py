"""The sdist and the wheel, looked at before anybody installs them."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes

import pytest

CODE = ("sendpulse_async/", "sendpulse_async_pytest.py")


@pytest.fixture(scope="session")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        [name] = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


@pytest.mark.parametrize("command", [["twine", "check", "--strict"], ["check-wheel-contents"]], ids=lambda it: it[0])
def test_the_tools_of_the_trade_find_nothing(command: list[str], dist) -> None:
    """PyPI will take both files and show the description, and the wheel holds what a wheel should hold."""
    files = [path for path in dist.iterdir() if command[0] == "twine" or path.suffix == ".whl"]

    run = [sys.executable, "-m", command[0].replace("-", "_"), *command[1:], *files]
    done = subprocess.run(run, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_the_wheel_has_every_file_of_the_package(wheel, tracked: set[str]) -> None:
    """Code, `py.typed`, the sandbox's page and its document: what git knows of the package is in the wheel, no more."""
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert shipped == {path for path in tracked if path.startswith(CODE)}
    assert {path.rpartition(".")[2] for path in shipped} >= {"css", "csv", "html", "js", "json", "py", "svg", "typed"}


def test_the_sdist_is_the_checkout(sdist, tracked: set[str]) -> None:
    """All checks and tests can be run from it: tests, docs, examples, benchmarks and tools are in it."""
    with tarfile.open(sdist) as archive:
        shipped = {name.partition("/")[2] for name in archive.getnames()}

    assert tracked - shipped == set()
    assert shipped - tracked == {"PKG-INFO"}


def test_the_sdist_builds_the_same_wheel(wheel, straight) -> None:
    """Built from the sdist or from the checkout, the wheel is the same to the byte."""
    [other] = straight.glob("*.whl")

    assert (wheel.name, wheel.read_bytes()) == (other.name, other.read_bytes())


def test_the_description_leads_somewhere(metadata) -> None:
    """On PyPI, where no repository stands around it, no link and no picture of the README is a relative path."""
    links = re.findall(r"\]\(([^)\s]+)\)", metadata.get_payload())

    assert len(links) > 5
    assert [link for link in links if not link.startswith("https://")] == []


def test_the_metadata_tells_where_things_are(metadata) -> None:
    """Documentation, source, issues and changelog each have an address, and the licence goes with the code."""
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL"))

    assert set(urls) == {"Changelog", "Documentation", "Issues", "Source"}
    assert all(url.startswith("https://github.com/sendpulse-async/sendpulse-async") for url in urls.values())
    assert (metadata["License-Expression"], metadata.get_all("License-File")) == ("MIT", ["LICENSE"])
    assert "Typing :: Typed" in metadata.get_all("Classifier")
