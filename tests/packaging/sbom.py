"""Writes the bill of materials of a bare installation: `python sbom.py DIST TARGET`, the wheel's folder and a file."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from environments import Environment


def write(dist: Path, target: Path) -> None:
    """Install the wheel without extras, and list in CycloneDX 1.6 what is there then."""
    wheel = next(dist.glob("*.whl")).resolve()
    with tempfile.TemporaryDirectory() as folder:
        bare = Environment(Path(folder) / "bare", sys.executable)
        bare.install(f"sendpulse-async @ {wheel.as_uri()}")
        command = ["cyclonedx-py", "environment", "--output-reproducible", "--mc-type", "library"]
        bill = json.loads(subprocess.run([*command, bare.python], capture_output=True, check=True).stdout)
    _make_ours_the_subject(bill)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(bill, indent=2, sort_keys=True) + "\n")


def _make_ours_the_subject(bill: dict) -> None:
    ours = next(component for component in bill["components"] if component["name"] == "sendpulse-async")
    bill["components"].remove(ours)
    # Where the file lay while it was listed is nobody's affair.
    ours["externalReferences"] = [one for one in ours["externalReferences"] if not one["url"].startswith("file:")]
    ours["purl"] = f"pkg:pypi/{ours['name']}@{ours['version']}"
    bill["metadata"]["component"] = ours


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
