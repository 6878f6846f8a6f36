from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reviewer.core.finding import Origin, Outcome, Quote, QuoteStatus
from reviewer.core.folding import fold
from reviewer.core.outcome import Answer, Completed, Critique, Evidence, FailureKind, Unavailable
from reviewer.core.rubric import EvidenceDemand, Kind, Place
from reviewer.core.segments import HIDDEN, SegmentIndex
from reviewer.core.verification import QuoteFinder, verify, verify_all
from tests.support.builders import criterion, index_of, plan_of, rubric, said, source
from tests.support.strategies import Excerpt, excerpts

DRAFT = (
    "Take one tablet of ibuprofen after a meal.\n"
    "\n"
    "If the pain \u201clasts longer\u201d than three days\u2014or gets worse\u2014see a doctor.\r\n"
    "Never exceed the stated dose of\t5 mg\n"
    "in any 24 hours."
)
LEAFLET = "Do not take more than three tablets a day. See a doctor if the pain lasts."


def find(text: str, seg: str, place: Place = Place.DRAFT, index: SegmentIndex | None = None) -> Quote:
    return QuoteFinder(index or index_of(DRAFT, sources=(source(LEAFLET),))).find(Evidence(place, seg, text))


def test_exact_quote() -> None:
    """A quote that stands in the named segment as written is found there, with its span in the caller's text."""
    found = find("one tablet of ibuprofen", "d1")

    assert found == Quote(Place.DRAFT, "draft", "one tablet of ibuprofen", 5, 28, QuoteStatus.EXACT)
    assert DRAFT[5:28] == found.text


@pytest.mark.parametrize(
    ("copied", "written"),
    [
        ('pain "lasts longer" than', "pain \u201clasts longer\u201d than"),
        ("three days - or gets worse", None),
        ("three days-or gets worse", "three days\u2014or gets worse"),
        ("DOSE OF 5 MG", None),
        ("stated dose of 5 mg", "stated dose of\t5 mg"),
        ("Stated  Dose\nof 5 mg", "stated dose of\t5 mg"),
        ("dose of 5 mg in any 24 hours", "dose of\t5 mg\nin any 24 hours"),
        ("or gets worse\u2014see a doctor. never exceed", "or gets worse\u2014see a doctor.\r\nNever exceed"),
    ],
)
def test_folded_quote(copied: str, written: str | None) -> None:
    """White space, case, quotes and dashes may differ; words and spaces around dashes may not."""
    found = find(copied, "d3" if "dose" in copied.lower() and "worse" not in copied else "d2")

    if written is None and copied.isupper():
        written = "dose of\t5 mg"
    if written is None:
        assert found.status is QuoteStatus.FAILED
    else:
        assert found.status is QuoteStatus.FOLDED
        assert found.text == DRAFT[found.start : found.end] == written


@pytest.mark.parametrize("seg", ["d2", "d9", "s1.1", "nonsense", "", "d1000000000000", "d0", "D1", "d-1"])
@pytest.mark.parametrize("text", ["one tablet of ibuprofen", "ONE tablet of  ibuprofen"])
def test_relocated_quote(seg: str, text: str) -> None:
    """A quote that stands in the named place, but not where it was said to, is found and marked."""
    found = find(text, seg)

    assert found.status is QuoteStatus.RELOCATED
    assert (found.start, found.end) == (5, 28)


@pytest.mark.parametrize("text", ["Never exceed the stated", "never  exceed the stated"])
def test_a_later_segment_is_another_one(text: str) -> None:
    """Text that only stands after the named segment is found there, and marked; if it is common, it is not evidence."""
    common = index_of("Preface.\n" + "Never exceed the stated dose.\n" * 4)

    assert find(text, "d1").status is QuoteStatus.RELOCATED
    assert find(text, "d1").start == DRAFT.index("Never")
    assert find(text, "d1", index=common).status is QuoteStatus.FAILED
    assert find(text, "d2", index=common).status.verified


