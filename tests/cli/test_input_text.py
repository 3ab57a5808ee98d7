"""CSV and JSON lines: which rows a file has, and what is said of those that cannot be read."""

from __future__ import annotations

import gzip

import pytest
from canaries import assert_silent, texts_of_error

from sendpulse_async import Event, InvalidEventError
from sendpulse_async.cli._input import InputError, Kind
from sendpulse_async.cli._input._lines import MAX_LINE

from .conftest import input_of, rows_of

NEED = "it must, or --map email=COLUMN must say which one it is"
UNKNOWN = (
    "unknown kind of file: its name must end in .csv, .jsonl, .ndjson (with or without .gz) or .parquet,"
    " or --format must say what it is"
)
NUL = "has a NUL character: the file is damaged, or not UTF-8; save it anew as UTF-8"
UNPACKED = "cannot be unpacked: this is no gzip file, or cut off, or damaged"


def test_cells_become_fields(write):
    """Columns become fields, empty cells are absent, and a whole automation_id is a number."""
    path = write("a.csv", "email,phone,automation_id,city\nann@example.com,, 17 ,Oslo\n,+15550100001,,\n")

    assert rows_of(path) == [
        (2, {"email": "ann@example.com", "automation_id": 17, "city": "Oslo"}),
        (3, {"phone": "+15550100001"}),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_name(write):
    """What Excel saves as UTF-8 is read."""
    assert rows_of(write("a.csv", b"\xef\xbb\xbfemail\r\nann@example.com\r\n")) == [(2, {"email": "ann@example.com"})]
    assert rows_of(write("a.jsonl", b'\xef\xbb\xbf{"email": "a@b"}\n')) == [(1, {"email": "a@b"})]


def test_blank_rows_are_passed_over(write):
    """Blank lines and rows of empty cells are no events, and the lines after them keep their numbers."""
    assert rows_of(write("a.CSV", "email,city\n\n , \na@b,x\n")) == [(4, {"email": "a@b", "city": "x"})]
    assert rows_of(write("a.JSONL", '\n  \n{"email": "a@b"}\n')) == [(3, {"email": "a@b"})]


def test_a_record_over_several_lines_is_named_by_its_first(write):
    """A quoted cell may hold line ends; the next record's number counts them."""
    path = write("a.csv", 'email,note\na@b,"one\ntwo"\nc@d,x\n')

    assert rows_of(path) == [(2, {"email": "a@b", "note": "one\ntwo"}), (4, {"email": "c@d", "note": "x"})]


def test_a_wrong_automation_id_is_left_to_the_event(write):
    """What is no number stays text, so that the event names it among all its other problems."""
    (row,) = input_of(write("a.csv", "email,automation_id\nnobody,welcome\n")).rows()

    with pytest.raises(InvalidEventError) as caught:
        Event.from_mapping(row)

    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["email", "automation_id"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("email,city\na@b\n", "the line has 1 cells, the header has 2"),
        ("email,city\na@b,x,y\n", "the line has 3 cells, the header has 2"),
        ("email,\na@b,x\n", "a cell stands in a column without a name"),
        ('email,city\na@b,"x"y\n', "the line is not CSV: ',' expected after '\"'"),
        ('email,city\na@b,"x\ny\n', "lines 2 to 3 are one record that is not CSV: unexpected end of data"),
        ("email,city\na@b," + "x" * 140_000 + "\n", "the line is not CSV: field larger than field limit (131072)"),
    ],
)
def test_a_wrong_csv_line_is_a_problem_of_its_own(write, text, problem):
    """A line that cannot be read becomes a row that says why when it is read."""
    (row,) = input_of(write("a.csv", text)).rows()

    assert (row.line, row.problems) == (2, (problem,))
    assert (row.given, row.text) == (None, text.partition("\n")[2].removesuffix("\n"))
    for read in (lambda: dict(row), lambda: len(row), lambda: row["email"]):
        with pytest.raises(InvalidEventError, match=r"cell|CSV"):
            read()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"email": }', "the line is not JSON: Expecting value, at character 11"),
        ("[1]", "the line must be one JSON object"),
        ("1" * 5000, "the line is no JSON that can be read: Exceeds the limit"),
        ("[" * 200_000, "the line is no JSON that can be read: "),
    ],
)
def test_a_wrong_json_line_is_a_problem_of_its_own(write, text, problem):
    """A broken line is named, and those after it are read."""
    wrong, right = input_of(write("a.jsonl", f'{text}\r\n{{"email": "a@b"}}\n')).rows()

    assert (wrong.line, wrong.given, wrong.text) == (1, None, text)
    assert wrong.problems[0].startswith(problem)
    assert dict(right) == {"email": "a@b"}


