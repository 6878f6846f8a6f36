from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.br import cpf
from stdnum.us import ssn

from reviewer.core.draft import DataClass, ImagePart, Message, Role, TextPart, ToolCall, ToolResult
from reviewer.core.passage import NAME, TITLE, RedactedDraft
from reviewer.core.redaction import redact
from reviewer.core.rubric import Place
from tests.support.builders import call, request, said, source

PLACEHOLDER = re.compile(r"\[(?:SECRET|EMAIL|IBAN|CARD|CNPJ|CPF|SSN|PHONE)_\d+\]")
VALUES = {
    "card": "4111 1111 1111 1111",
    "cnpj": "11.222.333/0001-81",
    "cpf": "529.982.247-25",
    "email": "joe.soap@example.org",
    "iban": "DE89 3704 0044 0532 0130 00",
    "phone": "+1 212 555 0123",
    "secret": "ghp_" + "a1B2" * 9,
    "ssn": "123-45-6789",
}
NUMBERS = [
    "in 2026",
    "1,234.56 USD",
    "R$ 1.234.567,89",
    "version 10.0.19045.3803",
    "CVE-2024-12345678",
    "order 20240117",
    "ISBN 978-3-16-148410-0",
    "192.168.100.200",
    "1700000000",
    "on 2024-01-17 10:00:00",
    "on 2024-01-17T10:00:00Z",
    "from 17/01/2024 to 18/01/2024",
    "5 to 10 mg, 3 times a day",
    "room 12-34",
    "1 2 3 4 5 6 7 8 9",
]


def shown(text: str, **fields: object) -> str:
    return redact(request(text, **fields)).text


def split_digits(digits: str, separator: str) -> str:
    return separator.join(digits[at : at + 4] for at in range(0, len(digits), 4))


digits = st.text("0123456789", min_size=1)
separators = st.sampled_from(["", " ", "-", "."])
cards = st.builds(
    lambda head, body, sep: split_digits((n := head + body) + luhn.calc_check_digit(n), sep),
    st.sampled_from("23456"),
    st.text("0123456789", min_size=14, max_size=14),
    separators,
)
cpfs = st.builds(
    lambda body, dotted: (cpf.format if dotted else str)(body + cpf_check(body)),
    st.text("0123456789", min_size=9, max_size=9).filter(lambda n: len(set(n)) > 1),
    st.booleans(),
)
ibans = st.builds(lambda body: iban_of("DE", body), st.text("0123456789", min_size=18, max_size=18))
ssns = st.builds("{:03d}-{:02d}-{:04d}".format, st.integers(1, 899), st.integers(1, 99), st.integers(1, 9999)).filter(
    ssn.is_valid
)
phones = st.builds(
    lambda tail, form: form.format(*tail),
    st.tuples(st.integers(6000, 9999), st.integers(0, 9999)),
    st.sampled_from(["+55 11 9{:04d}-{:04d}", "+55 (11) 9{:04d}-{:04d}", "+55119{:04d}{:04d}"]),
)
emails = st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z0-9]{1,8})?@[a-z][a-z0-9]{0,8}\.(com|org|com\.br)", fullmatch=True)
secrets = st.from_regex(r"(ghp_[A-Za-z0-9]{36}|AKIA[0-9A-Z]{16}|sk-[A-Za-z0-9]{24}|xoxb-[0-9]{12})", fullmatch=True)
values = st.one_of(cards, cpfs, ibans, ssns, phones, emails, secrets)
prose = st.lists(st.sampled_from(["write", "to", "naïve", "(see", "below)", "—", "now,", "“and”"]), min_size=1).map(
    " ".join
)
joints = st.sampled_from([" ", "\n", ": ", ", ", "; ", " (", "\t", " \u201c"])


def cpf_check(body: str) -> str:
    first = sum((10 - at) * int(n) for at, n in enumerate(body)) * 10 % 11 % 10
    second = sum((11 - at) * int(n) for at, n in enumerate(f"{body}{first}")) * 10 % 11 % 10
    return f"{first}{second}"


def iban_of(country: str, body: str) -> str:
    numeric = "".join(str(int(c, 36)) for c in f"{body}{country}00")
    return f"{country}{98 - int(numeric) % 97:02d}{body}"


