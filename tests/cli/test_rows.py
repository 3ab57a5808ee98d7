"""The input of `send-many`: which rows a file has, and what is said of those that cannot be read."""

from __future__ import annotations

import os

import pytest

from sendpulse_async import Event, InvalidEventError
from sendpulse_async.cli._rows import InputError, count_rows, read_rows


def rows_of(path):
    return [(row.line, row.problems or dict(row)) for row in read_rows(path)]


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
    (row,) = read_rows(write("a.csv", "email,automation_id\nnobody,welcome\n"))

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
    (row,) = read_rows(write("a.csv", text))

    assert (row.line, row.problems) == (2, (problem,))
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
    wrong, right = read_rows(write("a.jsonl", f'{text}\n{{"email": "a@b"}}\n'))

    assert wrong.line == 1
    assert wrong.problems[0].startswith(problem)
    assert dict(right) == {"email": "a@b"}


def test_a_wrong_csv_line_does_not_hide_the_next(write):
    """Reading goes on behind a line that is not CSV."""
    path = write("a.csv", 'email\n"a"b\nc@d\n')

    assert [(row.line, bool(row.problems)) for row in read_rows(path)] == [(2, True), (3, False)]


def test_json_values_keep_their_types(write):
    """A JSON line is the flat object itself."""
    path = write("a.jsonl", '{"email": "a@b", "automation_id": 5, "total": 1.5, "items": [{"id": 1}]}')

    assert rows_of(path) == [(1, {"email": "a@b", "automation_id": 5, "total": 1.5, "items": [{"id": 1}]})]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"", "no header: line 1 must name the columns"),
        ("a.csv", b"\n\n", "no header: line 1 must name the columns"),
        ("a.csv", b"ann@example.com,Oslo\n", "no header: line 1 names no column email or phone"),
        ("a.csv", b"email;city\n", "no header: line 1 names no column email or phone; columns are separated by commas"),
        ("a.csv", b"email,city,city\n", "line 1 gives columns 2 and 3 the same name"),
        ("a.csv", b'"email"x\n', "line 1 is not CSV: ',' expected after '\"'"),
        ("a.csv", b"email\na@b\n\xff@b\n", "line 3 is not UTF-8; save the file as UTF-8"),
        ("a.csv", "email\n".encode("utf-16"), "line 1 is not UTF-8; save the file as UTF-8"),
        ("a.jsonl", b'{}\n{"email": "\xe9@b"}\n', "line 2 is not UTF-8; save the file as UTF-8"),
        ("a.xlsx", b"", "unknown kind of file: its name must end in .csv or .jsonl"),
        ("csv", b"", "unknown kind of file: its name must end in .csv or .jsonl"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(write, name, content, reason):
    """What concerns the whole file is one error, whose text quotes none of it."""
    with pytest.raises(InputError) as caught:
        count_rows(write(name, content))

    assert str(caught.value) == reason


def test_what_is_no_file_says_why(tmp_path):
    """A missing file, a folder and a pipe are refused without waiting for anything."""
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")

    for name, reason in (
        ("none.csv", "No such file or directory"),
        ("folder.csv", "not a file that can be read twice"),
        ("pipe.csv", "not a file that can be read twice"),
    ):
        with pytest.raises(InputError, match=reason):
            count_rows(tmp_path / name)
