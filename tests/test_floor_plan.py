"""The page that explains the floors shows those that import-linter checks."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/explanation/floor-plan.md").read_text()
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_the_floors_are_those_that_are_checked() -> None:
    """Each module of the house stands on the page, and none above one that it is below of."""
    layers = next(contract["layers"] for contract in CONTRACTS if "containers" not in contract)
    checked = [{name.strip().removeprefix("sendpulse_async.") for name in layer.split("|")} for layer in layers]
    rows = re.findall(r"^\| [\w ]+ \| (`.*?) \|", PAGE, re.MULTILINE)
    shown = [re.findall(r"`(\w+)`", row) for row in rows]
    heights = {name: height for height, names in enumerate(shown) for name in names}

    assert set(heights) == set().union(*checked)
    order = [height for floor in checked for height in sorted(heights[name] for name in floor)]
    assert order == sorted(order)


def test_the_files_are_there() -> None:
    """A page that names a file which was moved misleads."""
    package = ROOT / "sendpulse_async"
    bold = re.findall(r"\*\*`([\w/.]+\.py)`", PAGE)

    assert len(bold) > 8
    assert [name for name in bold if not (package / name).is_file()] == []