@given(st.lists(st.tuples(prose, joints, values), min_size=1, max_size=4), prose)
def test_no_value_remains(rows: list[tuple[str, str, str]], end: str) -> None:
    """No digit of a card, CPF, IBAN, SSN or phone, no address and no secret remains anywhere in prose."""
    text = "".join(f"{words}{joint}{value}. " for words, joint, value in rows) + end
    draft = redact(request(text, sources=(source(text, title=text),), conversation=said(text), locale="pt-BR"))

    for passage in draft.passages:
        left = PLACEHOLDER.sub("", passage.text)
        assert not re.search(r"[0-9@]|ghp_|AKIA|sk-|xoxb", left)
    assert len({passage.text for passage in draft.passages}) == 1


@pytest.mark.parametrize(
    "frame", ["({})", "[{}]", '"{}"', "\u201c{}\u201d", "<{}>", "*{}*", "={}", ":{}", "{}.", "{}?", "#{}"]
)
def test_marks_around_a_value_do_not_hide_it(frame: str) -> None:
    """A value of any kind is found inside brackets, quotation marks and the marks of lists and sentences."""
    assert [kind for kind, value in VALUES.items() if value in shown(f"It is {frame.format(value)} as you know")] == []


@given(values, st.sampled_from([" {} ", "{}/", "2 {}", "{} 123", "{} 12 27", "{}\n2", "1. {}", "{}; {}", "{} {}"]))
def test_numbers_beside_a_value_do_not_hide_it(value: str, frame: str) -> None:
    """A short number before or after a value, an expiry date or another value, does not keep it from being found."""
    text = f"Pay with {frame.format(value, value)} please"

    assert value not in shown(text, locale="pt-BR")


@pytest.mark.parametrize("joint", [" ", "/", " / ", " or ", ",", ", ", ";", "\n", "\t", "|"])
def test_two_values_side_by_side(joint: str) -> None:
    """Of two values of any kinds that stand side by side, as in a list or a table, both are replaced."""
    missed = [
        (first, second)
        for first, second in itertools.product(VALUES, repeat=2)
        if any(
            VALUES[kind] in shown(f"Take {VALUES[first]}{joint}{VALUES[second]} please.") for kind in (first, second)
        )
    ]

    assert missed == []


@pytest.mark.parametrize("text", NUMBERS)
@pytest.mark.parametrize("locale", ["en-US", "pt-BR", "es-ES"])
def test_ordinary_numbers_stay(text: str, locale: str) -> None:
    """Years, prices, versions, dates and ids of things are no personal data."""
    assert shown(f"It was {text} then.", locale=locale) == f"It was {text} then."


@pytest.mark.parametrize(("kind", "value"), VALUES.items())
def test_each_kind_has_its_name(kind: str, value: str) -> None:
    """A value becomes a placeholder of its kind, is counted, and its offsets map back."""
    text = f"Send {value} on, and {value} again."
    draft = redact(request(text))
    name = f"[{kind.upper()}_1]"

    assert draft.text == f"Send {name} on, and {name} again."
    assert draft.report.counts == ((Place.DRAFT, kind, 2),)
    for sub in draft.draft.substitutions:
        assert draft.text[sub.start : sub.end] == sub.placeholder == name
        assert text[sub.original_start : sub.original_end] == value


def test_one_value_has_one_placeholder() -> None:
    """A value keeps its placeholder over conversation, sources, calls and draft, however it is written."""
    draft = redact(
        request(
            "Your card 4111111111111111 and 529.982.247-25",
            conversation=said("I am 52998224725, card 4111-1111-1111-1111"),
            sources=(source("Card 4111 1111 1111 1111 of JOE@example.org, joe@example.org"),),
            tool_calls=(call('{"card": "4111111111111111", "to": "joe@example.org"}'),),
        )
    )

    assert [passage.text for passage in draft.passages] == [
        "I am [CPF_1], card [CARD_1]",
        "Card [CARD_1] of [EMAIL_1], [EMAIL_1]",
        "send",
        '{"card": "[CARD_1]", "to": "[EMAIL_1]"}',
        "Your card [CARD_1] and [CPF_1]",
    ]