@pytest.mark.parametrize("place", [place for place in Place if place is not Place.DRAFT])
def test_another_place_is_no_home(place: Place) -> None:
    """A sentence of the draft is not found in any other place, images included, whichever segment it names."""
    for seg in ("d1", "s1.1", "i1"):
        assert find("one tablet of ibuprofen", seg, place).status is QuoteStatus.FAILED


def test_failed_quote_is_kept_as_claimed() -> None:
    """What was not found keeps place, segment and text of the claim and points nowhere."""
    assert find("two tablets of ibuprofen", "d1") == Quote(
        Place.DRAFT, "d1", "two tablets of ibuprofen", -1, -1, QuoteStatus.FAILED
    )


@pytest.mark.parametrize(
    "text", ["", "   ", "\n", "...", "\u2026", "d1|", "d1| ", "\u200b", "[...]", "\u27e8U+200B\u27e9"]
)
def test_empty_quote_fails(text: str) -> None:
    """A quote without text fails, also where its segment exists."""
    assert find(text, "d1").status is QuoteStatus.FAILED


@pytest.mark.parametrize("text", ["tablet", "dose of", "of 5 mg", "a meal.", "in any 24"])
def test_short_quote_fails(text: str) -> None:
    """Fewer than 12 characters are no quote, though they stand in the named segment."""
    assert {find(text, f"d{n}").status for n in range(1, 5)} == {QuoteStatus.FAILED}


def test_whole_short_segment_counts() -> None:
    """A short quote counts where it is the whole of the segment that it names, and only there."""
    index = index_of("Call 192.\nThen wait for help to come.")

    assert find("Call 192.", "d1", index=index).status.verified
    assert find("call  192.", "d1", index=index) == Quote(Place.DRAFT, "draft", "Call 192.", 0, 9, QuoteStatus.FOLDED)
    assert find("Call 192.", "d2", index=index).status is QuoteStatus.FAILED
    assert find("Call 192", "d1", index=index).status is QuoteStatus.FAILED


SMALL = ["and so it is, as it was", "- - - - - - - - -", ". . . . . . . ."]


@pytest.mark.parametrize("text", SMALL)
def test_small_words_are_no_quote(text: str) -> None:
    """Small words and marks alone are no quote, however many."""
    assert find(text, "d1", index=index_of(f"Afterwards {text} before")).status is QuoteStatus.FAILED


@pytest.mark.parametrize("text", SMALL[1:])
def test_a_segment_of_marks_is_no_quote(text: str) -> None:
    """Marks alone are no quote even where they are the whole of the named segment; a whole line of words is."""
    assert find(text, "d1", index=index_of(f"{text}\nsomething else entirely")).status is QuoteStatus.FAILED


@pytest.mark.parametrize("copied", ["see your doctor", "SEE  your doctor"])
@pytest.mark.parametrize(("times", "verified"), [(1, True), (3, True), (4, False), (50, False)])
def test_common_text_needs_its_segment(copied: str, times: int, verified: bool) -> None:
    """Text that stands more than three times is evidence only with a segment that holds it."""
    index = index_of("\n".join([f"In case {n}, see your doctor." for n in range(times)] + ["The end of the list."]))

    assert find(copied, f"d{times + 1}", index=index).status.verified is verified
    at_home = find(copied, f"d{times}", index=index)
    assert at_home.status is (QuoteStatus.EXACT if copied.islower() else QuoteStatus.FOLDED)
    assert index.parts[-1].passage.text[: at_home.start].count("\n") == times - 1


