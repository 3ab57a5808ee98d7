"""A Dask cluster that loses a worker in the middle of a large file."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter

import psutil
import pyarrow
import pyarrow.parquet
import pytest

from sendpulse_async.integrations.dask import send_parquet

from .workers import connect

ROWS = 100_000
IN_FLIGHT = 32

pytestmark = pytest.mark.timeout(900)


def test_a_lost_worker_costs_no_row_and_no_person_a_second_message(client, ledger, tmp_path):
    """Each row comes out once and is taken once at most; in doubt are those alone that the worker had under way."""
    path = tmp_path / "big.parquet"
    columns = {"email": ["someone@example.com"] * ROWS, "n": range(ROWS)}
    pyarrow.parquet.write_table(pyarrow.table(columns), path, row_group_size=10_000)
    workers = client.run(os.getpid)
    victim = min(workers.values())
    ledger.before_answer = lambda total: os.kill(victim, signal.SIGKILL) if total == ROWS * 2 // 5 else None
    memory, began = psutil.Process().memory_info().rss, time.monotonic()

    outcomes, tables = {}, 0
    for batch in send_parquet(client, path, connect, max_in_flight=IN_FLIGHT):
        rows = zip(batch.column("row_id").to_pylist(), batch.column("outcome").to_pylist(), strict=True)
        for row_id, outcome in rows:
            assert row_id not in outcomes
            outcomes[row_id] = outcome
        tables += 1

    elapsed, memory = time.monotonic() - began, psutil.Process().memory_info().rss - memory
    counts = Counter(outcomes.values())
    per_worker = client.run(lambda: psutil.Process().memory_info().rss)
    print(  # noqa: T201 - the figures of this run, for those who ask with -s
        f"{elapsed:.1f} s, {ROWS / elapsed:,.0f} events/s, {tables} batches, {dict(counts)}, ledger {ledger.total:,}, "
        f"client +{memory >> 20} MB, workers {[rss >> 20 for rss in per_worker.values()]} MB"
    )
    client.wait_for_workers(2, timeout=60)
    assert victim not in client.run(os.getpid).values()
    assert set(outcomes) == {f"big.parquet:{number}" for number in range(ROWS)}
    assert set(counts) <= {"accepted", "unknown"}
    assert counts["unknown"] <= IN_FLIGHT
    assert set(ledger.taken.values()) == {1}
    accepted = {number for number in range(ROWS) if outcomes[f"big.parquet:{number}"] == "accepted"}
    assert accepted <= set(ledger.taken)
    assert ledger.total - len(accepted) <= counts["unknown"]
