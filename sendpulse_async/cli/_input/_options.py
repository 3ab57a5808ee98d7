"""How the input is to be read: what the command line's texts say, checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import attrs
from cyclopts import Parameter

from ... import ConfigurationError
from ._types import ValueType, convert

T = TypeVar("T")
_Repeatable = Parameter(negative=(), show_default=False)
STDIN = Path("-")


class Kind(Enum):
    """What the input is."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


@attrs.frozen
class InputOptions:
    """How the input is to be read.

    Args:
        file: It; `-` is stdin.
        kind: What it is; None: its name's end says so.
        mapping: The event's field → the input's column.
        constants: The event's field → what every event gets in it, as text.
        types: The event's field → what its values shall be.
        skip: Rows to pass over at the beginning.
        limit: Rows to take at most.

    Raises:
        ConfigurationError: An option is wrong; the text names it.
    """

    file: Path
    kind: Kind | None = None
    mapping: Mapping[str, str] = attrs.field(factory=dict[str, str])
    constants: Mapping[str, str] = attrs.field(factory=dict[str, str])
    types: Mapping[str, ValueType] = attrs.field(factory=dict[str, ValueType])
    skip: int = 0
    limit: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.is_stdin and self.kind in {None, Kind.PARQUET}:
            raise ConfigurationError(
                "--format csv or --format jsonl must say what stdin is; nothing else is read from it"
            )
        for option, rows in (("--skip", self.skip), ("--limit", self.limit)):
            if rows is not None and rows < 0:
                raise ConfigurationError(f"{option} must be 0 rows or more")
        for field in self.constants:
            if field in self.mapping:
                raise ConfigurationError(f"--const {field}: --map names this field too; leave one of them out")
        self.typed_constants()

    @property
    def is_stdin(self) -> bool:
        """Whether the input has no name."""
        return self.file == STDIN

    def typed_constants(self) -> dict[str, Any]:
        """Return the constants as `types` wants them."""
        constants: dict[str, Any] = dict(self.constants)
        for field, text in self.constants.items():
            if field in self.types:
                try:
                    constants[field] = convert(text, self.types[field])
                except ValueError as error:
                    raise ConfigurationError(f"--const {field}: {error}, as --type says") from None
        return constants


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class InputFlags:
    """The options of a command that reads a list, as they are typed.

    Attributes:
        format: What FILE is, where its name does not end in .csv, .jsonl, .ndjson or .parquet (or .gz after these).
        map: FIELD=COLUMN, the column of FILE that holds a field of the event, such as email=Email; may be repeated.
        const: FIELD=TEXT, a field that every event gets, such as source=import; may be repeated.
        type: FIELD=TYPE, what a field's values shall be: int, float, bool, str, json or date; may be repeated.
        skip: Rows of FILE to pass over.
        limit: Rows of FILE to take at most; by default all.
    """

    format: Kind | None = None
    map: Annotated[tuple[str, ...], _Repeatable] = ()
    const: Annotated[tuple[str, ...], _Repeatable] = ()
    type: Annotated[tuple[str, ...], _Repeatable] = ()
    skip: int = 0
    limit: int | None = None


NO_FLAGS: Final = InputFlags()
"""A command's default, which cyclopts wants to have where all fields have one."""


def parse_options(file: Path, flags: InputFlags) -> InputOptions:
    """Return what the options say.

    Raises:
        ConfigurationError: As `InputOptions`; a text is named by its place, since it may hold anything.
    """
    return InputOptions(
        file,
        flags.format,
        _unique("--map", _pairs("--map", "FIELD=COLUMN", flags.map)),
        _unique("--const", _pairs("--const", "FIELD=TEXT", flags.const, may_be_empty=True)),
        _unique("--type", _types(flags.type)),
        flags.skip,
        flags.limit,
    )


def _pairs(option: str, form: str, texts: Sequence[str], *, may_be_empty: bool = False) -> Iterator[tuple[str, str]]:
    for place, text in enumerate(texts, 1):
        field, equals, value = text.partition("=")
        if not (field.strip() and equals and (value.strip() or may_be_empty)):
            raise ConfigurationError(f"{option} number {place} is not {form}")
        yield field.strip(), value if may_be_empty else value.strip()


def _types(texts: Sequence[str]) -> Iterator[tuple[str, ValueType]]:
    known = {value_type.value: value_type for value_type in ValueType}
    for place, (field, name) in enumerate(_pairs("--type", "FIELD=TYPE", texts), 1):
        if name not in known:
            raise ConfigurationError(f"--type number {place} names no type; the types are {', '.join(known)}")
        yield field, known[name]


def _unique(option: str, pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    unique: dict[str, T] = {}
    for place, (field, value) in enumerate(pairs, 1):
        if field in unique:
            first = [*unique].index(field) + 1
            raise ConfigurationError(f"{option} number {place} names the field of number {first} again")
        unique[field] = value
    return unique