def test_common_text_is_counted_over_all_parts() -> None:
    """Occurrences in several sources count together."""
    index = index_of("-", sources=tuple(source("Please see your doctor.", f"s{n}") for n in range(4)))

    assert find("see your doctor", "s9.1", Place.SOURCE, index).status is QuoteStatus.FAILED
    assert find("see your doctor", "s3.1", Place.SOURCE, index).ref == "s2"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Take one tablet ... after a meal", "Take one tablet of ibuprofen after a meal"),
        ("Take one tablet\u2026after a meal", "Take one tablet of ibuprofen after a meal"),
        ("take one tablet [...] see a doctor", DRAFT[: DRAFT.index("see a doctor") + len("see a doctor")]),
        ("one tablet of ibuprofen...", "one tablet of ibuprofen"),
        ("\u2026 one tablet of ibuprofen", "one tablet of ibuprofen"),
        ("[...] one tablet of ibuprofen [...]", "one tablet of ibuprofen"),
    ],
)
def test_ellipsis_joins_pieces(text: str, written: str) -> None:
    """An ellipsis stands for left-out text: the span runs from the first piece to the last, in this order."""
    found = find(text, "d1")

    assert found.status is QuoteStatus.FOLDED
    assert found.text == DRAFT[found.start : found.end] == written


@pytest.mark.parametrize(
    "text",
    [
        "after a meal ... Take one tablet",
        "Take one tablet ... meal",
        "Take one tablet ... never written anywhere",
        "one tablet ... more than three tablets a day",
        "... dose ...",
    ],
)
def test_ellipsis_pieces_must_hold(text: str) -> None:
    """Pieces out of order, too short, invented, or from two places do not make a quote."""
    assert find(text, "d1").status is QuoteStatus.FAILED


def test_written_ellipsis_is_text() -> None:
    """An ellipsis that the draft itself holds may be copied in either spelling."""
    index = index_of("Wait for it\u2026 and then take the tablet.")

    assert find("Wait for it\u2026 and then", "d1", index=index).status is QuoteStatus.EXACT
    assert find("wait for it... and then", "d1", index=index).status is QuoteStatus.FOLDED


@given(excerpts())
def test_any_excerpt_is_found(excerpt: Excerpt) -> None:
    """Text of the draft, however it is wrapped and quoted anew, is found, and its span folds to the same text."""
    assume(countable(excerpt.quoted))
    index = index_of(excerpt.text)
    named = next(index.parts[-1].segment_id(n) for n, (_, end) in enumerate(spans(index), 1) if end > excerpt.start)

    for rewrite in (str, retyped, unwrapped):
        found = find(rewrite(excerpt.quoted), named, index=index)
        if not found.status.verified:
            # More than three times in the draft, and begun in white space before its segment or run over its end.
            assert fold(excerpt.text).count(fold(excerpt.quoted)) > 3
            continue
        assert fold(excerpt.text[found.start : found.end]) == fold(excerpt.quoted)
        assert found.text == excerpt.text[found.start : found.end]


def spans(index: SegmentIndex) -> tuple[tuple[int, int], ...]:
    return index.parts[-1].spans


def countable(text: str) -> bool:
    folded = fold(text)
    return len(folded) >= 12 and re.search(r"\d|[^\W\d_]{4}", folded) is not None


def retyped(text: str) -> str:
    """Type a text anew as a model would: other quotes, dashes, white space and case."""
    table = str.maketrans({"\u201c": '"', "\u201d": '"', "'": "\u2019", "\u2014": "-", "\u2013": "-", " ": "\n  "})
    return text.translate(table).swapcase() if text.isascii() else text.translate(table)


def unwrapped(text: str) -> str:
    """Copy a text over its line ends, into one line."""
    return " ".join(text.split())


@given(excerpts())
def test_nothing_is_found_in_another_text(excerpt: Excerpt) -> None:
    """A quote of one draft fails against a draft that does not hold it."""
    assume(countable(excerpt.quoted))
    index = index_of(LEAFLET + "\n" + "The pharmacist answers further questions. " * 5)

    assert find(excerpt.quoted, "d1", index=index).status is QuoteStatus.FAILED


