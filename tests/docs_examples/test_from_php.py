"""The how-to for those who come from PHP: before and after make the same request."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from sendpulse_async.sandbox import Fault

from .running import EXAMPLES, begin, end, run_example


@pytest.fixture(scope="module")
def php():
    """Where PHP with curl is."""
    found = shutil.which("php")
    if found is None or "curl" not in subprocess.check_output([found, "-m"], text=True).split():
        pytest.skip("PHP with its curl extension is not installed (php-cli, php-curl)")
    return found


def run_before(php, sandbox, folder):
    return end(begin([php, str(EXAMPLES / "curl_before.php")], folder, **sandbox.environment()))


def test_before_and_after_make_the_same_request(php, sandbox, tmp_path):
    """The same door, content type and bytes, and both are content."""
    before = run_before(php, sandbox, tmp_path)
    after = run_example("curl_after.py", tmp_path, **sandbox.environment())

    assert (before.returncode, before.said) == (after.returncode, after.said) == (0, "")
    theirs, ours = sandbox.events
    assert (theirs.door, theirs.content_type, theirs.body) == (ours.door, ours.content_type, ours.body)
    assert ours.payload == {"email": "ana@example.com", "total": "12.5", "is_paid": "1"}


def test_both_tell_of_a_refusal(php, sandbox, tmp_path):
    """PHP writes the status, this library what it means."""
    sandbox.add_fault(Fault(status=422, times=2))

    before = run_before(php, sandbox, tmp_path)
    after = run_example("curl_after.py", tmp_path, **sandbox.environment())

    assert "failed: 422" in before.said
    assert after.said.startswith("failed: HTTP 422")
