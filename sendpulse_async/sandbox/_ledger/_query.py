"""The search grammar: one text, read into terms that must all hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from attrs import field, frozen

from ._terms import term_for, word_term

if TYPE_CHECKING:
    from ._entry import LedgerEntry
    from ._terms import Term

_MAX_TERMS: Final = 50
_BLANKS: Final = re.compile(r"\s*")
_HEAD: Final = re.compile(r'([^\s"]*?)(!=|>=|<=|[:=<>])')
_PLAIN: Final = re.compile(r"\S*")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED: Final = re.compile(r'\\(["\\])')


class QueryError(ValueError):
    """A search text is wrong: the message names the term, its place, and what to write instead."""


@frozen
class Query:
    """A search that was read; two of the same text are equal.

    Attributes:
        text: The search as it was written.
    """

    text: str
    _terms: tuple[Term, ...] = field(eq=False, repr=False)

    def matches(self, entry: LedgerEntry) -> bool:
        """Tell whether every term holds for this entry."""
        return all(term(entry) for term in self._terms)


def parse_query(text: str) -> Query:
    """Return the search that this text spells; an empty one matches every entry.

    Terms are separated by blanks, and all must hold: `key:text` (contains), `key:` (is there), `key=text`,
    `key!=text`, `key>text` and its kin, or a bare word; `-` before a term turns it round, and `"quotes"` keep blanks.

    Args:
        text: Such as `event:purchase var.total>10 -is:duplicate`.

    Raises:
        QueryError: A term is wrong.
    """
    terms: list[Term] = []
    at = _end(_BLANKS, text, 0)
    while at < len(text):
        if len(terms) == _MAX_TERMS:
            raise _wrong(text, at, f"a search has up to {_MAX_TERMS} terms")
        term, end = _read_term(text, at)
        terms.append(term)
        at = _end(_BLANKS, text, end)
    return Query(text, tuple(terms))


def _read_term(text: str, at: int) -> tuple[Term, int]:
    is_negated = text[at] == "-"
    begin = at + is_negated
    head = _HEAD.match(text, begin)
    value, end = _read_value(text, at, head.end() if head else begin)
    try:
        term = term_for(head[1], head[2], value) if head else _word(text, begin, value)
    except ValueError as error:
        raise _wrong(text, at, str(error)) from None
    return (_negate(term) if is_negated else term), end


def _read_value(text: str, at: int, begin: int) -> tuple[str, int]:
    if not text.startswith('"', begin):
        end = _end(_PLAIN, text, begin)
        return text[begin:end], end
    match = _QUOTED.match(text, begin)
    if match is None:
        raise _wrong(text, at, 'a quote is left open: write " at its end, and \\" for a quote inside')
    if _end(_PLAIN, text, match.end()) > match.end():
        raise _wrong(text, at, "a quoted text ends its term: write a blank after it")
    return _ESCAPED.sub(r"\1", match[1]), match.end()


def _word(text: str, begin: int, word: str) -> Term:
    if begin == len(text) or text[begin].isspace():
        raise ValueError('nothing follows the -: write the term right after it, or "-" to look for the sign')
    if text.startswith("-", begin) and begin and text[begin - 1] == "-":
        raise ValueError(f'one - is enough: write "{word}" in quotes to look for a text that begins with it')
    return word_term(word)


def _negate(term: Term) -> Term:
    return lambda entry: not term(entry)


def _wrong(text: str, at: int, reason: str) -> QueryError:
    shown = text[at : _end(_PLAIN, text, at)]
    shown = shown if len(shown) <= 60 else f"{shown[:60]}..."
    return QueryError(f"{shown!r} at character {at + 1}: {reason}")


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
