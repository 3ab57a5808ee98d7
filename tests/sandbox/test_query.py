"""The search grammar: what each term asks of a request, and what is said of a wrong one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async.sandbox._ledger import QueryError, parse_query

from .stage import HASH, JSON
from .stage import named_entry as entry


def holds(text, **changes):
    return parse_query(text).matches(entry(**changes))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "email:anna@",
        "EMAIL:EXAMPLE",
        "email=Anna@Example.com",
        "email!=anna@example.com",
        "phone:380",
        "phone=+380501234567",
        "event:purch",
        "event:",
        "door:name",
        "door=NAME",
        "door!=raw",
        "status:200",
        "status:2xx",
        "status=2XX",
        "status!=429",
        "status<400",
        "status:",
        "sequence:7",
        "sequence>6.5",
        "taken:yes",
        "taken!=no",
        "method:post",
        "type:json",
        "body:anna",
        "body:",
        "header.x-trace:abc",
        "header.X-Trace=Abc",
        "header.authorization:",
        "var.total>10",
        "var.total>=12.5",
        "var.total=12.50",
        "var.count=3",
        "var.count=3.0",
        "var.count<10",
        "var.form>9",
        "var.form=15",
        "var.paid=true",
        "var.paid:TRUE",
        "var.note=null",
        "var.note:",
        "var.date>=2026-01-31",
        "var.date<2026-03-02",
        "var.tags:VIP",
        "var.tags=new",
        "var.tags.1=vip",
        "var.empty:",
        "var.products.0.name:tea",
        "var.products.name=Coffee",
        "var.products.sizes.ml>200",
        "var.products:coffee",
        "var.missing!=x",
        'var.name:"tea \\\\ \\"GREEN\\""',
        "Олена",
        "олена",
        '"@example.com"',
        "PURCHASE",
        "is:accepted",
        "-is:refused",
        "-email:nobody",
        "email:anna event:purchase -status:4xx",
        '-"no such text"',
    ],
)
def test_a_term_that_holds(text):
    """Each kind of term finds what it names."""
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "email:bob",
        "email=anna@example.com",
        "event=purchase",
        "door:raw",
        "status:4xx",
        "status:20",
        "status:none",
        "code:",
        "code:8",
        "sequence:70",
        "taken:no",
        "var.total>12.5",
        "var.count>10",
        "var.form=15.0",
        "var.missing:",
        "var.missing>0",
        "var.empty=x",
        "var.products.5.name:",
        "var.products.0.name=Coffee",
        "var.products>1",
        "header.x-none:",
        "header.authorization:hidden",
        "header.authorization:bearer",
        "header.authorization>A",
        "hidden",
        "is:refused",
        "is:duplicate",
        "-email:anna",
        "email:anna email:bob",
    ],
)
def test_a_term_that_does_not_hold(text):
    """Each kind of term leaves out what it does not name."""
    assert not holds(text)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("status:none", {"status": None}),
        ("-status:", {"status": None}),
        ("code:2020202020", {"error_code": 2020202020}),
        ("is:duplicate", {"duplicate_of": 3}),
        ("is:odd", {"payload": {}}),
        ("is:refused taken:no", {"is_taken": False}),
        ("-event: door:raw", {"event": None, "door": "raw", "path": f"/events/id/{HASH}/1"}),
        ("-email: -phone:", {"payload": ["x"]}),
        ("var.x=1", {"payload": [{"x": 1}]}),
        ("-var.x:", {"payload": "x"}),
    ],
)
def test_a_term_about_other_requests(text, changes):
    """Answers that were not given, refusals, duplicates and odd requests are found too."""
    assert holds(text, **changes)


@pytest.mark.parametrize("text", [f"header.referer:{HASH}", "header.referer>a", HASH])
def test_a_raw_urls_hash_never_matches(text):
    """It is a secret, wherever a header repeats it."""
    changes = {"door": "raw", "path": f"/events/id/{HASH}/1", "headers": (("referer", f"http://x/events/id/{HASH}/1"),)}

    assert not holds(text, **changes)


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("colour:red", 1, "the keys are email, phone"),
        ("email:a  http://x", 10, "in quotes"),
        (">10", 1, "no key"),
        ("var.:x", 1, "var.total"),
        ("header.=x", 1, "header.host"),
        ("email.x:1", 1, "no key"),
        ("status:abc", 1, "status:4xx"),
        ("status>abc", 1, "status>400"),
        ("code:x", 1, "code:429"),
        ("a is:", 3, "is:odd"),
        ("is>odd", 1, "is:odd"),
        ("door:token", 1, "door:raw or door:name"),
        ("taken:maybe", 1, "taken:yes or taken:no"),
        ('a "b', 3, "quote"),
        ('email:"b\\"', 1, "quote"),
        ('"a"b', 1, "blank"),
        ("a - b", 3, "nothing follows"),
        ("-", 1, "nothing follows"),
        ("--a", 1, "one -"),
        ("x" * 200 + ":1", 1, "..."),
    ],
)
def test_a_wrong_term_names_itself_its_place_and_the_way_out(text, place, hint):
    """The error tells the term, its first character counted from 1, and what to write instead."""
    with pytest.raises(QueryError) as caught:
        parse_query(text)

    assert f"at character {place}:" in str(caught.value)
    assert hint in str(caught.value)


def test_a_query_is_a_value():
    """It keeps its text, and two of the same text are equal."""
    assert parse_query("a b").text == "a b"
    assert parse_query("a b") == parse_query("a b") != parse_query("a")


PIECES = st.sampled_from(
    [
        "email",
        "var.total",
        "var.",
        "header.",
        "status",
        "is",
        "odd",
        ":",
        "=",
        "!=",
        ">",
        "<=",
        "-",
        '"',
        "\\",
        " ",
        "4xx",
    ]
)
TEXTS = st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=3))).map("".join))


@given(TEXTS, JSON)
def test_no_text_breaks_it(text, payload):
    """Any text is a search that can be asked of any payload, or a QueryError."""
    try:
        query = parse_query(text)
    except QueryError:
        return
    assert query.matches(entry(payload=payload)) in (True, False)


@given(TEXTS, JSON)
def test_a_minus_turns_a_term_round(text, payload):
    """`-term` holds exactly where `term` does not."""
    term = text.strip()
    try:
        straight, turned = parse_query(term), parse_query(f"-{term}")
    except QueryError:
        return
    if len(parse_query(term)._terms) == 1 and not term.startswith("-"):
        asked = entry(payload=payload)
        assert straight.matches(asked) is not turned.matches(asked)


@given(st.text())
def test_quotes_keep_any_text(text):
    """A quoted text, with quotes and backslashes escaped, is looked for as it is."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')

    assert holds(f'var.x="{quoted}"', payload={"x": text})
    assert holds(f'"{quoted}"', event=text)
    assert not holds(f'var.x="{quoted}"', payload={"x": f"{text}!"})


def test_a_search_has_an_end():
    """Who asks for thousands of words at once is told how many there may be."""
    assert parse_query("a " * 50).matches(entry(event="banana"))
    with pytest.raises(QueryError, match="up to 50 terms"):
        parse_query("a " * 51)
