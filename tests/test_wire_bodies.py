"""The three encodings, read back by parsers that are not ours."""

from __future__ import annotations

import email.parser
import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from python_multipart.multipart import MultipartParser

from sendpulse_async import BodyFormat, Event, InvalidEventError
from sendpulse_async._wire import NamedDoor, RawDoor, parse_base_url, parse_event_url
from sendpulse_async._wire._bodies import ENCODERS
from sendpulse_async._wire._doors import Way

SAMPLES = Path(__file__).parent / "samples"
SAMPLE_URL = "https://events.sendpulse.com/events/id/eb561baa181247d1cd378c4ead632877/7043663"
FORMS = [BodyFormat.URLENCODED, BodyFormat.FORM_DATA]


def read_urlencoded(content_type, body):
    assert content_type == b"application/x-www-form-urlencoded"
    return parse_qsl(
        body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), encoding="utf-8", errors="strict"
    )


def read_multipart(content_type, body):
    """The fields as a strict RFC 2046 parser finds them, names unescaped as browsers escape them."""
    kind, _, boundary = content_type.partition(b"; boundary=")
    assert kind == b"multipart/form-data"
    parts, ended = [], []
    callbacks = {
        "on_part_begin": lambda: parts.append({"head": b"", "data": b""}),
        "on_header_field": lambda data, start, end: parts[-1].update(head=parts[-1]["head"] + data[start:end] + b": "),
        "on_header_value": lambda data, start, end: parts[-1].update(head=parts[-1]["head"] + data[start:end]),
        "on_part_data": lambda data, start, end: parts[-1].update(data=parts[-1]["data"] + data[start:end]),
        "on_end": lambda: ended.append(True),
    }
    parser = MultipartParser(boundary, callbacks)
    assert parser.write(body) == len(body)
    parser.finalize()
    assert ended == [True]
    heads = [re.fullmatch(rb'Content-Disposition: form-data; name="([^"\r\n]*)"', part["head"]) for part in parts]
    names = [head[1].replace(b"%22", b'"').replace(b"%0D", b"\r").replace(b"%0A", b"\n") for head in heads]
    return [(name.decode(), part["data"].decode()) for name, part in zip(names, parts, strict=True)]


READERS = {BodyFormat.URLENCODED: read_urlencoded, BodyFormat.FORM_DATA: read_multipart}


def fields_of(body_format, payload):
    return READERS[body_format](*ENCODERS[body_format](payload))


def sample(name):
    return json.loads((SAMPLES / name).read_text())


def tidy(payload):
    return {key: value.strip() if key == "email" else value for key, value in payload.items()}


WITH_FLOW = {"email": "test1@test1.com", "automation_id": 123, "products": [{"name": "x", "price": 9.5}]}


@pytest.mark.parametrize(
    "payload", [sample("raw.json"), sample("by-name.json"), WITH_FLOW], ids=["raw", "name", "flow"]
)
def test_a_raw_sample_leaves_as_documented(payload):
    """SendPulse's sample leaves by the event URL as the same JSON value, its stray blank removed, with its headers."""
    door = RawDoor(parse_event_url(SAMPLE_URL, ()), BodyFormat.RAW)

    request = door.request(Event.from_mapping(payload), Way())

    headers = dict(request.headers)
    assert request.target.url == SAMPLE_URL
    assert json.loads(request.body) == tidy(payload)
    assert (headers[b"Host"], headers[b"Content-Type"]) == (b"events.sendpulse.com", b"application/json")
    assert (headers[b"Content-Length"], headers[b"Accept-Encoding"]) == (b"%d" % len(request.body), b"identity")
    assert b"Authorization" not in headers


@pytest.mark.parametrize("body_format", FORMS)
@pytest.mark.parametrize("payload", [sample("raw.json"), sample("by-name.json")], ids=["raw", "name"])
def test_a_sample_leaves_as_a_form(payload, body_format):
    """SendPulse's flat samples leave as the same names and texts in both form encodings."""
    request = RawDoor(parse_event_url(SAMPLE_URL, ()), body_format).request(Event.from_mapping(payload), Way())

    headers = dict(request.headers)
    fields = READERS[body_format](headers[b"Content-Type"], request.body)
    assert dict(fields) == {name: str(value) for name, value in tidy(payload).items()}
    assert headers[b"Content-Length"] == b"%d" % len(request.body)


@pytest.mark.parametrize(
    ("names", "path"),
    [
        (("registration", None, None), "registration"),
        ((None, "registration", None), "registration"),
        ((None, None, "registration"), "registration"),
        (("call", "event", "sender"), "call"),
        ((None, "event", "sender"), "event"),
    ],
)
def test_an_event_by_name_leaves_as_documented(names, path):
    """The call's name beats the event's beats the sender's, and the variables leave as the sample's JSON."""
    call, own, default = names
    door = NamedDoor(parse_base_url("https://api.sendpulse.com", ()), default)

    request = door.request(Event.from_mapping(sample("by-name.json"), event_name=own), Way(event_name=call))

    assert request.target.url == f"https://api.sendpulse.com/events/name/{path}"
    assert json.loads(request.body) == sample("by-name.json")
    assert dict(request.headers)[b"Content-Type"] == b"application/json"
    assert "test1" not in repr(request)


@pytest.mark.parametrize(
    ("door", "own", "call"),
    [
        (RawDoor(parse_event_url(SAMPLE_URL, ()), BodyFormat.RAW), "paid", None),
        (RawDoor(parse_event_url(SAMPLE_URL, ()), BodyFormat.RAW), None, "paid"),
        (NamedDoor(parse_base_url("https://api.sendpulse.com", ()), None), None, None),
        (NamedDoor(parse_base_url("https://api.sendpulse.com", ()), "paid"), None, ".."),
    ],
)
def test_a_name_too_many_or_too_few_is_a_clear_error(door, own, call):
    """A raw URL names its event, an authorised endpoint does not: either mistake is named, before any I/O."""
    with pytest.raises(InvalidEventError, match=r"^event_name: "):
        door.request(Event(email="a@b.c", event_name=own), Way(event_name=call))


