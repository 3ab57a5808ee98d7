"""Addresses and numbers, on request: what becomes of them, what is refused, and what a run makes of it."""

# ruff: noqa: RUF001 - signs that look like others are what people paste

from __future__ import annotations

import copy
import itertools
import pickle
import socket
from types import MappingProxyType

import attrs
import email_validator
import phonenumbers
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import (
    ConfigurationError,
    Event,
    InvalidEventError,
    OutcomeStatus,
    RawEventSender,
    send_many,
    validation,
)
from sendpulse_async.sandbox import Sandbox
from sendpulse_async.validation import Normalizer, Refused


@pytest.fixture
def offline(monkeypatch):
    """Let the network fail whoever asks it."""

    def refuse(*_args, **_kwargs):
        raise AssertionError("the network was asked")

    for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)


def problems_of(given, region=None) -> list[str]:
    with pytest.raises(InvalidEventError) as caught:
        Normalizer(region)(given)
    return list(caught.value.problems)


def only_problem_of(field, value, region=None) -> str:
    (problem,) = problems_of({field: value}, region)
    assert problem.startswith(f"{field}: ")
    return problem


# Addresses

ADDRESSES = {
    "ana@example.com": "ana@example.com",
    "  Ana.Lopez@EXAMPLE.Com\n": "Ana.Lopez@example.com",
    "ana+spring+sale@example.com": "ana+spring+sale@example.com",
    "o'brien_1!#$%&*/=?^`{|}~-@example.com": "o'brien_1!#$%&*/=?^`{|}~-@example.com",
    "1@2.example": "1@2.example",
    "x@a.b.c.d.co.uk": "x@a.b.c.d.co.uk",
    "INFO@example.com": "info@example.com",
    "Information@example.com": "Information@example.com",
    "ana@Bücher.example": "ana@xn--bcher-kva.example",
    "ana@bu\u0308cher.example": "ana@xn--bcher-kva.example",
    "ana@XN--bcher-KVA.example": "ana@xn--bcher-kva.example",
    "ana@straße.example": "ana@xn--strae-oqa.example",
    "ana@пошта.укр": "ana@xn--80a1acn3a.xn--j1amh",
    "ana@例え.テスト": "ana@xn--r8jz45g.xn--zckzah",
    "ana@ｅｘａｍｐｌｅ．com": "ana@example.com",
    "ana@example。com": "ana@example.com",
    "дмитро@пошта.укр": "дмитро@xn--80a1acn3a.xn--j1amh",
    "jose\u0301@example.com": "josé@example.com",
    "用户@example.com": "用户@example.com",
}

BAD_ADDRESSES = {
    "is not an address": [
        "ana", "ana.example.com", "@example.com", "ana@", "ana lopez@example.com", "ana@exam ple.com",
        "Ana <ana@example.com>", "ana＠example.com", '"ana lopez"@example.com', "ana@example.com, ben@example.com",
    ],
    "two dots": ["a..b@example.com", "ana@example..com"],
    "ends with a dot": ["ana@example.com.", "ana@example.com..", "ana@example.com。"],
    "before the @": [
        ".ana@example.com", "ana.@example.com", "a(b)@example.com", "ana,@example.com", "mailto:ana@example.com",
        "a\\b@example.com", "ana;@example.com", "@@example.com",
    ],
    "after the @": [
        "ana@.example.com", "a@b@example.com", "ana@exa_mple.com", "ana@exa!mple.com", "ana@☃.example",
        "ana@ab--c.example", "ana@example.com,ben@example.com", "ana@example.com;", "ana@example.com>", "ana@http://example.com",
    ],
    "without an ending": ["ana@example", "ana@127.0.0.1", "ana@localhost", "ana@example.5"],
    "reserved": ["ana@shop.test", "ana@example.invalid", "ana@printer.local", "ana@x.localhost", "ana@abc.onion"],
    "quoted": ['"a@b"@example.com', '"ana"@example.com', '"a..b"@example.com'],
    "brackets": ["<ana@example.com>", "ana@[192.0.2.1]", "ana@[IPv6:2001:db8::1]"],
    "hyphen": ["ana@-example.com", "ana@example-.com", "ana@example.com-"],
    "international name": ["ana@xn--a.example", "ana@1.xn--4dbc.example"],
    "cannot be seen": ["an\u200ba@example.com", "a\u202ena@example.com", "ana@exam\u200bple.com"],
    "too long": ["a" * 250 + "@example.com", "é" * 130 + "@example.com", f"ana@{'x' * 64}.com", "a@" + "b." * 50_000],
}  # fmt: skip


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(("given_", "normal"), ADDRESSES.items(), ids=ascii)
def test_an_address_has_one_spelling(given_, normal):
    """A real address comes out with its own local part and a lower-case ASCII domain, and is a fixed point then."""
    event = Normalizer()({"email": given_})

    assert event.email == normal
    assert Normalizer()(event) is event


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("reason", "address"), [(reason, bad) for reason, all_ in BAD_ADDRESSES.items() for bad in all_], ids=ascii
)
def test_an_address_is_refused_with_its_reason(reason, address):
    """What no mail reaches is refused by name, in words of ours that hold nothing of the address."""
    assert reason in only_problem_of("email", address)