@given(excerpts())
def test_rendered_lines_can_be_copied(excerpt: Excerpt) -> None:
    """A line copied from the prompt, its mark and the names of hidden characters included, is found at home."""
    index = index_of(excerpt.text)
    part = index.parts[-1]
    for number, line in enumerate(part.rendered().split("\n"), 1):
        begin, end = part.spans[number - 1]
        if countable(part.passage.text[begin:end]):
            found = find(line, part.segment_id(number), index=index)
            assert (found.start, found.end) == (
                begin + leading(part.passage.text[begin:end]),
                trailing(part.passage.text, end),
            )


def leading(text: str) -> int:
    return len(text) - len(text.lstrip())


def trailing(text: str, end: int) -> int:
    return len(text[:end].rstrip())


@pytest.mark.parametrize(
    "hidden", ["\x00", "\x08", "\x1b", "\x7f", "\u00ad", "\u200b", "\u202e", "\ufeff", "\U000e0041"]
)
def test_hidden_characters_can_be_copied(hidden: str) -> None:
    """A line with a hidden character is found as the prompt spells it, and without it."""
    text = f"Take the tab{hidden}let after a meal."
    index = index_of(text)
    shown = index.parts[-1].rendered()

    assert HIDDEN.search(hidden)
    assert find(shown, "d1", index=index).status.verified
    assert find("Take the tablet after a meal.", "d1", index=index).status.verified


def test_quote_over_several_segments_with_marks() -> None:
    """A quote copied over line ends together with our segment marks is found, in the segment where it begins."""
    copied = "d3| Never exceed the stated dose of\t5 mg\nd4| in any 24 hours."

    assert find(copied, "d3").text == "Never exceed the stated dose of\t5 mg\nin any 24 hours."
    assert find(copied, "d3").status is QuoteStatus.EXACT
    assert find("or gets worse\u2014see a doctor. d3| Never exceed", "d2").status is QuoteStatus.FOLDED


def test_quote_over_a_cut_line() -> None:
    """A long line without spaces is cut for the prompt, and a quote over the cut is found all the same."""
    index = index_of("x" * 230 + "Longitude" * 10)

    assert len(spans(index)) > 1
    assert find("xxLongitudeLongitude", "d1", index=index).start == 228
    assert find("XXlongitudelongitude", "d1", index=index).start == 228


@pytest.mark.parametrize("copied", ["write to [EMAIL_1] before", "Write to  [email_1] before"])
def test_offsets_reach_through_redaction(copied: str) -> None:
    """A span over a placeholder maps to the value as the caller wrote it, and what follows keeps its place."""
    text = "Please mail ana@example.org first, or write to joe.soap@example.org before you take the tablet."
    index = index_of(text)
    two = copied.replace("1", "2")
    found = find(two, "d1", index=index)
    after = find("before you take", "d1", index=index)

    assert text[found.start : found.end] == "write to joe.soap@example.org before"
    assert found.text == "write to [EMAIL_2] before"
    assert text[after.start : after.end] == "before you take"


def test_cut_placeholder_maps_to_its_whole_value() -> None:
    """A quote that ends inside a placeholder points to the whole value."""
    text = "Please write to joe.soap@example.org today."
    found = find("Please write to [EMAIL", "d1", index=index_of(text))

    assert text[found.start : found.end] == "Please write to joe.soap@example.org"


def test_quotes_are_found_in_every_text() -> None:
    """Conversation turns are places of their own, with their address."""
    index = index_of(DRAFT, conversation=said("Hello there, doctor.", "My tooth has been hurting."))
    found = find("tooth has been hurting", "m2.1", Place.CONVERSATION, index)

    assert (found.ref, found.status) == ("m1.0", QuoteStatus.EXACT)


ON = EvidenceDemand
GOOD = Evidence(Place.DRAFT, "d1", "one tablet of ibuprofen")
ELSEWHERE = Evidence(Place.SOURCE, "s1.1", "more than three tablets")
INVENTED = Evidence(Place.DRAFT, "d1", "two tablets of paracetamol")
DEMANDED = {
    ON.ON_MET: {Outcome.MET},
    ON.ON_NOT_MET: {Outcome.NOT_MET},
    ON.BOTH: {Outcome.MET, Outcome.NOT_MET},
    ON.NONE: set[Outcome](),
}


