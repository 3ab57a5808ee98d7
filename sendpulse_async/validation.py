"""Addresses and numbers, on request: one spelling for each, and a clear no for what cannot be one. No network, ever."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, overload

import attrs
import email_validator  # pip install 'sendpulse-async[validate]'
import phonenumbers  # pip install 'sendpulse-async[validate]'

from ._errors import ConfigurationError, InvalidEventError
from ._events import Event, Refused
from ._plain import Check
from ._senders import read_event
from .typed import EventLike
from .typed._declaration import declaration_of

__all__ = ["Normalizer", "Refused"]


@attrs.frozen
class Normalizer:
    """Brings the address and the number of an event into one spelling, and refuses what cannot be one.

    An address keeps what stands before the @ (but for `Info@` and its like, which RFC 2142 has in any case); its domain
    becomes lower-case ASCII, which every mail server takes: `ana@Bücher.example` becomes `ana@xn--bcher-kva.example`.
    Letters beyond ASCII before the @ are let through; whether SendPulse takes them is not known. Quoted parts and IP
    addresses are refused.

    A number becomes `+380501234567` (E.164), with the plus sign of SendPulse's own samples of events. Without a plus
    sign it is read as one of `region`, then as one with its country code. Without either, a national number may pass
    for another country's (one in ten of the USA's): name the region, or write the plus sign.

    Args:
        region: Of numbers without a country code: two letters of ISO 3166, such as "UA".

    Raises:
        ConfigurationError: There is no such region.
    """

    region: str | None = None

    def __attrs_post_init__(self) -> None:
        region = self.region
        if region is not None and not (isinstance(region, str) and region in phonenumbers.SUPPORTED_REGIONS):
            raise ConfigurationError(f'region: {region!r} is none; give two capital letters of ISO 3166, such as "UA"')

    def __call__(self, event: EventLike) -> Event:
        """Return the event with its contact normalised; the same object where there is nothing to change.

        Args:
            event: An `Event`, the flat mapping of SendPulse's documentation, or an object of a class with `@event`.
                `Event.custom` is left as it is.

        Raises:
            InvalidEventError: It is no event, or its address, its number or both are wrong; neither is quoted.
        """
        event, check = read_event(event), Check()
        email = event.email and _email(check, event.email)
        phone = event.phone and _phone(check, event.phone, self.region)
        check.finish()
        if (email, phone) == (event.email, event.phone):
            return event
        return attrs.evolve(event, email=email, phone=phone)

    @overload
    def each(self, events: AsyncIterable[EventLike]) -> AsyncIterator[Event | Refused]: ...

    @overload
    def each(self, events: Iterable[EventLike]) -> Iterator[Event | Refused]: ...

    def each(self, events: Any) -> Any:
        """Normalise the input of a bulk run, one event at a time: a wrong one is `Refused` and ends nothing but itself.

        Args:
            events: Any iterable or async iterable, as for `send_many`; its own errors come through.

        Returns:
            An iterator, or an async iterator, of as many.

        Raises:
            ConfigurationError: It is neither, or one event.
        """
        if isinstance(events, AsyncIterable):
            return _AsyncEach(self, aiter(events))
        is_one = isinstance(events, str | bytes | Mapping | Event) or declaration_of(events) is not None
        if is_one or not isinstance(events, Iterable):
            raise ConfigurationError("events must be an iterable or async iterable of events")
        return map(self._event_or_refused, events)

    def _event_or_refused(self, given: Any) -> Event | Refused:
        try:
            return self(given)
        except InvalidEventError as error:
            return Refused(given, error.problems)


class _AsyncEach:
    """No generator: nothing to close for a run that stops early, and a cancelled wait does not end it."""

    def __init__(self, normalizer: Normalizer, events: AsyncIterator[Any]) -> None:
        self._normalizer = normalizer
        self._events = events

    def __aiter__(self) -> AsyncIterator[Event | Refused]:
        return self

    async def __anext__(self) -> Event | Refused:
        return self._normalizer._event_or_refused(await anext(self._events))  # noqa: SLF001 - this module's own


# E-mail

_LONGEST = 254
"""Bytes of an address (RFC 5321, erratum 1690); a longer one is not worth the library's time."""

