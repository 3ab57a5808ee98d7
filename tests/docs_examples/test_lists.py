"""The how-to on lists: its commands can be typed as they are, one after the other, and end as it says."""

from __future__ import annotations

import re
import shlex
import sys

from sendpulse_async.cli._exit_codes import ExitCode

from .running import ROOT, begin, end, run_example

PAGE = (ROOT / "docs/how-to/lists.md").read_text()
BLOCKS = [block for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "pip install" not in block]
COMMAND = f'sendpulse-async() {{ {shlex.quote(sys.executable)} -m sendpulse_async "$@"; }}\n'


def test_its_commands_work(sandbox, tmp_path):
    """Made, checked, sent, resumed, looked into, mended and sent: each contact has its event once, Eve's too.

    And what the shell has sent, the example in Python does not send again, for it takes the same journal.
    """
    codes = []
    for block in BLOCKS:
        process = begin(["bash", "-c", COMMAND + block], tmp_path, SENDPULSE_EVENT_URL=sandbox.event_url)
        codes.append(end(process).returncode)
    ended = run_example("contacts.py", tmp_path, SENDPULSE_EVENT_URL=sandbox.event_url)

    assert ended.said == "4 events: 4 settled before\n"
    assert codes == [0, 3, 3, 3, 0, 0]
    assert sorted((one.payload["name"], one.payload.get("total")) for one in sandbox.events) == [
        ("Ana", 12.5),
        ("Ben", 3),
        ("Eve", 7),
        ("Joe", None),
    ]
    assert {one.payload["source"] for one in sandbox.events} == {"import"}


def test_the_same_list_from_python_tells_of_the_wrong_row(sandbox, tmp_path):
    """Three rows are sent, and the fourth is named with what is wrong with it."""
    end(begin(["bash", "-c", BLOCKS[0]], tmp_path))

    ended = run_example("contacts.py", tmp_path, SENDPULSE_EVENT_URL=sandbox.event_url)

    assert ended.returncode == 3
    assert ended.said.splitlines() == [
        "4 events: 3 accepted, 1 rejected",
        "row 3: rejected, email: is not an address: something@somewhere is needed",
    ]
    assert len(sandbox.events) == 3


def test_its_exit_codes_are_all_that_there_are():
    """Each code but the demo's own has its line."""
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}

    assert told == {int(code) for code in ExitCode} - {ExitCode.DIFFERED}
