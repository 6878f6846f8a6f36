from __future__ import annotations

import itertools
import json
import re
import time

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from reviewer.core.detection import KINDS, find, region_of
from reviewer.core.draft import Message, Role, ToolCall, ToolResult
from reviewer.core.redaction import redact
from tests.support.builders import call, request

CARD = "4111 1111 1111 1111"


def found(text: str, region: str = "US") -> list[tuple[str, str]]:
    return [(hit.kind, text[hit.start : hit.end]) for hit in find(text, region)]


@pytest.mark.parametrize(
    ("locale", "region"),
    [("pt-BR", "BR"), ("pt", "BR"), ("en", "US"), ("en-GB", "GB"), ("es-419", "ES"), ("zh-Hant-TW", "TW"), ("", "US")],
)
def test_region_of_a_locale(locale: str, region: str) -> None:
    """A locale names the phone plan by its region, or by its language where it has none."""
    assert region_of(locale) == region


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("card", "378282246310005"),
        ("card", "3782 822463 10005"),
        ("card", "41 11 11 11 11 11 11 11"),
        ("card", "\uff14\uff11\uff11\uff11 1111 1111 1111"),
        ("card", "4111\u00a01111\u20111111\u20091111"),
        ("card", "\u0664\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661"),
        ("cnpj", "12.ABC.345/01DE-35"),
        ("cnpj", "12.abc.345/01de-35"),
        ("cnpj", "12ABC34501DE35"),
        ("cnpj", "11222333/0001-81"),
        ("cpf", "529982247-25"),
        ("cpf", "529 982 247 25"),
        ("email", "joe@ex\u00e4mple.de"),
        ("email", "joe@\u4f8b\u3048.jp"),
        ("email", "joe@xn--e1afmkfd.xn--p1ai"),
        ("email", "joe@\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444"),
        ("email", "joe\uff20example.org"),
        ("iban", "de89370400440532013000"),
        ("iban", "MT84 MALT 0110 0001 2345 MTLC AST0 01S"),
        ("phone", "(212) 555-0123"),
        ("phone", "+44 (0) 20 7946 0958"),
        ("secret", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"),
    ],
)
@pytest.mark.parametrize("frame", ["{}", "see {}.", "({})", "*{}*", "_{}_", "{}, then", "\u00e9 {}\n"])
def test_ways_to_write_a_value(kind: str, value: str, frame: str) -> None:
    """A value is found whole, and nothing beside it, in each of the ways in which people write it."""
    # An underscore belongs to a word: only addresses have an end of their own.
    if frame.startswith("_") and kind != "email":
        return
    assert found(frame.format(value)) == [(kind, value)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"ES91 2100 0418 4502 0005 1332 {CARD}", ["iban", "card"]),
        ("ES91 2100 0418 4502 0005 1332 and so on", ["iban"]),
        (f"{CARD} 123 12/27", ["card"]),
        (f"17,{CARD},12/27", ["card"]),
        (f"card\\n{CARD}", ["card"]),
        ("2 212-555-0123 212 555 0124 5", ["phone", "phone"]),
        ("212-555-0123,212-555-0124", ["phone", "phone"]),
        ("+1 212 555 0123 +55 11 91234-5678-1", ["phone", "phone"]),
        ("2024-01-17 212 555 0123", ["phone"]),
        (f"529.982.247-25 123-45-6789/{CARD}", ["cpf", "ssn", "card"]),
        ("joe@example.org,ann@example.org", ["email", "email"]),
        ('"-----BEGIN PRIVATE KEY-----" joe@example.org', ["secret", "email"]),
        ("-----BEGIN PRIVATE KEY-----\nMIIB joe@example.org", ["secret"]),
    ],
)
def test_neighbours_are_told_apart(text: str, expected: list[str]) -> None:
    """Values side by side are found one by one, whatever stands between and around them."""
    assert [kind for kind, _ in found(text)] == expected