def test_a_wrong_csv_line_does_not_hide_the_next(write):
    """Reading goes on behind a line that is not CSV."""
    path = write("a.csv", 'email\n"a"b\nc@d\n')

    assert [(row.line, bool(row.problems)) for row in input_of(path).rows()] == [(2, True), (3, False)]


def test_json_values_keep_their_types(write):
    """A JSON line is the flat object itself."""
    path = write("a.jsonl", '{"email": "a@b", "automation_id": 5, "total": 1.5, "items": [{"id": 1}]}')

    assert rows_of(path) == [(1, {"email": "a@b", "automation_id": 5, "total": 1.5, "items": [{"id": 1}]})]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("email;city;total\na@b;x;1,5\n", {"email": "a@b", "city": "x", "total": "1,5"}),
        ("email\tcity\na@b\tx,y;z\n", {"email": "a@b", "city": "x,y;z"}),
        ("email,city;state\na@b,x\n", {"email": "a@b", "city;state": "x"}),
        ('"email";"city"\n"a@b";"x;y"\n', {"email": "a@b", "city": "x;y"}),
        ("email\na;b\n", {"email": "a;b"}),
    ],
)
def test_the_header_shows_what_separates_cells(write, text, fields):
    """Commas do; semicolons or tabs do where commas would make one cell of the header and these make several."""
    assert rows_of(write("a.csv", text)) == [(2, fields)]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.JSONL.GZ", "a.csv", "a.csv.gz"])
def test_a_name_says_what_a_file_is(write, name):
    """The name's end decides, and a further `.gz` unpacks it."""
    is_json = "json" in name or "JSON" in name
    content = b'\n{"email": "a@b"}\n' if is_json else b"email\na@b\n"
    path = write(name, gzip.compress(content) if name.lower().endswith("gz") else content)

    assert rows_of(path) == [(2, {"email": "a@b"})]
    assert input_of(path).count() == 1


def test_the_kind_that_is_told_beats_the_name(write):
    """With a kind the name may be any; a `.gz` at its end still unpacks it."""
    assert rows_of(write("a.csv", '{"email": "a@b"}'), kind=Kind.JSONL) == [(1, {"email": "a@b"})]
    assert rows_of(write("a.gz", gzip.compress(b"email\na@b")), kind=Kind.CSV) == [(2, {"email": "a@b"})]


def test_members_of_a_gzip_file_are_one_text(write):
    """What was appended with `gzip >>` is read too."""
    path = write("a.csv.gz", gzip.compress(b"email\na@b\n") + gzip.compress(b"c@d\n"))

    assert [line for line, _ in rows_of(path)] == [2, 3]


