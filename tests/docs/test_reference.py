"""The reference shows every public name, once, with what its constructor takes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections import Counter
from functools import reduce

import attrs
import pytest
import reference
from pages import ROOT

import sendpulse_async

SHOWN = [
    name
    for page in sorted((ROOT / "docs/reference").glob("*.md"))
    for name in reference.names_of(page.read_text(encoding="utf-8"))
]
NOT_FOR_PROGRAMS = {"sendpulse_async.__main__", "sendpulse_async.cli"}
BASE = "sendpulse_async"


def resolved(path):
    """Return the thing that a full name stands for."""
    names, module = path.split("."), None
    for length in range(1, len(names) + 1):
        try:
            module = importlib.import_module(".".join(names[:length]))
        except ModuleNotFoundError:
            return reduce(getattr, names[length - 1 :], module)
    return module


def public_modules():
    found = pkgutil.walk_packages(sendpulse_async.__path__, f"{BASE}.")
    names = [each.name for each in found if not any(part.startswith("_") for part in each.name.split("."))]
    return [BASE, *(name for name in names if not any(name.startswith(other) for other in NOT_FOR_PROGRAMS))]


def public_names(module):
    """Return what a module offers: what its `__all__` has, or what is its own."""
    names = getattr(module, "__all__", None)
    own = [name for name, thing in vars(module).items() if getattr(thing, "__module__", None) == module.__name__]
    return [name for name in (own if names is None else names) if not name.startswith("_")]


@pytest.mark.parametrize("module", public_modules())
def test_no_public_name_is_missing(module):
    """Each has its place in a page of `docs/reference`: a line `::: ` with its full name."""
    shown = [resolved(name) for name in SHOWN]
    offered = importlib.import_module(module)

    missing = [name for name in public_names(offered) if getattr(offered, name) not in shown]

    assert missing == [], f"add `::: {module}.{missing[0]}` to a page in docs/reference"


def test_each_name_is_shown_once():
    """A link to a name leads to one place."""
    assert [name for name, times in Counter(SHOWN).items() if times > 1] == []


def test_each_page_is_in_the_list_of_pages():
    """The first page of the reference leads to all others."""
    index = (ROOT / "docs/reference/index.md").read_text(encoding="utf-8")

    pages = {page.name for page in (ROOT / "docs/reference").glob("*.md")} - {"index.md"}
    assert [page for page in sorted(pages) if f"({page})" not in index] == []


def is_attrs_class(thing):
    return inspect.isclass(thing) and attrs.has(thing)


@pytest.mark.parametrize("name", [name for name in SHOWN if is_attrs_class(resolved(name))])
def test_what_a_constructor_takes_is_shown(name):
    """Of an attrs class the reference has the very parameters that Python has, though it reads the source alone."""
    taken = inspect.signature(resolved(name)).parameters.values()

    told = list(reference.member_of(name).parameters)[1:]  # without `self`

    assert [(each.name, each.kind.value) for each in told] == [(each.name, kinds(each)) for each in taken]
    assert [each.default is None for each in told] == [each.default is each.empty for each in taken]


def kinds(parameter):
    return {parameter.KEYWORD_ONLY: "keyword-only", parameter.POSITIONAL_OR_KEYWORD: "positional or keyword"}[
        parameter.kind
    ]


def test_a_page_without_the_site_has_what_the_site_has():
    """For readers of plain Markdown a directive becomes the signature and the docstring."""
    text = reference.expanded("# Events\n\n::: sendpulse_async.Event\n")

    assert text.startswith("# Events\n\n## sendpulse_async.Event\n\n```python\nEvent(")
    assert "email: str | None = None" in text
    assert "What happened to one person" in text
    assert "### Event.from_mapping" in text
    assert ":::" not in text
    assert "_keep" not in text


def test_the_variables_of_the_environment_are_those_that_are_read():
    """Who sets up a service finds each variable that a sender looks for, and none that it does not."""
    index = (ROOT / "docs/reference/index.md").read_text(encoding="utf-8")
    listed = re.findall(r"`(SENDPULSE_\w+)`", index)

    senders = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "sendpulse_async/_senders").glob("*.py"))
    assert set(listed) == set(re.findall(r"\bSENDPULSE_[A-Z_]+", senders))
