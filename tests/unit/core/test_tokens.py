"""Bounds on the tokens of a prompt: what fits for sure, what never does, and what has to be counted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.core.draft import ImagePart
from reviewer.core.tokens import (
    IMAGE_AT_MOST,
    IMAGE_GUESS,
    LONGEST_TOKEN_BYTES,
    Fit,
    at_least,
    at_most,
    fit,
    guess,
)
from tests.support.compact import ENCODINGS, longest_token, tokens
from tests.support.prompts import PREFIX, prompt_of

IMAGE = ImagePart("image/png", b"\x89PNG")
EMPTY = prompt_of("")
PROSE = "Drink plenty of water, and rest. "
GUESSED = {
    "english": "Take one tablet every eight hours after a meal, and never more than your doctor told you. ",
    "portuguese": "Tome um comprimido a cada oito horas, depois das refeições, e não ultrapasse a dose indicada. ",
    "spanish": "Tome un comprimido cada ocho horas, después de las comidas, y no supere la dosis indicada. ",
    "russian": "Принимайте по одной таблетке каждые восемь часов после еды. ",
    "chinese": "患者应每八小时服用一片。饭后服用。不得超过医生规定的最大剂量。",
    "japanese": "八時間ごとに一錠を食後に服用し、最大用量を超えてはなりません。",
    "korean": "여덟 시간마다 한 알씩 식후에 복용하고 최대 용량을 넘기지 마십시오. ",
    "hindi": "रोगी को हर आठ घंटे में भोजन के बाद एक गोली लेनी चाहिए। ",
    "python": "def total(rows: list[Row]) -> Decimal:\n    return sum((row.amount for row in rows), Decimal(0))\n",
    "json": '{"id":17,"name":"account 17","amount":297.5,"flags":[true,null]},',
    "base64": "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8BI0VniavN7wEjRWeJ",
    "digest": "e6da5264e039d78e66d5c1bfa27d5517738500c44dad68f069cd3ab37da0b7fb\n",
}


@given(st.lists(st.text()), st.integers(0, 3))
def test_the_bounds_enclose_the_guess(blocks: list[str], images: int) -> None:
    """Whatever is in a prompt, the guess lies between the bounds."""
    prompt = prompt_of(*blocks, images=(IMAGE,) * images)
    assert at_least(prompt) <= guess(prompt) <= at_most(prompt)


@given(st.text(), st.text())
def test_more_text_is_never_fewer_tokens(text: str, more: str) -> None:
    """Text added to a block lowers neither bound."""
    shorter, longer = prompt_of(text), prompt_of(text + more)
    assert at_most(shorter) <= at_most(longer)
    assert at_least(shorter) <= at_least(longer)


@pytest.mark.parametrize("text", ["plain", "maçã", "头痛", "\U0001f600"])
def test_letters_count_as_their_bytes(text: str) -> None:
    """The upper bound grows by the bytes of UTF-8, the guess by half of them."""
    size = len(text.encode()) * 100
    prompt = prompt_of(f"{text} " * 100)
    assert at_most(prompt) - at_most(EMPTY) == size + 100
    assert guess(prompt) - guess(EMPTY) == pytest.approx((size + 100) / 2, abs=1)


def test_data_counts_by_the_byte() -> None:
    """A key or a digest is guessed at one token a byte: no vocabulary has words for it."""
    words, run = "abc " * 25, "abcd" * 25
    assert guess(prompt_of(words)) - guess(EMPTY) == 50
    assert guess(prompt_of(run)) - guess(EMPTY) == 100


def test_every_image_counts() -> None:
    """Each image adds its most to the bound and its usual most to the guess, whatever its bytes."""
    shown = prompt_of("", images=(IMAGE, IMAGE))
    assert at_most(shown) - at_most(EMPTY) >= 2 * IMAGE_AT_MOST
    assert guess(shown) - guess(EMPTY) >= 2 * IMAGE_GUESS
    assert at_least(shown) == at_least(EMPTY)


def test_the_prefix_counts() -> None:
    """The questionnaire is part of what must fit."""
    assert at_most(prompt_of("", prefix=PREFIX * 2)) - at_most(EMPTY) == len(PREFIX.encode())


def test_the_repair_is_within_the_bound() -> None:
    """The bound that lets a prompt through also holds for the second ask, which has one more block."""
    prompt = prompt_of(PROSE)
    again = prompt.repaired()
    sent = sum(len(text.encode()) for text in (again.questionnaire.prefix, *again.blocks))
    assert len(PREFIX.encode()) + len(PROSE) < sent < at_most(prompt)


def test_what_fits() -> None:
    """Room for both bounds is sure, room for neither is never, and in between somebody has to count."""
    prompt = replace(prompt_of(PROSE * 1000), max_output_tokens=500)
    assert fit(prompt, at_most(prompt) + 500) is Fit.SURE
    assert fit(prompt, at_most(prompt) + 499) is Fit.OPEN
    assert fit(prompt, at_least(prompt) + 500) is Fit.OPEN
    assert fit(prompt, at_least(prompt) + 499) is Fit.NEVER
    assert fit(prompt, 1) is Fit.NEVER


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=st.text(max_size=300))
def test_the_bounds_hold_for_real_vocabularies(encoding: str, text: str) -> None:
    """What a real tokenizer counts lies between the bounds, for any text."""
    prompt = prompt_of(text)
    counted = tokens(PREFIX, encoding) + tokens(text, encoding)
    assert at_least(prompt) <= counted <= at_most(prompt)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("text", [" ", "\n", "=", "-", "ab" * 40, "\U00010300", "\u1206"])
def test_the_bounds_hold_for_what_is_written_shortest_and_longest(encoding: str, text: str) -> None:
    """Runs, which vocabularies have single tokens for, and letters that they lack stay between the bounds."""
    text *= 20_000 // len(text)
    counted = tokens(text, encoding)
    assert at_least(prompt_of(text)) <= counted + tokens(PREFIX, encoding)
    assert counted <= at_most(prompt_of(text)) - at_most(EMPTY)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_token_is_longer(encoding: str) -> None:
    """The constant of the lower bound is the longest token of the vocabularies that can be looked into."""
    assert longest_token(encoding) == LONGEST_TOKEN_BYTES


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", GUESSED)
def test_the_guess_is_cautious(encoding: str, name: str) -> None:
    """Of prose in any of these languages, of code and of data rather too many tokens are guessed than too few."""
    text = GUESSED[name] * 20
    assert tokens(text, encoding) <= guess(prompt_of(text)) - guess(EMPTY)