def test_every_reason_comes_of_a_text_of_the_library():
    """None of the library's texts that we know has gone, and our own words alone are ever said."""
    said = {only_problem_of("email", bad)[7:] for all_ in BAD_ADDRESSES.values() for bad in all_}
    ours = {reason for _, reason in validation._REASONS}

    assert ours <= said
    assert {text for text in said - ours if not text.startswith("is not an address")} == set()


@pytest.mark.parametrize("text", ["The domain name canary.example does not exist.", "canary"])
def test_a_text_of_another_release_is_not_passed_on(monkeypatch, text):
    """What a later release of the library may say of an address stays where it is."""

    def refuse(_):
        raise email_validator.EmailNotValidError(text)

    monkeypatch.setattr(validation, "_read_email", refuse)

    assert only_problem_of("email", "ana@canary.example") == "email: is no address"


def test_a_programs_own_defaults_do_not_reach_us(monkeypatch):
    """The library's module-wide switches are set for a program's web forms, not for what SendPulse is sent."""
    for name in ("ALLOW_QUOTED_LOCAL", "ALLOW_DOMAIN_LITERAL", "ALLOW_DISPLAY_NAME"):
        monkeypatch.setattr(email_validator, name, True)
    monkeypatch.setattr(email_validator, "ALLOW_SMTPUTF8", False)

    assert "quoted" in only_problem_of("email", '"a@b"@example.com')
    assert "brackets" in only_problem_of("email", "<ana@example.com>")
    assert Normalizer()({"email": "josé@example.com"}).email == "josé@example.com"


# Numbers

NUMBERS = [
    # with a plus sign: whatever the region
    *[
        (spelling, region, "+380501234567")
        for spelling in (
            "+380501234567", " +38 (050) 123-45-67 ", "+38(0)50 1234567", "+380-50-123-45-67", "+380.50.123.45.67",
            "(+380)501234567", "+380\u00a050\u200b1234567", "\u202a+380501234567\u202c", "'+380501234567",
            "＋３８０５０１２３４５６７", "+٣٨٠٥٠١٢٣٤٥٦٧", "+380 50 123 45 67.",
        )
        for region in (None, "UA", "DE")
    ],
    # without: of the region, or with its country code
    *[
        (spelling, "UA", "+380501234567")
        for spelling in ("0501234567", "050 123-45-67", "(050) 123 45 67", "501234567")
    ],
    *[
        (spelling, region, "+380501234567")
        for spelling in (
            "380501234567", "38 050 123 45 67", "00380501234567", "00 380 50 123-45-67", "００380501234567",
        )
        for region in (None, "UA", "US")
    ],
    ("011380501234567", "US", "+380501234567"),
    ("(202) 555-0143", "US", "+12025550143"),
    ("1-202-555-0143", "US", "+12025550143"),
    ("12025550143", None, "+12025550143"),
    ("1-202-555-0143", "UA", "+12025550143"),
    ("020 7183 8750", "GB", "+442071838750"),
    ("+44 (0)20 7183 8750", None, "+442071838750"),
    ("030/901820", "DE", "+4930901820"),
    ("0151 23456789", "DE", "+4915123456789"),
    ("06 12 34 56 78", "FR", "+33612345678"),
    ("512 345 678", "PL", "+48512345678"),
    ("02 3661 8300", "IT", "+390236618300"),
    ("8 (912) 345-67-89", "RU", "+79123456789"),
    ("8 701 234 56 78", "KZ", "+77012345678"),
    ("(11) 96123-4567", "BR", "+5511961234567"),
    ("098765 43210", "IN", "+919876543210"),
    ("090-1234-5678", "JP", "+819012345678"),
    ("+1 246 250 1234", "GB", "+12462501234"),
    ("+800 1234 5678", None, "+80012345678"),
    ("2025550143", "US", "+12025550143"),
    # both a number of Italy and, with a plus sign, one of Ukraine: the region was named
    ("380501234567", "IT", "+39380501234567"),
]  # fmt: skip

