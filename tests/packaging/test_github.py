"""What GitHub reads: workflows that can be trusted, and forms that ask for no secret."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from environments import ROOT

FOLDER = ROOT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").iterdir())
FORMS = sorted(path for path in (FOLDER / "ISSUE_TEMPLATE").iterdir() if path.name != "config.yml")
SCHEMAS = {
    "workflows": WORKFLOWS,
    "issue-forms": FORMS,
    "issue-config": [FOLDER / "ISSUE_TEMPLATE" / "config.yml"],
    "dependabot": [FOLDER / "dependabot.yml"],
}
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
WARNED_OF = ("event URL", "client secret", "API key", "token", "address")
MAY_WRITE = {
    ("release.yml", "attest"): {"attestations", "id-token"},
    ("release.yml", "publish"): {"id-token"},
    ("release.yml", "release"): {"contents"},
}


def unpinned(text: str) -> list[str]:
    """Return the lines that use an action by anything but a commit with its version; our own are as they are."""
    used = [line.strip().removeprefix("- ") for line in text.splitlines() if re.match(r"\s*(- )?uses:", line)]
    return [line for line in used if not PINNED.fullmatch(line) and not line.startswith("uses: ./")]


def named(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("schema", SCHEMAS)
def test_it_is_what_github_expects(schema: str) -> None:
    """Each file is valid YAML of the schema that is published for its kind."""
    name = f"vendor.{schema}" if schema == "dependabot" else f"vendor.github-{schema}"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", name]

    done = subprocess.run([*command, *SCHEMAS[schema]], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_the_linter_of_workflows_finds_nothing() -> None:
    """zizmor, which asks no network here, finds no way in: no injection, no kept credentials, no broad permission."""
    done = subprocess.run(["zizmor", "--offline", "--quiet", FOLDER], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_every_action_is_pinned(path: Path) -> None:
    """An action is used by the full hash of a commit, with its version as a comment: a tag can be moved."""
    assert unpinned(path.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "- uses: actions/checkout@v6",
        f"uses: actions/checkout@{'a' * 40}",
        f"- uses: actions/checkout@{'a' * 39} # v6.0.3",
    ],
)
def test_a_looser_pin_is_found(line: str) -> None:
    """A tag, a commit without its version and a shortened hash are no pins."""
    assert unpinned(f"steps:\n  {line}\n") != []


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_a_job_may_do_what_it_does_and_no_more(path: Path) -> None:
    """Nothing is granted to a whole workflow; a job names what it needs, writes only what is listed above, and ends."""
    workflow = yaml.safe_load(path.read_text())

    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        writes = {scope for scope, level in job["permissions"].items() if level == "write"}
        assert writes == MAY_WRITE.get((path.name, name), set()), name
        assert "uses" in job or job["timeout-minutes"] <= 90, name


def test_ci_runs_what_a_newcomer_runs() -> None:
    """The workflow calls `.ci/run` and has no checks of its own."""
    steps = yaml.safe_load((FOLDER / "workflows" / "ci.yml").read_text())["jobs"]["checks"]["steps"]

    assert steps[-1]["run"] == ".ci/run"


def test_a_release_needs_no_token() -> None:
    """PyPI trusts the workflow itself, in an environment that a person opens; no secret is read anywhere."""
    text = (FOLDER / "workflows" / "release.yml").read_text()

    assert yaml.safe_load(text)["jobs"]["publish"]["environment"]["name"] == "pypi"
    assert "secrets." not in text
    assert "password" not in text


@pytest.mark.parametrize("path", [*FORMS, FOLDER / "pull_request_template.md"], ids=named)
def test_a_form_warns_of_what_must_not_be_public(path: Path) -> None:
    """The first thing that a form says is what not to paste; an issue is sent after a promise only."""
    text = path.read_text()
    first = text if path.suffix == ".md" else yaml.safe_load(text)["body"][0]["attributes"]["value"]

    assert [word for word in WARNED_OF if word not in first] == []
    if path.suffix != ".md":
        last = yaml.safe_load(text)["body"][-1]
        assert (last["type"], last["attributes"]["options"][0]["required"]) == ("checkboxes", True)
