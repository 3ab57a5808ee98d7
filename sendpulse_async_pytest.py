"""The pytest plugin of sendpulse_async: it imports next to nothing until one of its fixtures is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from sendpulse_async.testing import Recorder, Sandbox

_SANDBOX = pytest.StashKey["Sandbox"]()


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers, for `--strict-markers`."""
    for fixture, kind in (("sendpulse_recorder", "Recorder"), ("sendpulse_sandbox", "Sandbox")):
        config.addinivalue_line("markers", f"{fixture}(**options): the keywords of the {kind} that the fixture makes.")


@pytest.fixture
def sendpulse_sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox that serves; the report of a test that fails lists what it saw. Needs `sendpulse-async[sandbox]`."""
    from sendpulse_async.testing import Sandbox  # noqa: PLC0415 - who does not ask for it does not pay for it

    with Sandbox(**_options(request)) as sandbox:
        request.node.stash[_SANDBOX] = sandbox
        yield sandbox


@pytest.fixture
def sendpulse_recorder(request: pytest.FixtureRequest) -> Recorder:
    """A sender by name without any network; a raw one with `@pytest.mark.sendpulse_recorder(is_raw=True)`."""
    from sendpulse_async.testing import Recorder  # noqa: PLC0415 - as above

    return Recorder(**_options(request))


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:
    marker = request.node.get_closest_marker(request.fixturename)
    return marker.kwargs if marker else {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the sandbox saw to the report of a test that failed."""
    report = yield
    sandbox = item.stash.get(_SANDBOX, None)
    if sandbox is not None and report.when == "call" and report.failed:
        from sendpulse_async.testing._sights import what_it_saw  # noqa: PLC0415 - as above

        report.sections.append(("sendpulse sandbox", what_it_saw(sandbox)))
    return report
