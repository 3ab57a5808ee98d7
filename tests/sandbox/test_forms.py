"""Forms: PHP's brackets back to nested values, in both encodings."""

from __future__ import annotations

import pytest

from sendpulse_async.sandbox._wire._forms import nest


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ([("email", "a@b.c"), ("name", "")], {"email": "a@b.c", "name": ""}),
        ([("p[0][a]", "1"), ("p[0][b]", "2"), ("p[1][a]", "3")], {"p": [{"a": "1", "b": "2"}, {"a": "3"}]}),
        ([("p[]", "1"), ("p[]", "2")], {"p": ["1", "2"]}),
        ([("p[][a]", "1"), ("p[][a]", "2")], {"p": [{"a": "1"}, {"a": "2"}]}),
        ([("p[1]", "1"), ("p[2]", "2")], {"p": {"1": "1", "2": "2"}}),
        ([("p[1]", "x"), ("p[]", "y")], {"p": {"1": "x", "2": "y"}}),
        ([("p[5][a]", "x"), ("p[][a]", "y"), ("p[01]", "z")], {"p": {"5": {"a": "x"}, "6": {"a": "y"}, "01": "z"}}),
        ([("p[a][b][c]", "1")], {"p": {"a": {"b": {"c": "1"}}}}),
        ([("p", "1"), ("p[a]", "2")], {"p": {"a": "2"}}),
        ([("p[a]", "1"), ("p", "2")], {"p": "2"}),
        ([("p[a", "1"), ("[b]", "2"), ("c]", "3"), ("d[e]f", "4")], {"p[a": "1", "[b]": "2", "c]": "3", "d[e]f": "4"}),
        ([("0", "1"), ("1", "2")], {"0": "1", "1": "2"}),
        ([("", "1"), ("q", "2")], {"q": "2"}),
        ([("p" + "[a]" * 5000, "1"), ("q", "2")], {"q": "2"}),
        ([], {}),
    ],
)
def test_brackets_become_nested_values(fields, value):
    """Names with brackets spell objects and lists; what is no bracket stays in the name."""
    assert nest(fields) == value


FIELDS = {"email": "test1@test1.com", "city": "Київ & co", "products[0][name]": "x", "products[0][price]": "9.5"}
PAYLOAD = {"email": "test1@test1.com", "city": "Київ & co", "products": [{"name": "x", "price": "9.5"}]}


def test_the_raw_door_takes_an_urlencoded_form(sandbox, client):
    """An urlencoded event arrives as nested text values."""
    assert client.post(sandbox.event_url, data=FIELDS).json() == {"result": True}

    assert sandbox.events[0].payload == PAYLOAD
    assert sandbox.events[0].content_type == "application/x-www-form-urlencoded"


def test_the_named_door_takes_a_multipart_form(sandbox, client, by_key):
    """A multipart event arrives as nested text values; an uploaded file is none of its fields."""
    parts = {name: (None, text) for name, text in FIELDS.items()} | {"photo": ("photo.png", b"\x89PNG")}

    answer = client.post("/events/name/purchase", files=parts, headers=by_key)

    assert answer.json() == {"result": True}
    assert sandbox.events[0].payload == PAYLOAD


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n\r\n--x--"),
        ("multipart/form-data; boundary=x", b"no part at all"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Type: text/plain\r\n\r\n1\r\n--x--\r\n"),
        ("application/x-www-form-urlencoded", b"email=\xff"),
        ("application/x-www-form-urlencoded", b"email=%FF"),
    ],
)
def test_a_broken_form_is_badly_formed(sandbox, client, content_type, body):
    """A form that cannot be read gets 400 with code 999."""
    answer = client.post(sandbox.event_url, content=body, headers={"Content-Type": content_type})

    assert (answer.status_code, answer.json()["error_code"]) == (400, 999)


def test_an_empty_form_has_no_contact(sandbox, client):
    """No field at all is an object without contact."""
    answer = client.post(sandbox.event_url, content=b"", headers={"Content-Type": "application/x-www-form-urlencoded"})

    assert answer.json()["error_code"] == 8