BAD_NUMBERS = [
    *[
        (bad, region, "of any country")
        for bad in ("+123456789", "+38050123456", "+3805012345678", "+999501234567", "+0501234567", "+380 102", "+1")
        for region in (None, "UA")
    ],
    ("+380501234567+380671234567", None, "of any country"),
    ("+380501234567, 0671234567", "UA", "of any country"),
    ("+1 202 555 0143 / 202 555 0144", "US", "of any country"),
    *[
        (bad, "UA", "neither a number of UA")
        for bad in (
            "102", "7788", "*100#", "1234567", "0501234567/0671234567", "000000", "80501234567", "9" * 100_000,
        )
    ],
    *[
        (bad, None, "write one, or name the region")
        for bad in ("0501234567", "102", "*100#", "49301234|5678", "0", "00")
    ],
    *[
        (bad, "UA", "has letters")
        for bad in (
            "050 123 45 67 ext. 5", "0501234567 x12", "0501234567 доб. 12", "050123456O7", "tel:+380501234567",
            "0800-FLOWERS", "моб. 0501234567", "+380501234567;ext=5",
        )
    ],
    *[
        (bad, "UA", "an extension")
        for bad in ("050 123 45 67 #12", "0501234567~12", "+380501234567,,12", "380501234567#1")
    ],
]  # fmt: skip


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(("given_", "region", "normal"), NUMBERS, ids=ascii)
def test_a_number_has_one_spelling(given_, region, normal):
    """A real number comes out as E.164, and is a fixed point then, whatever the region."""
    event = Normalizer(region)({"phone": given_})

    assert event.phone == normal
    assert all(Normalizer(any_)(event) is event for any_ in (region, None, "DE"))


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(("given_", "region", "reason"), BAD_NUMBERS, ids=lambda value: ascii(value)[:40])
def test_a_number_is_refused_with_its_reason(given_, region, reason):
    """What nobody can be called by is refused by name, in words that hold nothing of the number and say what to do."""
    problem = only_problem_of("phone", given_, region)

    assert reason in problem
    assert not [sign for sign in problem if sign.isdigit()]


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_every_regions_numbers_are_taken(region):
    """The example of each region is taken in its national and its international spelling, and as digits alone."""
    number = phonenumbers.example_number(region)
    assert number is not None
    normal = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    for spelling in (phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL):
        assert Normalizer(region)({"phone": phonenumbers.format_number(number, spelling)}).phone == normal
    assert Normalizer()({"phone": normal[1:]}).phone == normal


@pytest.mark.parametrize("region", ["ua", "UK", "UKR", "", "380", "001", 380, ["UA"], b"UA"])
def test_a_wrong_region_is_named(region):
    """A region that does not exist, or in small letters, is a setting to be corrected, and it is named."""
    with pytest.raises(ConfigurationError, match=r"region: ") as caught:
        Normalizer(region)

    assert repr(region) in str(caught.value)


# Events


def test_an_event_keeps_all_else():
    """Name, identity, flow and variables are as they were."""
    given_ = Event(
        email="Ana@EXAMPLE.com",
        phone="050 123 45 67",
        variables={"email_2": "X@EXAMPLE.com", "deep": [{"a": 1}]},
        automation_id=7,
        event_name="paid",
        event_id="id-1",
    )

    normal = Normalizer("UA")(given_)

    assert normal == attrs.evolve(given_, email="Ana@example.com", phone="+380501234567")
    assert given_.email == "Ana@EXAMPLE.com"


