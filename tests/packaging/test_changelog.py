"""The fragments of the changelog: each is named as towncrier wants it, and all of them read as one text."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest
from environments import ROOT

TYPES = [
    kind["directory"] for kind in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]["type"]
]
FRAGMENTS = sorted((ROOT / "changelog.d").iterdir())
NAME = re.compile(rf"\d+\.({'|'.join(TYPES)})(\.\d+)?\.md")


def is_well_named(name: str) -> bool:
    """Tell whether towncrier finds the fragment, and files it as meant."""
    return NAME.fullmatch(name) is not None


@pytest.mark.parametrize(
    ("name", "is_right"),
    [
        ("8.feature.1.md", True),
        ("8.doc.md", True),
        ("8.fix.1.md", False),
        ("feature.1.md", False),
        ("8.doc.txt", False),
    ],
)
def test_a_wrong_name_is_found(name: str, is_right: bool) -> None:
    """A type that does not exist, a missing number and another ending are wrong."""
    assert is_well_named(name) is is_right


def test_every_fragment_is_well_named() -> None:
    """`<issue>.<type>.md` or `<issue>.<type>.<number>.md`: towncrier passes over what it does not know."""
    assert [path.name for path in FRAGMENTS if not is_well_named(path.name)] == []


def test_every_fragment_is_a_paragraph() -> None:
    """One paragraph of whole sentences, on one line, so that it becomes one item of a list."""
    texts = {path.name: path.read_text() for path in FRAGMENTS}

    assert [name for name, text in texts.items() if not re.fullmatch(r"[A-Z`*\[][^\n]*[.)]\n", text)] == []


def test_the_draft_has_every_fragment() -> None:
    """`towncrier build --draft` works, has a heading for each type that is used, and leaves nothing out."""
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "9.9.9", "--date", "2030-01-02"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.lstrip().startswith("## 9.9.9 (2030-01-02)\n")
    assert [path.name for path in FRAGMENTS if path.read_text().strip() not in done.stdout] == []
    assert done.stdout.count("\n### ") == len({path.name.split(".")[1] for path in FRAGMENTS})
