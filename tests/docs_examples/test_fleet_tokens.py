"""The how-to on tokens of a fleet: its examples share one token, and send on without the place where it is kept."""

from __future__ import annotations

import servers

from .running import EXAMPLES, begin, end, python, run_example

PYSENDPULSE = """
import sys
from pysendpulse.pysendpulse import PySendPulse
PySendPulse._PySendPulse__api_url = sys.argv[1]
proxy = PySendPulse(sys.argv[2], sys.argv[3], "MEMCACHED", memcached_host=sys.argv[4])
assert proxy.send_event("bought", {"email": "ana@example.com"}) == {"result": True}
"""


def redis_at(port):
    return {"REDIS_URL": f"redis://127.0.0.1:{port}/0"}


def memcached_at(port):
    return {"MEMCACHED_HOST": "127.0.0.1", "MEMCACHED_PORT": str(port)}


def test_processes_of_one_machine_use_one_token(sandbox, tmp_path):
    """Run again, the example finds the token that it left in its folder."""
    ended = [run_example("fleet_file.py", tmp_path, **sandbox.environment()) for _ in range(2)]

    assert [(one.returncode, one.said) for one in ended] == [(0, "")] * 2
    assert (sandbox.token_requests, len(sandbox.events)) == (1, 2)


def test_processes_that_start_together_fetch_one_token(sandbox, tmp_path, redis_server):
    """Two at once on an empty Redis: one asks, the other waits for its token."""
    variables = sandbox.environment() | redis_at(redis_server.port)

    fleet = [begin(python(EXAMPLES / "fleet_redis.py"), tmp_path, **variables) for _ in range(2)]
    ended = [end(process) for process in fleet]

    assert [(one.returncode, one.said) for one in ended] == [(0, "")] * 2
    assert (sandbox.token_requests, len(sandbox.events)) == (1, 2)


def test_the_token_that_pysendpulse_left_in_memcached_is_used(sandbox, tmp_path, own_memcached):
    """The real pysendpulse fetches one, and the example needs none."""
    command = python("-c", PYSENDPULSE, sandbox.origin, sandbox.client_id, sandbox.client_secret)
    theirs = end(begin([*command, f"127.0.0.1:{own_memcached.port}"], tmp_path, PYTHONWARNINGS=""), is_silent=False)

    ours = run_example("fleet_memcached.py", tmp_path, **sandbox.environment(), **memcached_at(own_memcached.port))

    assert (theirs.returncode, ours.returncode, ours.said) == (0, 0, "")
    assert (sandbox.token_requests, len(sandbox.events)) == (1, 2)
    assert sandbox.refused == ()


def test_without_the_store_events_go_on(sandbox, tmp_path):
    """A Redis that is away: the event is accepted, with one warning of the token's store and one of the quota."""
    ended = run_example("fleet_redis.py", tmp_path, **sandbox.environment(), **redis_at(servers.free_port()))

    assert ended.returncode == 0, ended.said
    assert "the token store failed (" in ended.said
    assert "the shared quota failed (" in ended.said
    assert len(ended.said.splitlines()) == 2
    assert (sandbox.token_requests, len(sandbox.events)) == (1, 1)