@pytest.mark.parametrize("region", ["US", "BR", "DE"])
@pytest.mark.parametrize(
    "text",
    [
        "550e8400-e29b-41d4-a716-446655440000",
        "4.111111111111111",
        "0.5882352941176471",
        "21255501.23",
        "R$ 1.234.567.890,12",
        "react@18.2.10",
        "@example.org and joe@ example.org",
        "[CARD_4111111111111111]",
        "2024-01-17 2024-01-18",
        "30/01/2024 18/01/2024",
        "1.2.840.113549.1.1.11",
        "v10.2.4111111111111111",
        "99999-212-555-0123",
        "212 555 0123x",
    ],
)
def test_look_alikes_stay(text: str, region: str) -> None:
    """Decimals, dates, versions, ids and placeholders are no personal data, whatever their digits add up to."""
    assert found(text, region) == []


@pytest.mark.parametrize("region", ["US", "BR", "ES", "DE", "AR", "GB", "IT", "JP", "MX", "NO"])
@pytest.mark.parametrize("form", [PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.E164, PhoneNumberFormat.NATIONAL])
def test_phone_plans(region: str, form: int) -> None:
    """A number of a region is found as that region writes it, and from abroad."""
    examples = [
        phonenumbers.example_number_for_type(region, kind)
        for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)
    ]
    for written in [phonenumbers.format_number(example, form) for example in examples if example is not None]:
        assert found(f"Call {written} now.", region) == [("phone", written)]


@given(
    st.text(st.sampled_from("0123456789 .-/()+,@_abn\\\u0661\u00a0\uff20"), max_size=80),
    st.sampled_from(["US", "BR", "XX"]),
)
def test_hits_are_in_order_and_apart(text: str, region: str) -> None:
    """Whatever the text, hits are of known kinds, not empty, sorted, and do not overlap."""
    hits = find(text, region)

    assert all(hit.kind in KINDS and hit.start < hit.end <= len(text) for hit in hits)
    assert all(before.end <= after.start for before, after in itertools.pairwise(hits))


