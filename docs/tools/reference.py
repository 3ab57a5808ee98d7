"""The reference as plain Markdown, for readers without the site: each directive becomes a signature and a docstring."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import griffe
from pages import ROOT

DIRECTIVE = re.compile(r"^::: (\S+)$", re.MULTILINE)
_EXTENSION = str(Path(__file__).with_name("attrs_classes.py"))


def names_of(text: str) -> list[str]:
    """Return the full names that a page of the reference shows."""
    return DIRECTIVE.findall(text)


def expanded(text: str) -> str:
    """Return a page with its directives replaced by what they stand for."""
    return DIRECTIVE.sub(lambda found: _told(found[1]), text)


@cache
def _package() -> griffe.Module:
    extensions = griffe.load_extensions(_EXTENSION)
    package = griffe.load("sendpulse_async", search_paths=[str(ROOT)], extensions=extensions, resolve_aliases=True)
    assert isinstance(package, griffe.Module)  # noqa: S101 - a package is a module
    return package


def member_of(name: str) -> griffe.Object | griffe.Alias:
    """Return what is known of a public thing by its full name."""
    return _package()[name.removeprefix("sendpulse_async.")]


def _told(name: str) -> str:
    member = member_of(name)
    parts = [f"## {name}"]
    parts += _explained(member)
    for each in _members(member):
        parts += [f"### {member.name}.{each.name}", *_explained(each)]
    return "\n\n".join(parts)


def _members(member: griffe.Object | griffe.Alias) -> list[griffe.Object | griffe.Alias]:
    if not (member.is_class or member.is_module):
        return []
    shown = member.exports if member.is_module and member.exports else None
    return [
        each
        for name, each in member.all_members.items()
        if not name.startswith("_") and (name in shown if shown else each.is_function or each.is_class)
    ]


def _explained(member: griffe.Object | griffe.Alias) -> list[str]:
    signature = f"```python\n{member.signature()}\n```" if member.is_function or member.is_class else ""
    text = member.docstring.value if member.docstring else ""
    return [part for part in (signature, text) if part]