@pytest.mark.parametrize("body_format", FORMS)
@pytest.mark.parametrize(
    ("value", "fields"),
    [
        *[("text", [("v", "text")]), ("", [("v", "")]), (" a&b=c+d%20;\x00 ", [("v", " a&b=c+d%20;\x00 ")])],
        *[(True, [("v", "1")]), (False, [("v", "0")]), (None, []), ([], []), ({}, []), ([[], {"a": None}], [])],
        *[(19.9, [("v", "19.9")]), (-3, [("v", "-3")]), (2**70, [("v", str(2**70))]), (1e300, [("v", "1e+300")])],
        ([1, None, "x"], [("v[0]", "1"), ("v[2]", "x")]),
        ({"a": {"b": [False]}}, [("v[a][b][0]", "0")]),
        ([{"n": "x", "p": 1}, {"n": "y"}], [("v[0][n]", "x"), ("v[0][p]", "1"), ("v[1][n]", "y")]),
        ({"Назва": "Київ 🎉", "a b": "\u2028"}, [("v[Назва]", "Київ 🎉"), ("v[a b]", "\u2028")]),
        (
            {'q"q': 'say "hi"', "c\r\nd": "one\r\ntwo\nthree\r"},
            [('v[q"q]', 'say "hi"'), ("v[c\r\nd]", "one\r\ntwo\nthree\r")],
        ),
        ("--\r\n--x--\r\nContent-Disposition: form-data", [("v", "--\r\n--x--\r\nContent-Disposition: form-data")]),
    ],
)
def test_a_form_spells_each_json_type_as_promised(value, fields, body_format):
    """Each JSON type becomes the text, or the absence, that the docstring of BodyFormat says, in PHP's brackets."""
    assert fields_of(body_format, {"email": "a@b.c", "v": value}) == [("email", "a@b.c"), *fields]


def test_form_data_is_read_by_a_mail_parser():
    """A second parser, the one of the standard library, finds the same parts: the framing is RFC 2046."""
    content_type, body = ENCODERS[BodyFormat.FORM_DATA]({"email": "a@b.c", "products": [{"name": "Київ"}]})

    message = email.parser.BytesParser().parsebytes(b"Content-Type: " + content_type + b"\r\n\r\n" + body)

    assert message.is_multipart()
    assert not message.defects
    parts = [
        (part.get_param("name", header="content-disposition"), part.get_payload()) for part in message.get_payload()
    ]
    assert [name for name, _ in parts] == ["email", "products[0][name]"]
    assert parts[0][1] == "a@b.c"


def test_each_form_has_a_boundary_of_its_own():
    """Nobody can put a boundary into a value that was not known before the body was made."""
    types = {ENCODERS[BodyFormat.FORM_DATA]({"email": "a@b.c"})[0] for _ in range(20)}

    assert len(types) == 20


@pytest.mark.parametrize("body_format", FORMS)
def test_names_with_brackets_are_refused_all_at_once(body_format):
    """A name that nesting could not be told from is refused with its path, and every such name is listed."""
    payload = {"a[b": 1, "fine": {"x]": None, "y": [{"": 1}]}, "z": [[{"[]": []}]]}

    with pytest.raises(InvalidEventError) as caught:
        ENCODERS[body_format](payload)

    wrong = ["a[b", "x]", "", "[]"]
    assert len(caught.value.problems) == len(wrong)
    for problem, name, parents in zip(caught.value.problems, wrong, ["", "fine", "fine.y[0]", "z[0][0]"], strict=True):
        assert f"{parents}[{name!r}]: " in problem if parents else repr(name) in problem


@pytest.mark.parametrize("name", ["a[b", "]", "[]", ""])
def test_json_keeps_names_that_a_form_cannot(name):
    """The raw encoding refuses no name of a custom structure."""
    payload = {"deep": [{name: 1}]}

    content_type, body = ENCODERS[BodyFormat.RAW](payload)

    assert (content_type, json.loads(body)) == (b"application/json", payload)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="[]%"), min_size=1, max_size=8)
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=15)


def php_parsed(fields):
    """What PHP's brackets spell: objects of objects, where a list is an object of its positions."""
    top = {}
    for name, text in fields:
        head, *rest = name.split("[")
        place, path = top, [head, *(step.removesuffix("]") for step in rest)]
        for step in path[:-1]:
            place = place.setdefault(step, {})
        assert path[-1] not in place, "two fields of one name"
        place[path[-1]] = text
    return top


def php_built(value):
    """What `http_build_query` keeps of a value, in the same spelling; None: nothing."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        kept = {str(key): built for key, item in items if (built := php_built(item)) is not None}
        return kept or None
    if isinstance(value, bool):
        return str(int(value))
    return value if value is None or isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize("body_format", FORMS)
@given(payload=st.dictionaries(NAMES, JSON, max_size=4))
@example(payload={})
def test_any_payload_comes_back_out_of_a_form(body_format, payload):
    """An independent reader of PHP's brackets finds exactly what http_build_query would have kept."""
    assert php_parsed(fields_of(body_format, payload)) == (php_built(payload) or {})


@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_any_payload_comes_back_out_of_json(payload):
    """The raw encoding is UTF-8 JSON of the same value."""
    assert json.loads(ENCODERS[BodyFormat.RAW](payload)[1].decode("utf-8")) == payload