def unpacked(count):
    return b"email\n" + b"".join(b"user%d@example.com\n" % number for number in range(count))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"", "no header: line 1 must name the columns"),
        ("a.csv", b"\n\n", "no header: line 1 must name the columns"),
        ("a.csv", b"ann@example.com,Oslo\n", f"line 1 names no column email or phone: {NEED}"),
        (
            "a.csv",
            b"mail\n",
            f"line 1 names no column email or phone: {NEED}; columns are separated by commas, semicolons or tabs",
        ),
        ("a.csv", b"email,city,city\n", "line 1 gives columns 2 and 3 the same name"),
        ("a.csv", b'"email"x\n', "line 1 is not CSV: ',' expected after '\"'"),
        ("a.csv", b"x" * 140_000, "line 1 is not CSV: field larger than field limit (131072)"),
        ("a.csv", b"email\nann@example.com\n\xff@b\n", "line 3 is not UTF-8; save the file as UTF-8"),
        ("a.csv", "email\n".encode("utf-16"), "line 1 is not UTF-8; save the file as UTF-8"),
        ("a.csv", "email\n".encode("utf-16-be"), f"line 1 {NUL}"),
        ("a.jsonl", b'{}\n{"email": "ann\xe9@example.com"}\n', "line 2 is not UTF-8; save the file as UTF-8"),
        ("a.jsonl", b'{"email": "ann@example.com"}\n\0\0\0', f"line 2 {NUL}"),
        (
            "a.jsonl",
            b"\n" + b"ann@example.com" * (MAX_LINE // 15 + 1),
            "line 2 is longer than 10 MB; each record needs a line of its own",
        ),
        ("a.csv.gz", unpacked(3), f"line 1 {UNPACKED}"),
        ("a.csv.gz", gzip.compress(unpacked(3))[:-8], f"line 5 {UNPACKED}"),
        ("a.csv.gz", gzip.compress(unpacked(3)) + b"ann@example.com", f"line 5 {UNPACKED}"),
        ("a.csv.gz", gzip.compress(unpacked(3))[:-8] + bytes(8), f"line 5 {UNPACKED}"),
        ("a.xlsx", b"", UNKNOWN),
        ("a.parquet.gz", b"", UNKNOWN),
        ("csv", b"", UNKNOWN),
    ],
)
def test_a_file_that_cannot_be_read_says_why(write, name, content, reason):
    """What concerns the whole file is one error, whose text, traceback and pickle quote none of it."""
    path = write(name, content)

    for read in (lambda: input_of(path).count(), lambda: [*input_of(path).rows()]):
        with pytest.raises(InputError) as caught:
            read()
        assert str(caught.value) == reason
        assert_silent(*texts_of_error(caught.value))


def test_a_gzip_file_that_breaks_off_is_read_so_far(write):
    """The line that the error names is the one after the last row."""
    path = write("a.csv.gz", gzip.compress(unpacked(50_000))[:60_000])
    lines = []

    with pytest.raises(InputError) as caught:
        lines += (row.line for row in input_of(path).rows())

    assert lines[:3] == [2, 3, 4]
    assert str(caught.value) == f"line {lines[-1] + 1} {UNPACKED}"


def test_a_line_may_be_as_long_as_the_limit(write):
    """The longest line is still a row."""
    record = b'{"email": "a@b", "note": ""}'
    path = write("a.jsonl", record.replace(b'""', b'"' + b"x" * (MAX_LINE - len(record)) + b'"'))

    ((line, fields),) = rows_of(path)

    assert (line, len(fields["note"])) == (1, MAX_LINE - len(record))


def test_what_is_no_file_says_why(tmp_path):
    """A missing file and a folder are refused at once."""
    (tmp_path / "folder.csv").mkdir()

    for name, reason in (("none.csv", "No such file or directory"), ("folder.csv", "is a folder, not a file")):
        for read in (input_of(tmp_path / name).count, input_of(tmp_path / name).rows):
            with pytest.raises(InputError) as caught:
                read()
            assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "email,city\nann@example.com\n"),
        ("a.csv", 'email,city\nann@example.com,"x"y\n'),
        ("a.csv", "email,\nann@example.com,x\n"),
        ("a.jsonl", '{"email": "ann@example.com", }\n'),
        ("a.jsonl", '{"email": "ann@example.com\\x"}\n'),
        ("a.jsonl", '{"email": "ann@example.com\t"}\n'),
        ("a.jsonl", '"ann@example.com"\n'),
        ("a.jsonl", '{"_failure": {"text": "ann@example.com"}}\n'),
    ],
)
def test_the_problem_of_a_row_quotes_nothing(write, name, text):
    """Neither the problem nor the error that it becomes holds anything of the line."""
    (row,) = input_of(write(name, text)).rows()

    assert row.problems
    assert "ann@example.com" in row.text
    with pytest.raises(InvalidEventError) as caught:
        dict(row)
    assert_silent(repr(row), *texts_of_error(caught.value))


def test_a_file_that_may_not_be_read_says_why(write, monkeypatch):
    """The operating system's reason is told, without the path that the command line names anyway."""
    path = write("a.csv", "email\na@b\n")

    def refuse(*_):
        raise PermissionError(13, "Permission denied", "canary")

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(InputError) as caught:
        input_of(path).count()

    assert str(caught.value) == "Permission denied"