@pytest.mark.parametrize("outcome", [Outcome.MET, Outcome.NOT_MET, Outcome.UNCERTAIN])
@pytest.mark.parametrize("demand", list(EvidenceDemand))
@pytest.mark.parametrize(
    ("evidence", "counts", "invented"),
    [
        ((), False, False),
        ((GOOD,), True, False),
        ((GOOD, INVENTED), True, False),
        ((INVENTED,), False, True),
        ((INVENTED, INVENTED), False, True),
        ((ELSEWHERE,), False, False),
        ((ELSEWHERE, INVENTED), False, False),
    ],
)
def test_evidence_on_its_side(
    outcome: Outcome, demand: EvidenceDemand, evidence: tuple[Evidence, ...], counts: bool, invented: bool
) -> None:
    """Where evidence is due, none that counts makes the answer UNCERTAIN, and only invented ones make it unverified."""
    item = criterion("asked", evidence={"on": demand.value})
    finding = verify(Answer("probe/asked", outcome, evidence, "why", "fix"), item, "critic-1", finder())
    due = outcome in DEMANDED[demand]

    assert finding.outcome is (Outcome.UNCERTAIN if due and not counts else outcome)
    assert finding.unverified is (due and invented)
    assert finding.claimed is outcome
    assert len(finding.quotes) == len(evidence)
    assert (finding.criterion, finding.by, finding.origin) == ("probe/asked", "critic-1", Origin.CRITIC)
    assert (finding.why, finding.fix) == ("why", "fix")


def finder() -> QuoteFinder:
    return QuoteFinder(index_of(DRAFT, sources=(source(LEAFLET),)))


@pytest.mark.parametrize(
    ("kind", "demanded"),
    [
        (Kind.PRESENCE, {Outcome.MET}),
        (Kind.ABSENCE, {Outcome.NOT_MET}),
        (Kind.GROUNDING, {Outcome.MET, Outcome.NOT_MET}),
        (Kind.ACTION, {Outcome.MET, Outcome.NOT_MET}),
        (Kind.QUALITY, {Outcome.MET, Outcome.NOT_MET}),
    ],
)
def test_demand_follows_the_kind(kind: Kind, demanded: set[Outcome]) -> None:
    """What is missing cannot be quoted: each kind asks for evidence on the side where it can exist."""
    item = criterion("asked", kind=kind.value)
    answered = {o: verify(Answer("probe/asked", o), item, "m", finder()).outcome for o in Outcome}

    assert {o for o in (Outcome.MET, Outcome.NOT_MET) if answered[o] is Outcome.UNCERTAIN} == demanded
    assert verify(Answer("probe/asked", Outcome.MET, (GOOD,)), item, "m", finder()).outcome is Outcome.MET


def test_missing_evidence_of_a_failure_is_not_forgotten() -> None:
    """A NOT_MET that becomes UNCERTAIN keeps the claim, so that the verdict weighs it in full."""
    finding = verify(Answer("probe/asked", Outcome.NOT_MET), criterion("asked"), "m", finder())

    assert (finding.claimed, finding.outcome) == (Outcome.NOT_MET, Outcome.UNCERTAIN)


@pytest.mark.parametrize(("given", "outcome"), [(1, Outcome.UNCERTAIN), (2, Outcome.MET), (3, Outcome.MET)])
def test_number_of_quotes(given: int, outcome: Outcome) -> None:
    """A criterion that asks for two quotes is met by two."""
    evidence = (GOOD, Evidence(Place.DRAFT, "d3", "Never exceed the stated dose"), GOOD)[:given]
    item = criterion("asked", evidence={"on": "on_met", "min_quotes": 2})

    assert verify(Answer("probe/asked", Outcome.MET, evidence), item, "m", finder()).outcome is outcome