def test_values_are_told_apart() -> None:
    """Two values of one kind have two placeholders, numbered as they are met."""
    assert shown("a@example.org b@example.org a@example.org") == "[EMAIL_1] [EMAIL_2] [EMAIL_1]"


def test_public_values_stay() -> None:
    """A published number stays, however it is written, and others beside it go."""
    text = "Call 0800 123 4567 or +1 212 555 0123, or 08001234567."
    draft = redact(request(text, locale="en-GB"), ("0800-123-4567",))

    assert draft.text == "Call 0800 123 4567 or [PHONE_1], or 08001234567."


@given(st.lists(st.integers(0, 10**12), max_size=4), st.sampled_from(["EMAIL", "CARD", "PHONE"]))
def test_literal_placeholders_never_collide(numbers: list[int], kind: str) -> None:
    """What the caller wrote as a placeholder is never handed out for a value."""
    literals = [f"[{kind}_{n}]" for n in numbers]
    check_collision(literals)


@pytest.mark.parametrize("literals", [["[EMAIL_1]"], ["[EMAIL_999999999]", "[EMAIL_1000000000]"], ["[EMAIL_01]"]])
def test_crafted_placeholders_never_collide(literals: list[str]) -> None:
    """Nor where the literals are chosen to stand just above the highest number that is looked for."""
    check_collision(literals)


def check_collision(literals: list[str]) -> None:
    draft = redact(request("Send it to joe@example.org.", conversation=said(" ".join(literals))))

    assert draft.passages[0].text == " ".join(literals)
    assert {sub.placeholder for passage in draft.passages for sub in passage.substitutions}.isdisjoint(literals)


@given(st.lists(st.tuples(prose, values | digits.map(lambda d: d[:4])), max_size=5), st.data())
def test_offsets_map_back(rows: list[tuple[str, str]], data: st.DataObject) -> None:
    """Text between placeholders maps to the same text of the caller's, placeholders to the values they stand for."""
    text = "\u00e9 ".join(f"{words} {value}," for words, value in rows) + " end"
    passage = redact(request(text, locale="pt-BR")).draft
    start = data.draw(st.integers(0, len(passage.text) - 1))
    end = data.draw(st.integers(start + 1, len(passage.text)))
    touched = [s for s in passage.substitutions if s.start < end and s.end > start]
    first, last = passage.original_span(start, end)

    assert 0 <= first <= last <= len(text)
    if not touched:
        assert text[first:last] == passage.text[start:end]
    for sub in touched:
        assert first <= sub.original_start
        assert sub.original_end <= last


def test_every_offset_maps_back_among_many_placeholders() -> None:
    """Of a text with many values each stretch between two of them maps to itself, at either end of a span."""
    words = [f"word{n}" for n in range(200)]
    text = " ".join(f"{word} joe{n}@example.org," for n, word in enumerate(words))
    passage = redact(request(text)).draft
    assert len(passage.substitutions) == len(words)
    for word in words:
        at = passage.text.index(f"{word} ")
        first, last = passage.original_span(at, at + len(word))
        assert text[first:last] == word


JSON_ARGUMENTS = {
    "bare number": '{"card": 4111111111111111}',
    "bare in a list": '{"cards":[4111111111111111,4111111111111111 ]}',
    "string": '{"card": "4111111111111111"}',
    "text around": '{"note": "pay 4111111111111111 now"}',
    "punctuation around": '{"note": "card: 4111111111111111, valid"}',
    "list in a string": '{"note": "cards [4111111111111111, 4111111111111111]"}',
    "after an escaped line end": '{"note": "card\\n4111111111111111"}',
    "address after an escape": '{"note": "mail\\njoe@example.org"}',
    "escaped letter in an address": '{"to": "jos\\u00e9@example.org"}',
    "IBAN after an escape": '{"note": "account\\tDE89370400440532013000"}',
    "escaped at sign": '{"to": "joe\\u0040example.org"}',
    "negative": '{"amount": -4111111111111111}',
}


