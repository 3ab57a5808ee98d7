"""The named switches: what SendPulse does not document, each with the default that the contract gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from attrs import Attribute, field, fields, frozen

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_MAX_LIMIT: Final = 1_000_000
_MAX_LIFETIME: Final = 1_000_000_000


def _check_bool(_: object, attribute: Attribute[Any], value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{attribute.name} must be true or false")  # noqa: TRY004  the one error of a wrong value


def _check_lifetime(_: object, attribute: Attribute[Any], value: Any) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= _MAX_LIFETIME:
        raise ValueError(f"{attribute.name} must be a number of seconds, 0 or more and up to {_MAX_LIFETIME}")


def _check_limit(_: object, attribute: Attribute[Any], value: Any) -> None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (is_whole and 1 <= value <= _MAX_LIMIT):
        raise ValueError(f"{attribute.name} must be a whole number from 1 to {_MAX_LIMIT}, or None")


def _to_names(name: str, value: Any) -> frozenset[str] | None:
    if value is None:
        return None
    if isinstance(value, str):
        raise TypeError(f"{name} must be a set of texts or None, not one text")
    if not isinstance(value, list | tuple | set | frozenset):
        raise TypeError(f"{name} must be a set of texts or None")
    names = list(cast("Collection[Any]", value))
    if not all(isinstance(each, str) for each in names):
        raise TypeError(f"{name} must be a set of texts or None")
    return frozenset(names)


def _to_events(value: Any) -> frozenset[str] | None:
    return _to_names("known_events", value)


def _to_hashes(value: Any) -> frozenset[str] | None:
    return _to_names("known_hashes", value)


def _told(certainty: str, label: str) -> dict[str, str]:
    return {"certainty": certainty, "label": label}


@frozen(kw_only=True)
class Switches:
    """Choose what the sandbox does where SendPulse's behaviour is likely or guessed, not sure.

    Each switch is a row of the wire contract that is marked L (likely) or G (a guess). A client must cope with either
    position.

    Args:
        known_events: Names that exist; any other is refused with error 102 (L). None: every name exists.
        known_hashes: Hashes of raw event URLs that exist; any other is refused with error 102 (G). None: every
            well-formed URL exists.
        events_need_object: Refuse a body that is JSON but not an object with error 999 (G).
        events_need_contact: Refuse an event without an e-mail address and a phone number with error 8 (G). Turn it
            off for events whose data structure is *Custom*.
        contacts_must_be_strings: Refuse an `email` or `phone` that is neither text nor null with 422 (L).
        refuse_duplicates: Answer an event that the ledger holds already with 200, `result: false` and SendPulse's
            "Dublicate data" (L).
        accepts_api_key: Let a static API key stand in for a token (L).
        new_token_revokes_old: Let each new token revoke those before it (G).
        token_lifetime: Seconds that a token lives; the token endpoint tells them as `expires_in`.
        requests_per_second: Event requests of one account in a second; more are refused with 429 and error 2020202020
            (L). The account is the number in a raw URL, or the demo account where a token or a key opens. Requests
            that are refused for this do not count. None: no limit.
        requests_per_minute: The same for a minute; what SendPulse says then is not known, so the text is the
            sandbox's own (L).

    Raises:
        TypeError: A set of names is one text, or no texts.
        ValueError: Another switch has a value that makes no sense; the text names it.
    """

    known_events: frozenset[str] | None = field(
        default=None,
        converter=_to_events,
        metadata=_told("L", "Only these event names exist (error 102)"),
    )
    known_hashes: frozenset[str] | None = field(
        default=None,
        converter=_to_hashes,
        metadata=_told("G", "Only these hashes of raw event URLs exist (error 102)"),
    )
    events_need_object: bool = field(
        default=True, validator=_check_bool, metadata=_told("G", "A body must be a JSON object (error 999)")
    )
    events_need_contact: bool = field(
        default=True, validator=_check_bool, metadata=_told("G", "An event must have an email or a phone (error 8)")
    )
    contacts_must_be_strings: bool = field(
        default=True, validator=_check_bool, metadata=_told("L", "email and phone must be strings (422)")
    )
    refuse_duplicates: bool = field(
        default=False, validator=_check_bool, metadata=_told("L", 'A repeated event is refused ("Dublicate data")')
    )
    accepts_api_key: bool = field(
        default=True, validator=_check_bool, metadata=_told("L", "An API key stands in for a token")
    )
    new_token_revokes_old: bool = field(
        default=False, validator=_check_bool, metadata=_told("G", "A new token revokes those before it")
    )
    token_lifetime: float = field(
        default=3600, validator=_check_lifetime, metadata=_told("S", "Seconds that a token lives")
    )
    requests_per_second: int | None = field(
        default=None, validator=_check_limit, metadata=_told("L", "Requests a second of one account (429)")
    )
    requests_per_minute: int | None = field(
        default=None, validator=_check_limit, metadata=_told("L", "Requests a minute of one account (429)")
    )


SWITCH_NAMES: Final = tuple(each.name for each in fields(Switches))


def require_known(names: Iterable[str]) -> None:
    """Refuse names that are no switch's.

    Raises:
        ValueError: One is not; the text lists those that are.
    """
    unknown = sorted(set(names) - set(SWITCH_NAMES))
    if unknown:
        raise ValueError(f"{unknown[0]} is no switch; the switches are {', '.join(SWITCH_NAMES)}")
