"""On which requests a fault is played: by query, by count, by chance; and what becomes of tokens."""

from __future__ import annotations

import pytest

from sendpulse_async.sandbox import Fault

EMAIL = {"email": "a@b.c"}
FAULTS = "/_sandbox/faults"


@pytest.fixture
def post(sandbox, client):
    """Post events with these totals to the raw door, and return the statuses."""
    return lambda *totals: [
        client.post(sandbox.event_url, json={**EMAIL, "total": total}).status_code for total in totals
    ]


@pytest.fixture
def bearer(sandbox, client):
    """Return a function that fetches a token, as a header."""
    form = {"grant_type": "client_credentials", "client_id": sandbox.client_id, "client_secret": sandbox.client_secret}

    def fetch():
        return {"Authorization": f"Bearer {client.post('/oauth/access_token', json=form).json()['access_token']}"}

    return fetch


@pytest.fixture
def by_name(client):
    return lambda headers: client.post("/events/name/purchase", json=EMAIL, headers=headers).status_code


def test_a_query_chooses(sandbox, post):
    """`where` is a query of the search grammar, on the event itself."""
    sandbox.add_fault(Fault(status=500, where="var.total>10 email:a@", times=None))

    assert post(9, 11, 10, 12) == [200, 500, 200, 500]


def test_a_query_may_ask_for_duplicates(sandbox, post):
    """Whether an event came before is known when a fault is chosen."""
    sandbox.add_fault(Fault(status=500, where="is:duplicate", times=None))

    assert post(1, 2, 1, 2, 3) == [200, 200, 500, 500, 200]


@pytest.mark.parametrize(("every", "times", "played"), [(2, None, [2, 4, 6, 8]), (3, None, [3, 6]), (2, 3, [2, 4, 6])])
def test_every_nth_request_meets_it(sandbox, post, every, times, played):
    """Counted are those that match; `times` counts plays."""
    sandbox.add_fault(Fault(status=500, where="var.total>0", every=every, times=times))

    statuses = post(*range(9))

    assert [total for total, status in enumerate(statuses) if status == 500] == played


def test_a_seed_makes_chance_repeatable(sandbox, post):
    """The same requests in the same order meet the same faults, whatever other faults are there."""

    def play(*others):
        sandbox.clear_faults()
        for other in others:
            sandbox.add_fault(other)
        sandbox.add_fault(Fault(status=502, probability=0.4, seed=7, times=None))
        return post(*range(30))

    alone, again = play(), play()
    beside = play(
        Fault(status=500, where="var.total<10", every=2, times=None), Fault(status=500, probability=0.1, seed=1)
    )

    assert alone == again
    assert 5 < alone.count(502) < 20
    assert [status for status, first in zip(alone, beside, strict=True) if first != 500] == [
        status for status in beside if status != 500
    ]


def test_times_counts_plays_of_chance(sandbox, post):
    """Three plays, not three requests."""
    sandbox.add_fault(Fault(status=502, probability=0.3, seed=1, times=3))

    assert post(*range(60)).count(502) == 3
    assert sandbox.faults == ()


def test_chance_without_a_seed_is_chance(sandbox, post):
    """A probability of 1 is always."""
    sandbox.add_fault(Fault(status=502, probability=1, times=None))

    assert set(post(*range(10))) == {502}


def test_an_expired_token_opens_no_more(sandbox, client, bearer, by_name):
    """The request is refused with 401 and not taken; a new token opens, as other tokens still do."""
    first, other = bearer(), bearer()
    sandbox.add_fault(Fault(token="expired"))

    assert [by_name(first), by_name(first), by_name(other), by_name(bearer())] == [401, 401, 200, 200]
    assert [(entry.status, entry.is_taken) for entry in sandbox.refused] == [(401, False)] * 2
    assert sandbox.accepted_count == 2


def test_revoked_tokens_are_all_revoked(sandbox, bearer, by_name):
    """None that was given out opens, but a new one does."""
    first, other = bearer(), bearer()
    sandbox.add_fault(Fault(token="revoked"))

    assert [by_name(first), by_name(other), by_name(bearer())] == [401, 401, 200]


