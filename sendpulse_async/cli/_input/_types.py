"""The types that `--type` knows, and how a value comes to be of one."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import date
from enum import Enum
from typing import Any, Self

from ..._plain import Check

# Stricter than Python's own readers, which take 1_000, blanks and the digits of every script.
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ANSWERS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class ValueType(Enum):
    """What a field's value shall be.

    Attributes:
        meaning: What a value of this type must be.
    """

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Make a member of its name and its meaning."""
        member = object.__new__(cls)
        member._value_ = value
        member.meaning = meaning
        return member

    INT = "int", "an int, such as 12"
    FLOAT = "float", "a float, such as 12.5"
    BOOL = "bool", "true or false, yes or no, 1 or 0"
    STR = "str", "a string"
    JSON = "json", "JSON text"
    DATE = "date", "a date, such as 2026-11-30"


def convert(value: Any, value_type: ValueType) -> Any:
    """Return a value as one of the type; null stays null.

    What JSON does not know is first made what an event makes of it: so a record means the same in the failures file.

    Raises:
        ValueError: It is none; the text says what it must be.
    """
    if value is None:
        return None
    try:
        return _CONVERSIONS[value_type](value if type(value) is str else plain_value(value))
    except (ValueError, OverflowError, RecursionError):  # also a number of thousands of digits
        raise ValueError(f"must be {value_type.meaning}") from None


def plain_value(value: Any) -> Any:
    """Return what an event makes of a value that JSON does not know.

    Raises:
        ValueError: An event refuses it.
    """
    check = Check()
    plain = check.value("", value, 0)
    check.finish()  # an InvalidEventError is a ValueError
    return plain


def _int(value: Any) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(text := value.strip()):
        return int(text)
    if _is_number(value) and float(value).is_integer():
        return int(value)  # 17.0 is how data frames write a 17 in a column with gaps
    raise ValueError


def _float(value: Any) -> float:
    if _is_number(value) or (isinstance(value, str) and _NUMBER.fullmatch(value.strip())):
        number = float(value)
        if math.isfinite(number):
            return number
    raise ValueError


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    answer = _ANSWERS.get(str(value).strip().lower()) if isinstance(value, str | int) else None
    if answer is None:
        raise ValueError
    return answer


def _str(value: Any) -> str:
    if isinstance(value, str):
        return value
    if _is_number(value) and isinstance(value, int):
        return str(value)
    raise ValueError  # how a float reads is not for us to choose


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _date(value: Any) -> str:
    if isinstance(value, str) and _DAY.fullmatch(text := value.strip()):
        return date.fromisoformat(text).isoformat()
    raise ValueError


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_CONVERSIONS: dict[ValueType, Callable[[Any], Any]] = {
    ValueType.INT: _int,
    ValueType.FLOAT: _float,
    ValueType.BOOL: _bool,
    ValueType.STR: _str,
    ValueType.JSON: _json,
    ValueType.DATE: _date,
}
