"""Form fields back to nested values, the way PHP reads the brackets in their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME: Final = re.compile(r"([^\[]+)((?:\[[^\[\]]*\])*)")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}")
_MAX_DEPTH: Final = 64
"""PHP's `max_input_nesting_level`: it drops a field that is nested deeper."""


def nest(fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the object that these fields spell: `a[0][b]=c` becomes `{"a": [{"b": "c"}]}`.

    Every value stays text. `a[]` appends, a later field beats an earlier one, keys that count from 0 make a list, and
    a field without a name is dropped.

    Args:
        fields: Names with brackets, and values, in the order of the body.
    """
    root = _Node()
    for name, value in fields:
        keys = _split(name)
        if name and len(keys) <= _MAX_DEPTH:
            _put(root, keys, value)
    return {key: _with_lists(value) for key, value in root.items()}


def _split(name: str) -> list[str]:
    match = _NAME.fullmatch(name)
    if match is None:
        return [name]
    return [match[1], *re.findall(r"\[([^\]]*)\]", match[2])]


class _Node(dict[str, Any]):
    """Fields by name; an empty name is the number after the largest, as in PHP."""

    next_number = 0

    def name_for(self, step: str) -> str:
        name = step or str(self.next_number)
        if _NUMBER.fullmatch(name):
            self.next_number = max(self.next_number, int(name) + 1)
        return name


def _put(root: _Node, keys: list[str], value: str) -> None:
    node = root
    for step in keys[:-1]:
        key = node.name_for(step)
        if not isinstance(node.get(key), _Node):
            node[key] = _Node()
        node = node[key]
    node[node.name_for(keys[-1])] = value


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    node = {key: _with_lists(child) for key, child in cast("dict[str, Any]", value).items()}
    is_list = all(key == str(index) for index, key in enumerate(node))
    return list(node.values()) if is_list else node