def test_a_key_and_a_raw_url_have_no_token_to_lose(sandbox, client, by_key, by_name):
    """Neither expires, so the fault waits for a token."""
    sandbox.add_fault(Fault(token="expired"))

    assert by_name(by_key) == client.post(sandbox.event_url, json=EMAIL).status_code == 200
    assert len(sandbox.faults) == 1


def test_a_token_can_end_with_another_answer(sandbox, bearer, by_name):
    """The fields of the answer say what is answered instead of 401; the token is dead all the same."""
    token = bearer()
    sandbox.add_fault(Fault(token="expired", status=200))

    assert [by_name(token), by_name(token)] == [200, 401]
    assert sandbox.accepted_count == 1


@pytest.mark.parametrize(
    ("fault", "is_taken"),
    [
        (Fault(token="expired"), False),
        (Fault(token="revoked", drop="reset"), False),
        (Fault(token="revoked", delay=1), False),
        (Fault(token="expired", taken=True), True),
        (Fault(token="expired", status=500), True),
    ],
)
def test_what_a_dead_token_sent_is_not_taken(fault, is_taken):
    """Unless the answer, or `taken`, says otherwise."""
    assert fault.is_taken is is_taken


def test_each_fault_has_an_id(sandbox, client, post):
    """It shows how often it was played, is still there when it is over, and can be taken off alone."""
    first, second = (client.post(FAULTS, json={"status": 500, "times": 2}).json() for _ in range(2))
    assert (first["id"], second["id"], first["played"], first["is_over"]) == (1, 2, 0, False)

    assert post(1, 2, 3) == [500] * 3

    over = client.get(f"{FAULTS}/1").json()
    assert (over["played"], over["times"], over["is_over"]) == (2, 0, True)
    assert [fault["id"] for fault in client.get(FAULTS).json()["faults"]] == [2]
    both = client.get(FAULTS, params={"all": "true"}).json()["faults"]
    assert [(fault["id"], fault["played"]) for fault in both] == [(1, 2), (2, 1)]
    assert [client.delete(f"{FAULTS}/{number}").status_code for number in (2, 2, 1)] == [204, 404, 204]
    assert post(4) == [200]
    assert client.get(FAULTS, params={"all": "true"}).json() == {"faults": []}


@pytest.mark.parametrize("number", ["0", "1", "-1", "x", "1e3", "9" * 5000])
def test_a_fault_that_is_not_there_is_404(client, number):
    """An id that no fault has, or that is none."""
    assert client.get(f"{FAULTS}/{number}").status_code == 404
    assert client.delete(f"{FAULTS}/{number}").status_code == 404


def test_python_takes_one_fault_off_too(sandbox, post):
    """`add_fault` gives the id that `remove_fault` takes."""
    number = sandbox.add_fault(Fault(status=500))

    assert [sandbox.remove_fault(number), sandbox.remove_fault(number)] == [True, False]
    assert post(1) == [200]


def test_the_board_is_bounded(sandbox):
    """It remembers a hundred faults that are over, and takes a thousand."""
    board = sandbox._state.faults
    for _ in range(150):
        board.add(Fault(status=500, door="token"))
        board.take("token")
    assert [placed.id for placed in board.over] == list(range(51, 151))

    for _ in range(1000):
        board.add(Fault(status=500))
    with pytest.raises(ValueError, match="1000"):
        board.add(Fault(status=500))


def test_a_wrong_query_says_what_is_wrong(client):
    """422 with the field and the term."""
    answer = client.post(FAULTS, json={"status": 500, "where": "colour:red"})

    assert answer.status_code == 422
    assert "where" in answer.json()["message"]
    assert "colour" in answer.json()["message"]


def test_a_wrong_all_names_itself(client):
    """Neither true nor false."""
    assert "all" in client.get(FAULTS, params={"all": "1"}).json()["message"]


def test_the_token_that_opened_the_door_is_the_one_that_expires(sandbox, client):
    """Of two authorizations the first opens, so the first is the one that opens no more."""
    first, second = sandbox._state.tokens.issue(), sandbox._state.tokens.issue()
    sandbox.add_fault(Fault(token="expired"))

    headers = [("Authorization", f"Bearer {token}") for token in (first, second)]
    assert client.post("/events/name/e", json={"email": "a@b.c"}, headers=headers).status_code == 401

    assert not sandbox._state.tokens.opens(first)
    assert sandbox._state.tokens.opens(second)
