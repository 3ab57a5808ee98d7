"""The real official Python client, from the package index, talks to the sandbox."""

from __future__ import annotations

import pytest
from pysendpulse.pysendpulse import PySendPulse


@pytest.fixture
def redirected(sandbox, monkeypatch):
    # The address is the client's private constant; there is no setting for it.
    monkeypatch.setattr(PySendPulse, "_PySendPulse__api_url", sandbox.origin)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return sandbox


def test_it_gets_a_token_and_sends_an_event(redirected, tmp_path):
    """One token request, one event, accepted; the JSON arrives as it was given."""
    client = PySendPulse(redirected.client_id, redirected.client_secret, "FILE", f"{tmp_path}/")

    answer = client.send_event("purchase", {"email": "test@test.com", "phone": "+123456789", "var_1": "x"})

    assert answer == {"result": True}
    (entry,) = redirected.events
    assert entry.event == "purchase"
    assert entry.payload == {"email": "test@test.com", "phone": "+123456789", "var_1": "x"}
    assert redirected.token_requests == 1


def test_its_disguised_token_is_refused_and_fetched_anew(redirected, tmp_path):
    """It reads its own token file as bytes and sends `Bearer b'…'`: 401, then a fresh token works."""
    PySendPulse(redirected.client_id, redirected.client_secret, "FILE", f"{tmp_path}/")
    second = PySendPulse(redirected.client_id, redirected.client_secret, "FILE", f"{tmp_path}/")

    assert second.send_event("purchase", {"email": "test@test.com"}) == {"result": True}

    assert [entry.status for entry in redirected.refused] == [401]
    assert dict(redirected.refused[0].headers)["authorization"].startswith("Bearer b'")
    assert redirected.token_requests == 2


def test_wrong_credentials_are_refused(redirected, tmp_path):
    """It raises its own error on 401."""
    with pytest.raises(Exception, match="check your ID and SECRET"):
        PySendPulse(redirected.client_id, "wrong", "FILE", f"{tmp_path}/")