@pytest.mark.parametrize(
    ("allowed", "why", "outcome"),
    [
        (True, "no dose is named", Outcome.NOT_APPLICABLE),
        (True, "  ", Outcome.UNCERTAIN),
        (True, "", Outcome.UNCERTAIN),
        (False, "no dose is named", Outcome.UNCERTAIN),
    ],
)
def test_waiver_needs_leave_and_reason(allowed: bool, why: str, outcome: Outcome) -> None:
    """NOT_APPLICABLE holds where the criterion allows it and a reason is given; else it is UNCERTAIN."""
    item = criterion("asked", "major", na_allowed=allowed)

    assert verify(Answer("probe/asked", Outcome.NOT_APPLICABLE, (), why), item, "m", finder()).outcome is outcome


def test_worst_opinion_is_the_claim() -> None:
    """Where the critic gave several answers, the worst of them is what it claimed."""
    answer = Answer("probe/asked", Outcome.UNCERTAIN, (), "answered twice", worst=Outcome.NOT_MET)

    assert verify(answer, criterion("asked"), "m", finder()).claimed is Outcome.NOT_MET


def test_every_judge_is_heard_on_its_own() -> None:
    """Answers of each complete critique become findings of its judge; a lost critique has none."""
    plan = plan_of(rubric(criterion("asked"), criterion("other")))
    answers = tuple(Answer(f"probe/{name}", Outcome.MET) for name in ("asked", "other"))
    lost = Critique("ben", Unavailable(FailureKind.TIMEOUT, "gone"))
    critiques = (Critique("ana", Completed(answers)), lost, Critique("cleo", Completed(answers[1:])))
    found = verify_all(critiques, index_of(DRAFT), plan, frozenset())

    assert [(f.by, f.criterion) for f in found] == [
        ("ana", "probe/asked"),
        ("ana", "probe/other"),
        ("cleo", "probe/other"),
    ]


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("worst", [None, *Outcome])
def test_only_bad_news_counts_where_a_criterion_does_not_apply(outcome: Outcome, worst: Outcome | None) -> None:
    """An answer to a question that does not arise is dropped, unless it is, or once was, NOT_MET."""
    plan = plan_of(rubric(criterion("asked")))
    critiques = (Critique("ana", Completed((Answer("probe/asked", outcome, worst=worst),))),)
    found = verify_all(critiques, index_of(DRAFT), plan, frozenset({"probe/asked"}))

    assert bool(found) is (Outcome.NOT_MET in (outcome, worst))


@given(st.text(), st.text(max_size=8), st.sampled_from(Place), st.sampled_from(Outcome))
def test_verification_never_raises(text: str, seg: str, place: Place, outcome: Outcome) -> None:
    """Whatever a critic claims, there is a finding with one quote for each claim."""
    answer = Answer("probe/asked", outcome, (Evidence(place, seg, text),))

    assert len(verify(answer, criterion("asked"), "m", finder()).quotes) == 1


@pytest.mark.parametrize(
    "unit", ["The tablet is taken once. ", "x", "\u00e9\u0301", "ab\n", "a\t", '"\u201d.', "see your doctor now. "]
)
def test_work_is_linear(unit: str) -> None:
    """Four times the text takes about four times as long to search, for quotes that fail and quotes that are common."""
    small, large = (100_000 // len(unit) * unit * times for times in (1, 4))

    assert spent(large) < 12 * spent(small) + 0.01


def spent(text: str) -> float:
    """CPU seconds of the quickest of three searches."""
    index = index_of(text)
    claims = [text[:40] + " never written", "see your doctor ... never written", '"' * 40 + "x" * 40, "x" * 40]

    def search() -> None:
        finder = QuoteFinder(index)
        for claim in claims:
            finder.find(Evidence(Place.DRAFT, "d1", claim))

    return min(timed(search) for _ in range(3))


def timed(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