@pytest.mark.parametrize(
    "event",
    [
        Event(email="ana@example.com", phone="+380501234567", variables={"a": [1]}),
        Event(phone="+380501234567"),
        Event.custom({"email": "Nobody@", "phone": "none"}, event_name="paid"),
    ],
)
def test_what_is_normal_is_the_same_object(event):
    """An event with nothing to change is given back itself, and a custom structure is nobody's but SendPulse's."""
    assert Normalizer("UA")(event) is event


def test_all_problems_of_a_contact_are_told():
    """Both are looked at before anything is raised."""
    problems = problems_of({"email": "a..b@example.com", "phone": "102"}, "UA")

    assert [problem.partition(": ")[0] for problem in problems] == ["email", "phone"]


class Unreadable(dict):
    def __iter__(self):
        raise RuntimeError("canary")

    keys = items = __iter__


@pytest.mark.parametrize(
    "given_", [None, 5, "ana@example.com", {}, {"email": 5}, {"phone": "+1", "x": b""}, Unreadable()]
)
def test_what_is_no_event_is_told_as_ever(given_):
    """What an event itself refuses is refused in the same words."""
    assert problems_of(given_) == list(next(Normalizer().each([given_])).problems)
    assert "canary" not in str(problems_of(given_))


def test_a_normalizer_is_a_value():
    """Equal by its region, hashable, and it survives pickle."""
    assert Normalizer("UA") == pickle.loads(pickle.dumps(Normalizer(region="UA")))
    assert len({Normalizer("UA"), Normalizer("UA"), Normalizer()}) == 2


LOCAL = st.text(st.sampled_from("aZ09.+-_'é\u0301д用\"() \u200b@"), max_size=8)
DOMAIN = st.text(st.sampled_from("aZ09.-éüß\u0301дא。☃ _@["), max_size=10)
EMAILS = st.builds("{}@{}{}".format, LOCAL, DOMAIN, st.sampled_from(["", ".com", ".УКР", ".test"])) | st.emails()
PHONES = st.text(st.sampled_from("0123456789+＋٣ ()-./~#x,*é"), max_size=18) | st.builds(
    lambda region, cut: str(phonenumbers.example_number(region).national_number)[cut:],
    st.sampled_from(["UA", "US", "DE", "IT", "BR"]),
    st.integers(0, 2),
)  # fmt: skip
REGIONS = st.sampled_from([None, "UA", "US", "DE", "IT", "BR"])


@pytest.mark.usefixtures("offline")
@given(EMAILS, PHONES, REGIONS)
@examples(500)
def test_twice_is_once_and_nothing_is_quoted(email, phone, region):
    """Whatever is given: what comes out stays as it is, or the error is one of a few texts, none from the input."""
    for given_ in ({"email": email}, {"phone": phone}):
        (event,) = Normalizer(region).each([given_])
        if isinstance(event, Refused):
            assert set(event.problems) <= TEXTS[region]
        else:
            assert Normalizer(region)(event) is event
            assert event.phone is None or event.phone.startswith("+")


def texts_of(region) -> set[str]:
    """Return all that is ever said of an address or a number: a few fixed texts."""
    said = {f"email: {reason}" for _, reason in validation._REASONS} | {"email: is no address"}
    for contact in ({"email": "x"}, {"phone": "/"}, {}, *({"phone": n} for n in ("x1", "+1", "1", "+380501234567#1"))):
        said.update(problems_of(contact, region))
    return said


TEXTS = {region: texts_of(region) for region in (None, "UA", "US", "DE", "IT", "BR")}


# Bulk runs

GIVEN = [
    {"email": "Ana@EXAMPLE.com", "n": 0},
    {"email": "ben@example..com", "n": 1},
    Event(phone="(050) 123-45-67", variables={"n": 2}, event_id="id-2"),
    MappingProxyType({"email": "x", "n": 3}),
    Event(email="eve@canary.test", phone="102", event_id="id-4"),
    7,
    {"phone": "380501234567", "n": 6},
]
BAD = {1, 3, 4, 5}
ARRIVED = [
    {"email": "Ana@example.com", "n": 0},
    {"phone": "+380501234567", "n": 2},
    {"phone": "+380501234567", "n": 6},
]


