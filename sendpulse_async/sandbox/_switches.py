"""The named switches: what SendPulse does not document, each with the default that the contract gives it."""

from __future__ import annotations

import math
from typing import Any

from attrs import Attribute, field, frozen


def _check_lifetime(_: object, attribute: Attribute[Any], value: Any) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0:
        raise ValueError(f"{attribute.name} must be a number of seconds, 0 or more")


def _to_names(value: Any) -> frozenset[str] | None:
    if isinstance(value, str):
        raise TypeError("known_events and known_hashes must be a set of texts or None, not one text")
    return None if value is None else frozenset(value)


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

    Raises:
        TypeError: A set of names is one text.
        ValueError: `token_lifetime` is negative or not a number.
    """

    known_events: frozenset[str] | None = field(default=None, converter=_to_names)
    known_hashes: frozenset[str] | None = field(default=None, converter=_to_names)
    events_need_object: bool = True
    events_need_contact: bool = True
    contacts_must_be_strings: bool = True
    refuse_duplicates: bool = False
    accepts_api_key: bool = True
    new_token_revokes_old: bool = False
    token_lifetime: float = field(default=3600, validator=_check_lifetime)
