"""A fault's fields: what makes no sense is refused when it is made."""

from __future__ import annotations

import pytest

from sendpulse_async.sandbox import Fault


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "effect"),
        ({"times": 3, "door": "raw"}, "effect"),
        ({"status": 100}, "status"),
        ({"status": 600}, "status"),
        ({"status": "500"}, "status"),
        ({"status": True}, "status"),
        ({"body": 5}, "body"),
        ({"body": [1]}, "body"),
        ({"body": {"x": object()}}, "body"),
        ({"status": 204, "body": "x"}, "body"),
        ({"headers": 5}, "headers"),
        ({"headers": [("a",)]}, "headers"),
        ({"headers": {"a": 1}}, "headers"),
        ({"headers": {"a b": "1"}}, "headers"),
        ({"headers": {"a": "1\r\nb: 2"}}, "headers"),
        ({"headers": {"a": " 1"}}, "headers"),
        ({"headers": {"Content-Length": "1"}}, "headers"),
        ({"headers": None}, "headers"),
        ({"status": 429, "retry_after": -1}, "retry_after"),
        ({"status": 429, "retry_after": "soon"}, "retry_after"),
        ({"delay": float("inf")}, "delay"),
        ({"delay": None, "status": 500}, "delay"),
        ({"drop": "burn"}, "drop"),
        ({"drop": ["cut"]}, "drop"),
        ({"drop": "hang", "status": 200}, "drop"),
        ({"drop": "reset", "retry_after": 1}, "drop"),
        ({"status": 500, "times": 0}, "times"),
        ({"status": 500, "times": True}, "times"),
        ({"status": 500, "door": "window"}, "door"),
        ({"status": 500, "event": 1}, "event"),
        ({"status": 500, "email": 1}, "email"),
        ({"status": 500, "door": "token", "email": "a@b.c"}, "email"),
        ({"status": 500, "taken": 1}, "taken"),
        ({"delay": 10**400}, "delay"),
        ({"status": 500, "where": 5}, "where"),
        ({"status": 500, "where": "colour:red"}, "where: .*colour"),
        ({"status": 500, "where": "total", "door": "token"}, "where cannot match at door='token'"),
        ({"status": 500, "every": 1}, "every"),
        ({"status": 500, "every": 2.0}, "every"),
        ({"status": 500, "probability": 0}, "probability"),
        ({"status": 500, "probability": 1.1}, "probability"),
        ({"status": 500, "probability": float("nan")}, "probability"),
        ({"status": 500, "every": 2, "probability": 0.5}, "every and probability"),
        ({"status": 500, "seed": 1}, "seed needs a probability"),
        ({"status": 500, "probability": 0.5, "seed": -1}, "seed"),
        ({"status": 500, "probability": 0.5, "seed": "a"}, "seed"),
        ({"token": "lost"}, "token"),
        ({"token": "expired", "door": "raw"}, "token='expired' and door='raw'"),
        ({"token": "revoked", "door": "token"}, "token='revoked' and door='token'"),
        ({"every": 2}, "effect"),
    ],
)
def test_a_wrong_field_names_itself(fields, named):
    """A fault that makes no sense is refused when it is made."""
    with pytest.raises(ValueError, match=named):
        Fault(**fields)