async def slowly(events):
    for event in events:
        yield event


class AtOnce:
    """A sender of the caller's own, which reads what it is given as the library's own do."""

    def __init__(self, sender):
        self.sender = sender

    async def send_event(self, event):
        return await self.sender.send_event(event)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
@pytest.mark.parametrize("source", [iter, slowly], ids=["iterable", "async-iterable"])
@pytest.mark.parametrize("wrap", [lambda sender: sender, AtOnce], ids=["own", "foreign"])
async def test_a_wrong_one_is_one_rejected_outcome(source, wrap):
    """In a run a wrong event is REJECTED with its own error and hands back what was given; all others arrive normal."""
    outcomes = []
    with Sandbox() as sandbox:
        async with RawEventSender(sandbox.event_url) as sender:
            events = Normalizer("UA").each(source(GIVEN))
            report = await send_many(wrap(sender), events, max_in_flight=1, on_outcome=outcomes.append)

    assert (report.total, report.accepted, report.rejected) == (7, 3, 4)
    assert [entry.payload for entry in sandbox.events] == ARRIVED
    for outcome in outcomes:
        if outcome.index in BAD:
            given_ = GIVEN[outcome.index]
            assert outcome.status is OutcomeStatus.REJECTED
            assert outcome.event.given is given_
            assert list(outcome.error.problems) == problems_of(given_, "UA")
    assert outcomes[2].event.event_id == "id-2"
    assert "canary" not in repr(outcomes) + repr([outcome.event for outcome in outcomes])


def test_a_run_pulls_one_event_at_a_time():
    """Nothing is read ahead, so a million events take no memory."""
    numbers = itertools.count()
    events = Normalizer().each({"email": "ana@example.com", "n": n} for n in numbers)

    assert next(events).variables == {"n": 0}
    assert next(numbers) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_inputs_own_error_comes_through(anyio_backend):
    """What the input raises is not ours to swallow, and an input that goes on after it goes on."""

    class Stumbling:
        def __init__(self):
            self.steps = iter([RuntimeError("the input's own"), {"email": "Ana@EXAMPLE.com"}])

        def __iter__(self):
            return self

        def __next__(self):
            if isinstance(step := next(self.steps), Exception):
                raise step
            return step

    class AsyncStumbling(Stumbling):
        def __aiter__(self):
            return self

        async def __anext__(self):
            try:
                return self.__next__()
            except StopIteration:
                raise StopAsyncIteration from None

    events, async_events = Normalizer().each(Stumbling()), Normalizer().each(AsyncStumbling())
    with pytest.raises(RuntimeError, match="own"):
        next(events)
    with pytest.raises(RuntimeError, match="own"):
        await anext(async_events)

    assert [event.email for event in events] == ["Ana@example.com"]
    assert [event.email async for event in async_events] == ["Ana@example.com"]


@pytest.mark.parametrize("wrong", ["ana@example.com", b"x", {"email": "ana@example.com"}, Event(phone="+1"), None, 5])
def test_one_event_is_no_input(wrong):
    """Neither one event nor text is taken for many."""
    with pytest.raises(ConfigurationError, match="events must be an iterable"):
        Normalizer().each(wrong)


@pytest.mark.parametrize(
    "read", [dict, list, len, lambda refused: refused["email"], Event.from_mapping, Normalizer("UA")]
)
def test_reading_a_refused_event_tells_why(read):
    """Whoever takes it for an event hears what is wrong with it, each time."""
    refused = next(Normalizer("UA").each([{"phone": "102"}]))
    problems = problems_of({"phone": "102"}, "UA")

    for same in (refused, refused, copy.deepcopy(refused), pickle.loads(pickle.dumps(refused))):
        assert same == Refused({"phone": "102"}, tuple(problems))
        with pytest.raises(InvalidEventError) as caught:
            read(same)
        assert list(caught.value.problems) == problems
