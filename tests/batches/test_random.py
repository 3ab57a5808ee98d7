"""Random inputs and faults, try after try: every row comes out, in its place, with one outcome that is true."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import attrs
import pyarrow
import pytest
from bulk.scripted import BAD_CERTIFICATE, FORBIDDEN, LOST, NO_SUCH_EVENT, REFUSED, TAKEN, UNREACHABLE, item, sender_on
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from journal.network import Network

from sendpulse_async.integrations.arrow import send_batches

from .frames import Connection, ended, results

pytestmark = [pytest.mark.usefixtures("no_probe_delay"), pytest.mark.timeout(300)]

ANSWERS = [TAKEN] * 5 + [LOST, REFUSED, NO_SUCH_EVENT, UNREACHABLE, FORBIDDEN, BAD_CERTIFICATE]
OUTCOMES = {"accepted", "rejected", "not_sent", "unknown"}
SETTLED = {"accepted", "rejected"}
_names = itertools.count()


@attrs.frozen
class Try:
    """One try to send the input.

    Attributes:
        answers: What the events meet, by their numbers, over and over.
        max_in_flight: See `send_batches`.
        max_failures: Likewise.
        resend_unknown: Likewise, where there is a log.
        breaks_after: The consumer closes the generator after so many batches; None: it reads them all.
    """

    answers: list
    max_in_flight: int
    max_failures: int | None
    resend_unknown: bool
    breaks_after: int | None


LAST = Try([TAKEN], 4, None, resend_unknown=True, breaks_after=None)

tries = st.builds(
    Try,
    answers=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=12),
    max_in_flight=st.integers(1, 6),
    max_failures=st.none() | st.integers(0, 3),
    resend_unknown=st.booleans(),
    breaks_after=st.none() | st.integers(0, 3),
)
kinds = st.lists(st.sampled_from(["plain"] * 4 + ["wrong", "refused", "odd"]), max_size=24)
cuts = st.lists(st.integers(0, 8), max_size=6)


def frame(kinds, cuts):
    """Batches of rows of these kinds, cut at random."""
    rows = []
    for number, kind in enumerate(kinds):
        email = "nobody" if kind == "wrong" else "someone@example.com"
        # Beyond Python: a moment of less than a microsecond.
        rows.append({"row_id": f"r{number}", **item(number), "email": email, "kind": kind, "at": int(kind == "odd")})
    schema = pyarrow.schema(
        {
            "row_id": pyarrow.string(),
            "email": pyarrow.string(),
            "n": pyarrow.int64(),
            "kind": pyarrow.string(),
            "at": pyarrow.timestamp("ns", "UTC"),
        }
    )
    ends = [*itertools.accumulate(cuts), len(rows)]
    return [pyarrow.RecordBatch.from_pylist(rows[start:end], schema) for start, end in itertools.pairwise([0, *ends])]


def to_event(row):
    if row["kind"] == "refused":
        raise ValueError
    return {"email": row["email"], "n": row["n"]}


def play(plan, source, taken, redis=None, name=""):
    """Try once; return the rows that came out, the numbers that were sent, and what stopped it."""
    network = Network(lambda number: plan.answers[number % len(plan.answers)], taken)
    sending = send_batches(
        source,
        Connection(lambda: sender_on(network), redis, name),
        to_event=to_event,
        max_in_flight=plan.max_in_flight,
        max_failures=plan.max_failures,
        resend_unknown=plan.resend_unknown and redis is not None,
    )
    if plan.breaks_after is None:
        yielded, stopped_because = ended(sending)
        assert [batch.num_rows for batch in yielded] == [batch.num_rows for batch in source]
    else:
        yielded, stopped_because = list(itertools.islice(sending, plan.breaks_after)), None
        sending.close()
    return results(yielded), network.sent, stopped_because


def check(came_out, kinds, taken, before):
    """Each row is there once, in its place, with an outcome that the ledger agrees with."""
    assert [row["row_id"] for row in came_out] == [f"r{number}" for number in range(len(came_out))]
    for number, row in enumerate(came_out):
        assert row["outcome"] in OUTCOMES
        assert (row["error"] is None) == (row["outcome"] == "accepted")
        count = taken[number] - before[number]
        if kinds[number] != "plain":
            assert (row["outcome"], count) == ("rejected", 0)
        assert count <= 1
        if row["outcome"] in {"rejected", "not_sent"}:
            assert taken[number] == 0
        elif row["outcome"] == "accepted":
            assert taken[number] >= 1


@examples(150)
@given(kinds=kinds, cuts=cuts, plan=tries)
def test_without_a_log(kinds, cuts, plan):
    """Whatever the rows meet, whatever stops the run: rows in are rows out."""
    source, taken = frame(kinds, cuts), Counter()

    came_out, sent, _ = play(plan, source, taken)

    assert set(Counter(sent).values()) <= {1}
    check(came_out, kinds, taken, Counter())
    assert plan.breaks_after is not None or len(came_out) == len(kinds)


@examples(60)
@given(kinds=kinds, cuts=st.lists(cuts, min_size=5, max_size=5), plans=st.lists(tries, max_size=4))
def test_with_a_log(kinds, cuts, plans, redis_server):
    """Try after try, cut otherwise each time: what is settled stays so, and what was taken is not sent unasked."""
    taken, known, name = Counter(), {}, f"random {next(_names)}"
    for plan, cut in zip([*plans, LAST], cuts, strict=False):
        before = Counter(taken)
        came_out, sent, _ = play(plan, frame(kinds, cut), taken, redis_server, name)
        check(came_out, kinds, taken, before)
        for number in sent:
            assert known.get(number) not in SETTLED
            assert plan.resend_unknown or known.get(number) != "unknown"
        for number, row in enumerate(came_out):
            assert known.get(number) not in SETTLED or row["outcome"] == known[number]
            is_anybodys = re.search("40[34]", row["error"] or "")
            known[number] = "refused" if is_anybodys else row["outcome"]

    assert [known[number] for number in range(len(kinds))] == [row["outcome"] for row in came_out]
    assert set(known.values()) <= SETTLED