@pytest.mark.parametrize("arguments", JSON_ARGUMENTS.values(), ids=JSON_ARGUMENTS)
def test_arguments_stay_valid_json(arguments: str) -> None:
    """Redaction of a tool call's arguments leaves a JSON object with the same keys."""
    (redacted,) = redact(request("ok", tool_calls=(call(arguments),))).tool_calls
    read = json.loads(redacted.arguments_json)

    assert read.keys() == json.loads(arguments).keys()


@pytest.mark.parametrize("arguments", JSON_ARGUMENTS.values(), ids=JSON_ARGUMENTS)
def test_escapes_hide_nothing(arguments: str) -> None:
    """A value is found in a tool call's arguments whatever JSON escape stands before or in it."""
    (redacted,) = redact(request("ok", tool_calls=(call(arguments),))).tool_calls

    assert not re.search(r"4111|example|DE89", redacted.arguments_json)


def test_one_value_one_placeholder_after_an_escape() -> None:
    """A JSON escape before a value does not make it another value."""
    arguments = json.dumps({"note": "Write to\njoe@example.org", "to": "joe@example.org"})
    draft = redact(request("Mail for joe@example.org", tool_calls=(call(arguments),)))

    assert {s.placeholder for p in draft.passages for s in p.substitutions} == {"[EMAIL_1]"}


def image_request(data_class: DataClass | None) -> RedactedDraft:
    turn = Message(Role.USER, (TextPart("what is this"), ImagePart("image/png", b"\x89PNG")))
    return redact(request("A rash.", conversation=(turn,), data_class=data_class))


@pytest.mark.parametrize("data_class", [*DataClass, None])
def test_images_of_confidential_material(data_class: DataClass | None) -> None:
    """An image cannot be redacted: beyond public and internal material the report is incomplete and says why."""
    report = image_request(data_class).report

    assert report.complete is (data_class in (DataClass.PUBLIC, DataClass.INTERNAL))
    assert bool(report.incomplete_because) is not report.complete
    assert redact(request("A rash.", data_class=data_class)).report.complete


def test_every_text_becomes_a_passage() -> None:
    """Each text of a request stands in exactly one passage, in reading order, the draft last."""
    turns = (
        Message(Role.USER, (TextPart("question"), ImagePart("image/png", b"x"), TextPart("more"))),
        Message(Role.ASSISTANT, (ToolCall("c0", "look", '{"q": 1}'),)),
        Message(Role.TOOL, (ToolResult("c0", "result"),)),
    )
    asked = request(
        "draft",
        conversation=turns,
        sources=(source("body", "s1", "title"), source("untitled", "s2")),
        tool_calls=(call("{}"), replace(call('{"b": 2}'), id="call_2")),
    )

    assert [(p.place, p.ref, p.role, p.text) for p in redact(asked).passages] == [
        (Place.CONVERSATION, "m0.0", Role.USER, "question"),
        (Place.CONVERSATION, "m0.2", Role.USER, "more"),
        (Place.CONVERSATION, "m1.0", Role.ASSISTANT, 'look {"q": 1}'),
        (Place.TOOL_RESULT, "m2.0", Role.TOOL, "result"),
        (Place.SOURCE, "s1" + TITLE, None, "title"),
        (Place.SOURCE, "s1", None, "body"),
        (Place.SOURCE, "s2", None, "untitled"),
        (Place.TOOL_CALL, "call_1" + NAME, None, "send"),
        (Place.TOOL_CALL, "call_1", None, "{}"),
        (Place.TOOL_CALL, "call_2" + NAME, None, "send"),
        (Place.TOOL_CALL, "call_2", None, '{"b": 2}'),
        (Place.DRAFT, "draft", None, "draft"),
    ]


def test_places_group_the_passages() -> None:
    """Passages can be asked for by place; a place without any gives none."""
    draft = redact(request("draft", sources=(source("one"), source("two", "s2"))))

    assert [p.text for p in draft.at(Place.SOURCE)] == ["one", "two"]
    assert draft.at(Place.TOOL_RESULT) == ()
    assert draft.at(Place.DRAFT) == (draft.draft,)


@given(st.text())
def test_redaction_never_raises(text: str) -> None:
    """Any text can be redacted, and text without values comes out as it went in."""
    draft = redact(request(text, conversation=said(text), tool_calls=(call(text),)))

    if not draft.report.counts:
        assert draft.text == text