@pytest.mark.parametrize(
    "unit",
    [
        "1 ",
        "22 ",
        "213 899/",
        "+12345678 ",
        "(1)",
        "2024-01-17 ",
        "DE89 ",
        "@",
        "a@b.",
        "-----BEGIN PRIVATE KEY-----",
        '-----BEGIN PRIVATE KEY-----"',
        "\uff11",
        "4111111111111111,",
        "\\u0040",
    ],
)
def test_cost_is_linear(unit: str) -> None:
    """Text made to be expensive costs no more than its length: a quadratic search of it would take minutes."""
    text = unit * (100_000 // len(unit))
    began = time.process_time()
    redact(request(text, locale="es-AR", tool_calls=(call(text), call(f"[{text.strip(',')}]"))))

    assert time.process_time() - began < 6


values = st.sampled_from(
    [4111111111111111, -4111111111111111, "joe@example.org", f"pay\n{CARD}", "jos\u00e9@example.org"]
)
documents = st.recursive(
    values | st.integers(0, 9999) | st.booleans() | st.none() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('abc\n"\\\u00e9', max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


def keys(value: object) -> object:
    """Return the frame of a document: its objects and lists, without what they hold."""
    if isinstance(value, dict):
        return {key: keys(item) for key, item in value.items()}
    return [keys(item) for item in value] if isinstance(value, list) else None


@given(documents, st.booleans(), st.sampled_from([None, 1]))
def test_json_keeps_its_frame(document: object, ascii_only: bool, indent: int | None) -> None:
    """Redaction of arguments leaves valid JSON with the same keys and places, and no value, escaped or not."""
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    (redacted,) = redact(request("ok", tool_calls=(call(text),))).tool_calls
    read = json.loads(redacted.arguments_json)

    assert keys(read) == keys(document)
    assert not re.search("1111|example", redacted.arguments_json)


@pytest.mark.parametrize(
    ("arguments", "expected", "replaced"),
    [
        ('{"a": "joe\\u0040example.org"}', '{"a": "[EMAIL_1]"}', "joe\\u0040example.org"),
        ('{"a": -4111111111111111.0}', '{"a": "[CARD_1]"}', "-4111111111111111.0"),
        ('{"password": "hunter2abc"}', '{"password": "[SECRET_1]"}', "hunter2abc"),
        ('{"joe@example.org": 1}', '{"[EMAIL_1]": 1}', "joe@example.org"),
        ('{"a": "\\ud83d\\ude00 4111111111111111"}', '{"a": "\\ud83d\\ude00 [CARD_1]"}', "4111111111111111"),
        ('{"a": "\\ud83d 4111111111111111"}', '{"a": "\\ud83d [CARD_1]"}', "4111111111111111"),
        ('{"u": "http://a", "x": "b:c@d.org"}', '{"u": "http://a", "x": "b:[EMAIL_1]"}', "c@d.org"),
        ('{"a": "\\u005bEMAIL_1]", "b": "c@d.org"}', '{"a": "\\u005bEMAIL_1]", "b": "[EMAIL_2]"}', "c@d.org"),
        ('{"a": "x\\n4111111111111111', '{"a": "x\\n[CARD_1]', "4111111111111111"),
        ("\\bob@example.org", "\\[EMAIL_1]", "bob@example.org"),
        ("[52998224725.0E-4111111111111111]", '["[CPF_1]"]', "52998224725.0E-4111111111111111"),
        (f"[{'1' * 5000}, 4111111111111111]", f'[{"1" * 5000}, "[CARD_1]"]', "4111111111111111"),
        ("4111111111111111 {", "[CARD_1] {", "4111111111111111"),
    ],
)
def test_offsets_in_json(arguments: str, expected: str, replaced: str) -> None:
    """What is replaced in JSON, valid or cut off, maps back to the text as the caller sent it."""
    draft = redact(request("ok", tool_calls=(call(arguments),)))
    passage = next(p for p in draft.passages if p.ref == "call_1")
    (sub,) = passage.substitutions

    assert passage.text == expected
    assert arguments[sub.original_start : sub.original_end] == replaced
    assert passage.text[sub.start : sub.end].strip('"') == sub.placeholder


def test_a_key_over_several_strings() -> None:
    """Every line of a private key that is sent as a list is replaced."""
    lines = ["-----BEGIN PRIVATE KEY-----", "MIIBVAIBADANBg", "-----END PRIVATE KEY-----", "over"]
    (redacted,) = redact(request("ok", tool_calls=(call(json.dumps(lines)),))).tool_calls

    assert json.loads(redacted.arguments_json) == ["[SECRET_1]", "[SECRET_2]", "[SECRET_3]", "over"]


def test_json_of_the_conversation() -> None:
    """Earlier tool calls and results of tools are read as JSON too."""
    text = json.dumps({"note": "card\n4111111111111111", "n": 4111111111111111})
    turns = (
        Message(Role.ASSISTANT, (ToolCall("c0", "look", text),)),
        Message(Role.TOOL, (ToolResult("c0", text),)),
    )
    shown = '{"note": "card\\n[CARD_1]", "n": "[CARD_1]"}'

    assert [p.text for p in redact(request("ok", conversation=turns)).passages] == [f"look {shown}", shown, "ok"]


def test_addresses_and_secrets_are_told_apart() -> None:
    """Points tell addresses apart, case tells secrets apart, neither tells numbers apart."""
    secrets = "ghp_" + "a1B2" * 9, "ghp_" + "A1b2" * 9
    text = f"a.b@example.org ab@example.org A.B@example.org {secrets[0]} {secrets[1]}"

    assert redact(request(text)).text == "[EMAIL_1] [EMAIL_2] [EMAIL_1] [SECRET_1] [SECRET_2]"
