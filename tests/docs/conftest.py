"""The tools of the site are programs beside the pages, not part of the package: here they become importable."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "docs/tools"))
