"""The bill of materials that a release has beside its distributions."""

from __future__ import annotations

import json

import pytest
import sbom
from environments import BROUGHT, NEEDS


@pytest.fixture(scope="module")
def written(dist, tmp_path_factory):
    """The text of one, as a release has it."""
    target = tmp_path_factory.mktemp("release") / "sbom" / "sendpulse-async.cdx.json"
    sbom.write(dist, target)
    return target.read_text()


def test_it_lists_what_a_bare_installation_consists_of(written: str) -> None:
    """Its subject is this library; its components are the core's needs, each with a version, and nothing else."""
    bill = json.loads(written)

    names = {component["name"].replace("_", "-") for component in bill["components"]}
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "sendpulse-async")
    assert NEEDS <= names <= NEEDS | BROUGHT
    assert all(component["version"] for component in [*bill["components"], bill["metadata"]["component"]])


def test_it_says_nothing_of_the_machine_that_wrote_it(written: str, dist, tmp_path) -> None:
    """No path and no time is in it: another run, in another environment, writes the same."""
    again = tmp_path / "again.json"

    sbom.write(dist, again)

    assert again.read_text() == written
    assert "file:" not in written
    assert str(dist) not in written
