"""The how-to on the sandbox: what it tells a reader to type works."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HOW_TO = Path(__file__).parents[2] / "docs/how-to/sandbox.md"
BLOCKS = [block for block in re.findall(r"```sh\n(.*?)```", HOW_TO.read_text(), re.DOTALL) if "curl" in block]


@pytest.mark.skipif(shutil.which("curl") is None and "CI" not in os.environ, reason="curl is not installed")
def test_its_commands_work(sandbox):
    """Each command of curl is answered as it should be, in the order in which they are read."""
    script = "".join(BLOCKS).replace("curl -s", "curl -s --fail-with-body --noproxy '*' -w '\\n'")
    script = script.replace("http://127.0.0.1:8025", sandbox.origin)

    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], check=False, capture_output=True, text=True, timeout=60
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(BLOCKS) == 3
    assert next(json.loads(line) for line in ran.stdout.splitlines() if line) == {"result": True}
    assert sandbox.faults == ()
