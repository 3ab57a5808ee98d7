"""`--map`, `--const`, `--type`, `--skip` and `--limit`: what they make of the records."""

from __future__ import annotations

import json

import pytest
from canaries import assert_silent

from sendpulse_async import Event
from sendpulse_async.cli._input import InputError, ValueType

from .conftest import input_of, rows_of

ALL_TYPES = {value_type.value: value_type for value_type in ValueType}


def one_json(write, record, **options):
    """The only row of one JSON line."""
    (row,) = input_of(write("one.jsonl", json.dumps(record)), **options).rows()
    return row


def test_mapped_fields_come_from_their_column_alone(write):
    """A mapped column is a field by its new name only, and beats a column that has this name."""
    path = write("a.csv", "email,Email,Stadt\nold@b,new@b,Oslo\nold@b,,\n")

    assert rows_of(path, mapping={"email": "Email", "address.city": "Stadt"}) == [
        (2, {"email": "new@b", "address.city": "Oslo"}),
        (3, {}),
    ]


def test_names_may_be_swapped_and_a_column_used_twice(write):
    """The mapping looks at the record as it is given, not at what it has become so far."""
    mapping = {"email": "phone", "phone": "email", "login": "email"}

    assert rows_of(write("a.csv", "email,phone\n+1555,a@b\n"), mapping=mapping) == [
        (2, {"email": "a@b", "phone": "+1555", "login": "+1555"})
    ]


def test_json_lines_may_lack_a_mapped_field(write):
    """What is no column in general is absent in that record alone."""
    path = write("a.jsonl", '{"Email": "a@b"}\n{"phone": "+1555", "email": "a@b"}\n')

    assert rows_of(path, mapping={"email": "Email"}) == [(1, {"email": "a@b"}), (2, {"phone": "+1555"})]


def test_constants_are_the_same_in_every_event(write):
    """A constant stands in every event, also where the input has another value; it has a type of its own."""
    path = write("a.csv", "email,source\na@b,web\n")
    options = {
        "constants": {"source": "import", "total": "5", "automation_id": "17"},
        "types": {"total": ValueType.INT},
    }

    assert rows_of(path, **options) == [(2, {"email": "a@b", "source": "import", "total": 5, "automation_id": 17})]


@pytest.mark.parametrize(
    ("value_type", "text", "value"),
    [
        ("int", " -12 ", -12),
        ("int", "+007", 7),
        ("float", "12.5", 12.5),
        ("float", "-.5e3", -500.0),
        ("float", "7", 7.0),
        ("bool", "True", True),
        ("bool", "yes", True),
        ("bool", "1", True),
        ("bool", "FALSE", False),
        ("bool", " no", False),
        ("bool", "0", False),
        ("str", " 12 ", " 12 "),
        ("json", '{"a": [1, null]}', {"a": [1, None]}),
        ("date", "2026-11-30", "2026-11-30"),
    ],
)
def test_text_becomes_a_value(write, value_type, text, value):
    """Each type reads its texts, by the event's name for the field."""
    quoted = text.replace('"', '""')
    path = write("a.csv", f'email,Col\na@b,"{quoted}"\nc@d,\n')

    first, second = input_of(path, mapping={"x": "Col"}, types={"x": ALL_TYPES[value_type]}).rows()

    assert (first["x"], type(first["x"])) == (value, type(value))
    assert first.given == {"email": "a@b", "Col": text}
    assert dict(second) == {"email": "c@d"}


@pytest.mark.parametrize(
    ("value_type", "given", "value"),
    [
        ("int", 5, 5),
        ("int", 17.0, 17),
        ("float", 5, 5.0),
        ("float", 1.5, 1.5),
        ("bool", True, True),
        ("bool", 0, False),
        ("str", 15550001111, "15550001111"),
        ("json", [1], [1]),
        ("json", None, None),
        ("int", None, None),
    ],
)
def test_a_value_may_be_there_already(write, value_type, given, value):
    """What has the type, or surely means a value of it, is taken; null stays null."""
    row = one_json(write, {"email": "a@b", "x": given}, types={"x": ALL_TYPES[value_type]})

    assert (row["x"], type(row["x"])) == (value, type(value))


