"""The servers that other tests stand on: that they start, can be frozen, stopped and started again, and go away."""

from __future__ import annotations

import socket

import pytest
import servers


def _says(port, line):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(line)
        connection.settimeout(1)
        return connection.recv(100)


def test_redis_keeps_its_keys_through_a_crash(own_redis):
    """What the delivery log is promised by a Redis that writes before it answers."""
    own_redis.ask("SET", "kept", "1")

    own_redis.stop()
    own_redis.start()

    assert own_redis.ask("EXISTS", "kept") == ":1"


def test_a_frozen_server_answers_when_it_thaws(own_redis):
    own_redis.freeze()
    with pytest.raises(TimeoutError):
        _says(own_redis.port, b"PING\r\n")

    own_redis.thaw()

    assert own_redis.ask("PING") == "+PONG"


def test_memcached_answers(own_memcached):
    assert _says(own_memcached.port, b"version\r\n").startswith(b"VERSION")


def test_rabbitmq_answers(rabbitmq):
    assert _says(rabbitmq.port, b"GET / HTTP/1.1\r\n\r\n").startswith(b"AMQP")  # its word to what is no AMQP


@pytest.mark.parametrize(("ci", "raised"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_server_fails_in_ci_and_skips_elsewhere(monkeypatch, ci, raised):
    monkeypatch.setenv("CI", ci)

    with pytest.raises(raised, match="no-such-server is not installed"):
        servers.find("no-such-server")
