"""What a test is told when its expectation is not met: what was asked for, and what came nearest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher, get_close_matches
from reprlib import Repr
from typing import Final

from ._expectation import ABSENT, Difference, Expectation, Seen

_NEAREST: Final = 3
_LISTED: Final = 5
_COMPARED: Final = 200
"""Of the nearest by count, the newest are compared letter by letter."""

_short: Final = Repr()  # whose constructor takes its limits from Python 3.12 on
_short.maxstring = _short.maxother = 80
_short.maxlevel = 4


def misfit(expectation: Expectation, seen: Sequence[Seen], refusals: Sequence[str] = (), forgotten: int = 0) -> str:
    """Say in which way what was sent is not what was expected.

    Args:
        expectation: What was expected.
        seen: All that was sent, oldest first.
        refusals: A heading, and a line for each event that was not taken, or nothing.
        forgotten: Events sent before these that are no longer known.
    """
    matches = [event for event in seen if not expectation.differences(event)]
    lines = [_heading(expectation, len(matches), len(seen)), *_table(expectation)]
    if matches:
        lines += [_matching(len(matches)), *_listing(matches)]
    if not expectation.is_enough(len(matches)):
        others = [event for event in seen if expectation.differences(event)]
        lines += [*_near(expectation, others), *_names(expectation, seen), *_raw_door(expectation, others), *refusals]
    if forgotten:
        lines.append(f"{counted(forgotten, 'older event')} no longer kept, and not looked at")
    return "\n".join(lines)


def unexpected(seen: Sequence[Seen]) -> str:
    """Say what was sent where nothing was to be."""
    return "\n".join([f"expected that nothing is sent, found {counted(len(seen), 'event')}:", *_listing(seen)])


def about(seen: Seen) -> str:
    """Return an event in a few words."""
    words = [seen.name or ("(raw)" if seen.is_nameless else "(no name)"), seen.contact("email"), seen.contact("phone")]
    return ", ".join(word for word in words if word)


def counted(count: int, noun: str) -> str:
    """Return so many of them: `1 event`, `2 events`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _heading(expectation: Expectation, found: int, among: int) -> str:
    times = expectation.times
    wanted = "at least 1 event" if times is None else f"exactly {counted(times, 'event')}" if times else "no such event"
    if not among:
        return f"expected {wanted}, but nothing was sent"
    return f"expected {wanted}, found {found or 'none'} among {among:,}"


def _table(expectation: Expectation) -> list[str]:
    rows = expectation.rows()
    width = max((len(str(name)) for name, _ in rows), default=0)
    return [f"  {name!s:{width}}  {_short.repr(value)}" for name, value in rows]


def _matching(count: int) -> str:
    return "this one matches:" if count == 1 else "these match:"


def _listing(seen: Sequence[Seen]) -> list[str]:
    width = len(str(seen[-1].number))
    lines = [f"  #{event.number:<{width}}  {about(event)}{_variables(event)}" for event in seen[:_LISTED]]
    return lines if len(seen) <= _LISTED else [*lines, f"  and {len(seen) - _LISTED:,} more"]


def _variables(event: Seen) -> str:
    if not isinstance(event.payload, dict):
        return f"  {_short.repr(event.payload)}"
    rest = {name: value for name, value in event.payload.items() if name not in ("email", "phone")}
    return f"  {_short.repr(rest)}" if rest else ""


def _near(expectation: Expectation, others: Sequence[Seen]) -> list[str]:
    if not others:
        return []
    missed = [(expectation.differences(event), event) for event in reversed(others)]
    fewest = min(len(differences) for differences, _ in missed)
    nearest = [one for one in missed if len(one[0]) == fewest][:_COMPARED]
    nearest.sort(key=lambda one: -sum(map(_likeness, one[0])))
    told = {_differing(differences, event): event for differences, event in reversed(nearest)}
    lines = ["nearest miss:" if len(told) == 1 else "nearest misses:"]
    for differing, event in list(reversed(told.items()))[:_NEAREST]:
        lines += [f"  #{event.number}  {about(event)}", *differing]
    return lines


def _likeness(difference: Difference) -> float:
    if difference.sent is ABSENT:
        return 0.0
    return SequenceMatcher(None, str(difference.expected)[:80], str(difference.sent)[:80]).ratio()


def _differing(differences: Sequence[Difference], event: Seen) -> tuple[str, ...]:
    width = max(len(difference.path) for difference in differences)
    lines: list[str] = []
    for difference in differences:
        lines.append(f"      {difference.path:{width}}  expected  {_short.repr(difference.expected)}")
        lines.append(f"      {'':{width}}  sent      {_sent(difference, event)}")
    return tuple(lines)


def _sent(difference: Difference, event: Seen) -> str:
    if difference.sent is not ABSENT:
        return _short.repr(difference.sent) + _kinds(difference)
    if difference.path == "event":
        return "no name: its URL names it" if event.is_nameless else "no name"
    last = difference.path.rpartition(".")[2]
    similar = get_close_matches(last, difference.beside, n=1)
    return f"nothing, but there is {similar[0]!r}" if similar else "nothing"


def _kinds(difference: Difference) -> str:
    """Name the types where the texts alone would look the same."""
    expected, sent = difference.expected, difference.sent
    if type(expected) is type(sent) or str(expected) != str(sent):
        return ""
    return "  (as text)" if isinstance(sent, str) else f"  (as {type(sent).__name__})"


def _names(expectation: Expectation, seen: Sequence[Seen]) -> list[str]:
    counts = Counter(event.name for event in seen if event.name is not None)
    if expectation.event is None or expectation.event in counts or not counts:
        return []
    similar = get_close_matches(expectation.event, counts, n=_LISTED)
    names = [*similar, *(name for name, _ in counts.most_common() if name not in similar)]
    told = ", ".join(f"{name!r} ({counts[name]:,})" for name in names[:_LISTED])
    more = f" and {len(names) - _LISTED:,} more names" if len(names) > _LISTED else ""
    return [f"no event is named {expectation.event!r}; those sent are {told}{more}"]


def _raw_door(expectation: Expectation, others: Sequence[Seen]) -> list[str]:
    if expectation.event is None or not any(event.is_nameless for event in others):
        return []
    return ["the raw door knows no names, its URL names the event: leave the name out to find what came that way"]
