"""The list of `send-many`: options that say how it is read, and rows that know where they stand, one at a time.

A record that cannot be read becomes a row with problems, and the run makes a rejected outcome of it. What concerns the
whole input is an `InputError`. Neither text quotes the input: it is full of addresses.
"""

from ._input import Input
from ._options import NO_FLAGS, InputFlags, InputOptions, Kind, parse_options
from ._row import FAILURE_FIELD, InputError, Row
from ._types import ValueType, plain_value

__all__ = [
    "FAILURE_FIELD",
    "NO_FLAGS",
    "Input",
    "InputError",
    "InputFlags",
    "InputOptions",
    "Kind",
    "Row",
    "ValueType",
    "parse_options",
    "plain_value",
]