# Said in full, so that no default that a program sets for its own forms reaches us.
_read_email = partial(
    email_validator.validate_email,
    allow_smtputf8=True,
    allow_empty_local=False,
    allow_quoted_local=False,
    allow_domain_literal=False,
    allow_display_name=False,
    check_deliverability=False,
)

_TOO_LONG = "is too long for an address"
_BEFORE = "has before the @ what may not stand there: a sign, or a dot at an end"
_AFTER = "has after the @ what may not stand there"
_NO_ENDING = "has a domain without an ending such as .com"

# What the library says, and what we do: its texts quote parts of the address, so none of them is passed on.
_REASONS = (
    ("two periods in a row", "has two dots in a row"),
    ("too long", _TOO_LONG),
    ("so many characters", _TOO_LONG),
    ("should have a period", _NO_ENDING),
    ("top-level domain", _NO_ENDING),
    ("special-use", "has a domain that is reserved and gets no mail"),
    ("Quoting", "has a quoted part before the @; such addresses are not taken"),
    ("bracket", "has brackets; give the address alone, with a domain and no IP address"),
    ("IDNA", "has a domain that is no international name"),
    ("hyphen", "has a domain with a hyphen at the end of a part"),
    ("start with a period", _BEFORE),
    ("end with a period", "ends with a dot"),
    ("before the @-sign", _BEFORE),
    ("after the @-sign", _AFTER),
    ("unsafe characters", "has signs that cannot be seen or told apart"),
)


def _email(check: Check, email: str) -> str | None:
    if len(email) > _LONGEST:
        check.note("email", _TOO_LONG)
        return None
    try:
        read = _read_email(email)
    except ValueError as fault:  # its own errors and those of its IDNA library
        text = str(fault)
        check.note("email", next((ours for theirs, ours in _REASONS if theirs in text), "is no address"))
        return None
    return f"{read.local_part}@{read.ascii_domain}"


# Phone

_PLUS = re.compile(r"[^\d+＋]*[+＋]")  # noqa: RUF001 - the full-width sign is meant
# What stands before an international number that has no plus sign; no country code begins with a zero.
_BEFORE_CODE = re.compile(r"\D*(?:[0０]{2})?")  # noqa: RUF001 - likewise


def _phone(check: Check, phone: str, region: str | None) -> str | None:
    number = None if any(map(str.isalpha, phone)) else _valid_number(phone, region)
    if number is None:
        check.note("phone", _what_is_wrong(phone, region))
    elif number.extension is not None:
        check.note("phone", "has an extension, which no message reaches; leave it out")
    else:
        # The plus sign stands in every sample of an event (/knowledge-base/email-service/automation360/), though their
        # +123456789 is nobody's and so is refused here. Digits alone are what the SMS service's own calls take.
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return None


def _valid_number(phone: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    for text, home in _readings(phone, region):
        try:
            number = phonenumbers.parse(text, home)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return number
    return None


def _readings(phone: str, region: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield the ways to read a number, the likeliest first, each with the region that it belongs to."""
    if _PLUS.match(phone):
        yield phone, None
        return
    if region is not None:
        yield phone, region
    yield _BEFORE_CODE.sub("+", phone, count=1), None


def _what_is_wrong(phone: str, region: str | None) -> str:
    # The library would make digits of letters, or nothing, and so perhaps another person's number.
    if any(map(str.isalpha, phone)):
        return "has letters; give the number alone, without a name or an extension"
    if _PLUS.match(phone):
        return "is not a number of any country: its code, its length or its first digits are wrong"
    if region is not None:
        return f"is neither a number of {region} nor one with a country code"
    return "is not a number with a country code; write one, or name the region of numbers without"
