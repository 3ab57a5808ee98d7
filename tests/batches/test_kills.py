"""A task that is killed again and again, at any moment, and repeated each time."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from fault_server import PATIENCE
from journal.ledger import Ledger

from sendpulse_async.integrations.arrow import send_batches

from .frames import ids, results
from .task import connect_to, frame

pytestmark = pytest.mark.timeout(300)

ROWS = 1000
KILLS = 6
IN_FLIGHT = 8
TESTS = Path(__file__).parents[1]
TASK = [sys.executable, "-m", "batches.task"]
MOMENTS = ["before_answer", "after_answer"]


def test_a_task_that_is_killed(redis_server):
    """No row is taken twice or lost; in doubt are those alone that were under way at a kill."""
    seed = random.randrange(10**9)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    dice = random.Random(seed)

    with Ledger() as ledger:
        for _ in range(KILLS):
            task = subprocess.Popen([*TASK, ledger.url, redis_server.url, str(ROWS)], cwd=TESTS)
            name, moment = dice.choice(MOMENTS), ledger.total + dice.randint(1, ROWS // KILLS)
            setattr(ledger, name, lambda total, at=moment, task=task: task.kill() if total == at else None)
            assert task.wait(PATIENCE) == -signal.SIGKILL
            setattr(ledger, name, lambda total: None)
        last = results(send_batches(frame(ROWS), connect_to(ledger.url, redis_server.url)))
        again = results(send_batches(frame(ROWS), connect_to(ledger.url, redis_server.url)))

    assert [row["row_id"] for row in last] == ids(*range(ROWS))
    counts = Counter(row["outcome"] for row in last)
    assert set(counts) <= {"accepted", "unknown"}
    assert counts["unknown"] <= KILLS * IN_FLIGHT
    assert set(ledger.taken.values()) == {1}
    accepted = {number for number, row in enumerate(last) if row["outcome"] == "accepted"}
    assert accepted <= set(ledger.taken)
    assert again == last
