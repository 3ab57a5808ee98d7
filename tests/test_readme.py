"""What the README and the how-to pages show is what runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import servers

from sendpulse_async.sandbox import Sandbox

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [README, *(page.read_text() for page in (ROOT / "docs").rglob("*.md"))]
SHOWN = re.findall(
    r"<!-- (docs/examples/\w+\.(?:py|php)) -->\n```(?:python|php)\n(.*?)\n```", "\n".join(PAGES), re.DOTALL
)


def run(path: str, sandbox: Sandbox, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an example as a person would, in a folder of its own, with the sandbox's lines in the environment."""
    environment = os.environ | sandbox.environment() | {"PYTHONWARNINGS": "error::ResourceWarning"}
    command = [sys.executable, str(ROOT / path)]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_every_example_is_shown_as_it_is() -> None:
    """What the README and the other pages show are files, to the letter, and each file is shown once."""
    files = {f"docs/examples/{path.name}": path.read_text().rstrip() for path in (ROOT / "docs/examples").glob("*.p*")}

    assert sorted(SHOWN) == sorted(files.items())


def test_every_snippet_is_a_file() -> None:
    """Whatever a page shows of Python or PHP is a file in `docs/examples`, which the tests run."""
    fences = re.findall(r"^```(?:python|php)$", "\n".join(PAGES), re.MULTILINE)

    assert len(fences) == len(SHOWN)


@pytest.mark.parametrize(
    ("path", "events"),
    [
        ("docs/examples/raw.py", 1),
        ("docs/examples/authorized.py", 1),
        ("docs/examples/first_event.py", 1),
        ("docs/examples/honest_outcome.py", 1),
        ("docs/examples/inicio_rapido.py", 1),
        ("docs/examples/lista.py", 100),
        ("docs/examples/bulk.py", 100),
        ("docs/examples/resume.py", 100),
        ("docs/examples/fast.py", 100),
        ("docs/examples/validate.py", 2),
        ("docs/examples/outbox.py", 10),
        ("docs/examples/testing.py", 0),
        ("docs/examples/batches.py", 100),
        ("docs/examples/shared.py", 100),
        ("docs/examples/hooks.py", 100),
        ("docs/examples/otel.py", 1),
        ("docs/examples/typed_events.py", 1),
        ("docs/examples/typed_converter.py", 10),
    ],
)
def test_an_example_does_what_it_says(
    path: str, events: int, tmp_path: Path, redis_server: servers.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run by itself against the sandbox, an example sends its events and ends well."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    with Sandbox() as sandbox:
        ended = run(path, sandbox, tmp_path)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(sandbox.events) == events


def test_what_is_shared_is_sent_once(
    tmp_path: Path, redis_server: servers.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the README says of its example: run again, it sends nothing twice, and asks for no second token."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    with Sandbox() as sandbox:
        said = [run("docs/examples/shared.py", sandbox, tmp_path).stdout for _ in range(2)]

    assert said == ["100 events: 100 accepted\n", "100 events: 100 settled before\n"]
    assert (len(sandbox.events), sandbox.token_requests) == (100, 1)


def test_ci_runs_the_readmes_test_command() -> None:
    """The command that CI takes out of the README is the one line that a reader copies."""
    block = re.search(r"<!-- test-command -->\n```sh\n(.*?)\n```\n<!-- end -->", README, re.DOTALL)

    assert block is not None
    assert "\n" not in block[1]
    assert block[1].endswith(".venv/bin/nox")
    assert "test-command" in (ROOT / ".ci/run").read_text()