@pytest.mark.parametrize(
    ("value_type", "given"),
    [
        *(("int", given) for given in ("", "x", "1.0", "1_000", "1 000", "٣", 1.5, True, [1])),
        *(("int", given) for given in ("9" * 5000, float("inf"))),
        *(("float", given) for given in ("", "1,5", "nan", "inf", "1e999", "1_0", True, {}, float("nan"))),
        ("float", 10**400),
        *(("bool", given) for given in ("", "ja", "2", 2, 1.0, [])),
        *(("str", given) for given in (1.5, True, [], {})),
        *(("json", given) for given in ("", "{", "ann@example.com", "[" * 200_000)),
        *(("date", given) for given in ("", "2026-02-30", "20261130", "2026-11-30T00:00", "30.11.2026", 20261130)),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_not_of_the_type_is_a_problem(write, value_type, given):
    """The problem names the field and what it must be, and does not quote what it is."""
    row = one_json(write, {"email": "a@b", "x": given}, types={"x": ALL_TYPES[value_type]})

    assert row.problems == (f"x: must be {ALL_TYPES[value_type].meaning}",)


def test_all_problems_of_a_row_are_told_together(write):
    """Each type that cannot be applied is told, and what the event itself would say; no field is told twice."""
    path = write("a.csv", "email,total,count,automation_id\nnobody,canary,canary,canary\n")
    types = {"total": ValueType.FLOAT, "count": ValueType.INT, "automation_id": ValueType.INT}

    (row,) = input_of(path, types=types).rows()

    assert [problem.partition(":")[0] for problem in row.problems] == ["total", "count", "automation_id", "email"]
    assert row.problems[0] == "total: must be a float, such as 12.5"
    assert row.given == {"email": "nobody", "total": "canary", "count": "canary", "automation_id": "canary"}
    assert_silent(*row.problems)


def test_a_field_that_is_right_is_no_problem_of_a_wrong_row(write):
    """Where one field is wrong, a whole automation_id in text is still a number."""
    path = write("a.csv", "email,total,automation_id\na@b,x,17\n")

    assert rows_of(path, types={"total": ValueType.INT}) == [(2, ("total: must be an int, such as 12",))]


def test_a_whole_automation_id_is_a_number_in_every_kind(write):
    """Text is made a number here too, so that a row of CSV means the same in the failures file."""
    assert one_json(write, {"email": "a@b", "automation_id": " 17 "})["automation_id"] == 17
    assert one_json(write, {"email": "a@b", "Flow": "17"}, mapping={"automation_id": "Flow"})["automation_id"] == 17
    assert one_json(write, {"automation_id": "17"}, types={"automation_id": ValueType.STR})["automation_id"] == "17"


def test_the_contact_may_come_from_elsewhere(write):
    """A header needs no email or phone of its own where a column is mapped to one, or a constant is one."""
    path = write("a.csv", "Mail,x\na@b,1\n")

    assert rows_of(path, mapping={"email": "Mail"}) == [(2, {"email": "a@b", "x": "1"})]
    assert rows_of(path, constants={"phone": "+1555"}) == [(2, {"Mail": "a@b", "x": "1", "phone": "+1555"})]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"mapping": {"phone": "Tel"}}, "--map phone: line 1 has no column of that name"),
        ({"mapping": {"login": "email"}}, "line 1 names no column email or phone: "),
        ({"types": {"totl": ValueType.INT}}, "--type totl: line 1 has no column of that name"),
        ({"mapping": {"x": "total"}, "types": {"total": ValueType.INT}}, "--type total: line 1 has no column of that"),
    ],
)
def test_a_header_that_does_not_fit_the_options_is_told_at_once(write, options, reason):
    """A mistyped name is no run in which every event lacks that field."""
    path = write("a.csv", "email,total\na@b,1\n")

    with pytest.raises(InputError) as caught:
        input_of(path, **options).count()

    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
@pytest.mark.parametrize(
    ("skip", "limit", "numbers"),
    [
        (0, None, [0, 1, 2, 3, 4]),
        (2, None, [2, 3, 4]),
        (0, 2, [0, 1]),
        (1, 2, [1, 2]),
        (4, 9, [4]),
        (9, None, []),
        (1, 0, []),
    ],
)
def test_some_of_the_rows(write, name, skip, limit, numbers):
    """Rows are passed over and taken as records, bad ones too and blank lines not; each keeps its line."""
    rows = ["{}", "a@b", None, "a@b", "a@b", "a@b"]
    if name == "a.csv":
        text = "email\n" + "".join("\n" if row is None else f"{row}\n" for row in rows)
        lines = [2, 3, 5, 6, 7]
    else:
        text = "".join("\n" if row is None else f'{{"email": "{row}"}}\n' for row in rows)
        lines = [1, 2, 4, 5, 6]
    source = input_of(write(name, text), skip=skip, limit=limit)

    assert [row.line for row in source.rows()] == [lines[number] for number in numbers]
    assert source.count() == len(numbers)


def test_what_is_beyond_the_limit_is_not_read(write):
    """Damage there does not concern a run that ends before it."""
    path = write("a.csv", b"email\na@b\n\xff\n")

    assert input_of(path, limit=1).count() == 1
    assert [row.line for row in input_of(path, limit=1).rows()] == [2]
    with pytest.raises(InputError, match="line 3 is not UTF-8"):
        input_of(path, limit=2).count()


def test_what_a_failures_file_adds_is_no_field(write):
    """The key is left out of the event and of the record as given."""
    row = one_json(write, {"email": "a@b", "_failure": {"line": 7}})

    assert dict(row) == row.given == {"email": "a@b"}


def test_a_row_is_what_a_sender_takes(write):
    """Rows become events as any other mapping."""
    path = write("a.csv", "Mail,total\nann@example.com,1.5\n")

    (row,) = input_of(path, mapping={"email": "Mail"}, types={"total": ValueType.FLOAT}).rows()

    assert Event.from_mapping(row).to_payload() == {"email": "ann@example.com", "total": 1.5}
