"""How the input is to be read: what the command line's texts become, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cyclopts
import pytest
from canaries import assert_silent, texts_of_error

from sendpulse_async import ConfigurationError
from sendpulse_async.cli._input import NO_FLAGS, InputFlags, InputOptions, Kind, ValueType, parse_options

FILE = Path("a.csv")


def test_texts_become_options():
    """A text is split at its first equals sign; blanks belong to a constant alone."""
    flags = InputFlags(
        format=Kind.JSONL,
        map=("email=E-Mail (work)", " a.b = x=y "),
        const=("source= a=b ", "note="),
        type=("a.b=float",),
        skip=3,
        limit=0,
    )

    assert parse_options(FILE, flags) == InputOptions(
        FILE,
        kind=Kind.JSONL,
        mapping={"email": "E-Mail (work)", "a.b": "x=y"},
        constants={"source": " a=b ", "note": ""},
        types={"a.b": ValueType.FLOAT},
        skip=3,
        limit=0,
    )


def test_the_command_line_gives_the_flags():
    """A command with these flags has an option for each of them, which may be repeated where it takes pairs."""
    given = []
    app = cyclopts.App("program")

    @app.default
    def read(file: Annotated[Path, cyclopts.Parameter(allow_leading_hyphen=True)], /, *, flags: InputFlags = NO_FLAGS):
        given.append((file, flags))

    arguments = "- --format jsonl --map a=b --map c=d --const e=f --type a=int --type c=json --skip 1 --limit 2"
    app(arguments, result_action="return_value", exit_on_error=False)

    assert given == [
        (
            Path("-"),
            InputFlags(
                format=Kind.JSONL,
                map=("a=b", "c=d"),
                const=("e=f",),
                type=("a=int", "c=json"),
                skip=1,
                limit=2,
            ),
        )
    ]


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ({"map": ["a=b", "canary"]}, "--map number 2 is not FIELD=COLUMN"),
        ({"map": ["=canary"]}, "--map number 1 is not FIELD=COLUMN"),
        ({"map": ["canary= "]}, "--map number 1 is not FIELD=COLUMN"),
        ({"const": ["canary"]}, "--const number 1 is not FIELD=TEXT"),
        ({"const": [" =canary"]}, "--const number 1 is not FIELD=TEXT"),
        ({"type": ["canary"]}, "--type number 1 is not FIELD=TYPE"),
        (
            {"type": ["a=int", "b=canary"]},
            "--type number 2 names no type; the types are int, float, bool, str, json, date",
        ),
        ({"map": ["a=b", "c=d", " a =canary"]}, "--map number 3 names the field of number 1 again"),
        ({"const": ["x=", "a=b", "a=canary"]}, "--const number 3 names the field of number 2 again"),
        ({"type": ["a=int", "a=int"]}, "--type number 2 names the field of number 1 again"),
        ({"map": ["a=b"], "const": ["a=canary"]}, "--const a: --map names this field too; leave one of them out"),
        (
            {"const": ["a=canary"], "type": ["a=float"]},
            "--const a: must be a float, such as 12.5, as --type says",
        ),
        ({"skip": -1}, "--skip must be 0 rows or more"),
        ({"limit": -1}, "--limit must be 0 rows or more"),
    ],
)
def test_wrong_options_are_named(flags, reason):
    """An option is named by itself and its number, never by its text, which may hold anything."""
    with pytest.raises(ConfigurationError) as caught:
        parse_options(FILE, InputFlags(**{name: tuple(v) if isinstance(v, list) else v for name, v in flags.items()}))

    assert str(caught.value) == reason
    assert_silent(*texts_of_error(caught.value))


@pytest.mark.parametrize("kind", [None, Kind.PARQUET])
def test_stdin_needs_a_kind_of_text(kind):
    """Stdin has no name that could say what it is, and Parquet is read from its end."""
    with pytest.raises(ConfigurationError, match="--format csv or --format jsonl must say what stdin is"):
        InputOptions(Path("-"), kind)
