"""Digit runs: cards, CNPJ, CPF, SSN and phone numbers among groups of digits with little between them.

Two values side by side, or a value and a short number, look like one number. Only checksums and phone plans tell them
apart, so a run is cut into those values that account for most of its digits. Each group begins a bounded number of
candidates: cost is linear in the text.

Not here: values with letters in them, and how a text is scanned (`reviewer.core.detection`). Digits are ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata
from stdnum import luhn
from stdnum.br import cnpj, cpf
from stdnum.us import ssn

# A number may follow an escape that nobody has read, as in JSON inside a string of JSON.
_RUN = re.compile(r"(?:(?<!\w)|(?<=\\[nrt]))(\+ ?)?\(?[0-9](?:[ .\-()/]{0,2}[0-9]){7,}")
_GROUP = re.compile(r"[0-9]+")
_DAY_OR_MONTH = r"(?:0?[1-9]|[12][0-9]|3[01])"
_YEAR = r"(?:19|20)[0-9]{2}"
_DATE = re.compile(
    rf"(?<![0-9])(?:{_YEAR}([\-/.]){_DAY_OR_MONTH}\1{_DAY_OR_MONTH}|{_DAY_OR_MONTH}([\-/.]){_DAY_OR_MONTH}\2{_YEAR})"
    r"(?![0-9])"
)
_GLUED_BEFORE = re.compile(r"(?:[.,/]|\w-)\Z")
# A time follows, or more of an identifier.
_GLUED_AFTER = re.compile(r":[0-9]|-[^\W\d_]")
# Signs that join the groups of one number, where no blank stands beside them.
_JOINING = frozenset({"-", ".", "--", ".."})

# Digits a group, in the ways in which people write values with a checksum.
_SHAPES: dict[tuple[int, ...], tuple[str, ...]] = {
    **{(n,): ("card",) for n in range(13, 20)},
    **dict.fromkeys([(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 5), (4, 4, 4, 1), (4, 4, 4, 3), (6, 13)], ("card",)),
    **dict.fromkeys([(4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (8, 8)], ("card",)),
    **dict.fromkeys([(2, 3, 3, 4, 2), (8, 4, 2), (12, 2)], ("cnpj",)),
    **dict.fromkeys([(11,), (3, 3, 3, 2), (9, 2)], ("cpf",)),
    (14,): ("card", "cnpj"),
    (3, 2, 4): ("ssn",),
}
_SHORTEST, _LONGEST = 8, 19
_MOST_GROUPS = 7
_MOST_LOCAL_GROUPS = 6
_MOST_SINGLE_DIGITS = 2


@dataclass(frozen=True, slots=True)
class _Run:
    """Groups of digits of a text.

    Attributes:
        spans: of the groups, in the text.
        gaps: what stands between each group and the next.
        begin: of the leading plus sign where there is one, else of the first group.
        plus: whether a plus sign leads.
        dated: numbers of the groups that belong to dates.
        local_first, local_last: whether a phone number without country code may begin and end where the run does.
    """

    text: str
    spans: list[tuple[int, int]]
    gaps: list[str]
    digits: list[str]
    sizes: tuple[int, ...]
    begin: int
    plus: bool
    dated: frozenset[int]
    local_first: bool
    local_last: bool

    def number(self, first: int, last: int) -> str:
        """Digits of groups `first` to `last`."""
        return "".join(self.digits[first : last + 1])

    def is_figure(self, first: int, last: int) -> bool:
        """Whether points make the groups a decimal, or thousands."""
        if set(self.gaps[first:last]) != {"."}:
            return False
        return last - first == 1 or (self.sizes[first] < 3 and set(self.sizes[first + 1 : last + 1]) == {3})

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Where groups `first` to `last` stand, with their sign and opening bracket."""
        start, end = self.spans[first][0], self.spans[last][1]
        if first == 0 and self.plus:
            return self.begin, end
        if start and self.text[start - 1] == "(" and ")" in self.text[start:end]:
            start -= 1
        return start, end


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A value that ends with group `last`; certain where its form speaks for it besides its digits."""

    kind: str
    last: int
    size: int
    certain: bool

    @property
    def weight(self) -> int:
        return self.size * 2 if self.certain else self.size


def values(text: str, region: str) -> Iterator[tuple[str, int, int]]:
    """Find numbers of people, companies, accounts and phones.

    Args:
        text: digits of other scripts are not seen.
        region: ISO 3166 region for phone numbers written without a country code.

    Returns:
        Kind (`card`, `cnpj`, `cpf`, `ssn` or `phone`) and half-open span, by position, without overlaps.
    """
    done = -1
    for match in _RUN.finditer(text):
        run = _read(text, match, follows_value=done == match.start() - 1)
        for kind, first, last in _cut(run, region):
            start, done = run.span(first, last)
            yield kind, start, done


def _read(text: str, match: re.Match[str], *, follows_value: bool) -> _Run:
    begin, end = match.span()
    spans = [group.span() for group in _GROUP.finditer(text, begin, end)]
    next_sign = text[end : end + 1]
    if next_sign.isalnum() or next_sign == "_":
        spans.pop()
    return _Run(
        text,
        spans,
        [text[a:b] for (_, a), (b, _) in pairwise(spans)],
        [text[a:b] for a, b in spans],
        tuple(b - a for a, b in spans),
        begin,
        match.group(1) is not None,
        _dated(text, spans),
        # In a list without blanks, a comma after a value separates; after anything else it may be a decimal comma.
        follows_value or _GLUED_BEFORE.search(text, max(begin - 2, 0), begin) is None,
        _GLUED_AFTER.match(text, end) is None,
    )


def _dated(text: str, spans: list[tuple[int, int]]) -> frozenset[int]:
    if len(spans) < 3:
        return frozenset()
    dates = [date.start() for date in _DATE.finditer(text, spans[0][0], spans[-1][1])]
    if not dates:
        return frozenset()
    number = {start: n for n, (start, _) in enumerate(spans)}
    return frozenset(number[start] + n for start in dates for n in range(3))


def _cut(run: _Run, region: str) -> Iterator[tuple[str, int, int]]:
    """Choose values (kind, first and last group) of the greatest weight; of equals the leftmost and longest."""
    count = len(run.spans)
    whole = _whole(run, region)
    if whole is not None and whole.certain:
        yield whole.kind, 0, count - 1
        return
    best = [0] * (count + 1)
    choice: list[_Candidate | None] = [None] * count
    for first in reversed(range(count)):
        best[first] = best[first + 1]
        for candidate in _candidates(run, first, region):
            weight = candidate.weight + best[candidate.last + 1]
            if weight >= best[first]:
                best[first], choice[first] = weight, candidate
    if whole is not None and whole.weight >= best[0]:
        choice[0] = whole
    at = 0
    while at < count:
        chosen = choice[at]
        if chosen is not None:
            yield chosen.kind, at, chosen.last
            at = chosen.last
        at += 1


def _whole(run: _Run, region: str) -> _Candidate | None:
    """Return what all groups together are; there is no other value in them then, so that any form will do."""
    last = len(run.spans) - 1
    size = sum(run.sizes)
    if not _SHORTEST <= size <= _LONGEST:
        return None
    if kind := _by_form(run, 0, last):
        return _Candidate(kind, last, size, certain=True)
    if run.dated or run.is_figure(0, last):
        return None
    digits = run.number(0, last)
    if not _is_amount(run.sizes):
        kind = next((kind for kind in ("card", "cnpj", "cpf") if _is_valid(kind, digits)), "")
    if not kind and run.local_first and run.local_last and not run.plus and _is_phone_of(region, digits):
        kind = "phone"
    return _Candidate(kind, last, size, certain=False) if kind else None


def _candidates(run: _Run, first: int, region: str) -> Iterator[_Candidate]:
    """Yield each value that may begin with group `first`."""
    # What follows a point without a blank is a part of a decimal, a version or an address of a machine.
    gap = run.gaps[first - 1] if first else ""
    if gap == ".":
        return
    may_be_local = (run.local_first and not run.plus) if first == 0 else gap not in _JOINING
    size = 0
    for last in range(first, min(first + _MOST_GROUPS, len(run.spans))):
        size += run.sizes[last]
        if size > _LONGEST:
            return
        if size < _SHORTEST:
            continue
        if kind := _by_form(run, first, last):
            yield _Candidate(kind, last, size, certain=True)
        elif may_be_local and _is_local_phone(run, first, last, region):
            yield _Candidate("phone", last, size, certain=False)


def _by_form(run: _Run, first: int, last: int) -> str:
    """Return the kind that a value's form speaks for as its digits do, else an empty one."""
    if first == 0 and run.plus and _is_international_phone(run.number(first, last)):
        return "phone"
    for kind in _SHAPES.get(run.sizes[first : last + 1], ()):
        written_so = kind != "ssn" or run.gaps[first] == run.gaps[first + 1] == "-"
        if written_so and _is_valid(kind, run.number(first, last)):
            return kind
    return ""


def _is_valid(kind: str, digits: str) -> bool:
    if kind == "card":
        return len(digits) >= 13 and digits[0] in "23456" and luhn.is_valid(digits)
    if kind == "cnpj":
        return len(digits) == 14 and cnpj.is_valid(digits)
    if kind == "cpf":
        return len(digits) == 11 and cpf.is_valid(digits)
    return ssn.is_valid(digits)


def _is_amount(sizes: tuple[int, ...]) -> bool:
    """Whether groups of three make it a large number."""
    return len(sizes) > 1 and sizes[0] <= 3 and set(sizes[1:]) == {3}


def _is_local_phone(run: _Run, first: int, last: int, region: str) -> bool:
    """Whether some groups of a run are set as a phone number without country code, and are one."""
    ends = run.local_last if last == len(run.spans) - 1 else run.gaps[last] not in _JOINING
    if not ends or last - first >= _MOST_LOCAL_GROUPS:
        return False
    if run.sizes[first : last + 1].count(1) > _MOST_SINGLE_DIGITS or run.is_figure(first, last):
        return False
    if run.dated and not run.dated.isdisjoint(range(first, last + 1)):
        return False
    return _is_phone_of(region, run.number(first, last))


@dataclass(frozen=True, slots=True)
class _Plan:
    """A phone plan, as phonenumbers describes it; asked directly, for parsing a number costs twenty times as much.

    Attributes:
        code: country calling code.
        numbers: national numbers of any type, of all regions that share the code.
        trunk, rule: what may stand before a number within the country, and what is left of it then.
        abroad: what stands before other countries' codes.
    """

    code: str
    numbers: re.Pattern[str]
    trunk: re.Pattern[str] | None
    rule: str
    abroad: re.Pattern[str] | None

    def holds(self, digits: str) -> bool:
        """Whether digits without country code are a number, with or without trunk prefix."""
        if self.numbers.fullmatch(digits):
            return True
        before = self.trunk.match(digits) if self.trunk is not None else None
        if before is None or before.end() == 0:
            return False
        put_back = before.expand(self.rule) if self.rule and before.groups()[-1] is not None else ""
        return self.numbers.fullmatch(put_back + digits[before.end() :]) is not None


def _is_international_phone(digits: str) -> bool:
    for length in (1, 2, 3):
        plan = _plan(int(digits[:length]))
        if plan is not None and plan.holds(digits[length:]):
            return True
    return False


def _is_phone_of(region: str, digits: str) -> bool:
    plan = _plan_within(region)
    if plan is None:
        return False
    if plan.holds(digits) or (digits.startswith(plan.code) and plan.holds(digits[len(plan.code) :])):
        return True
    before = plan.abroad.match(digits) if plan.abroad is not None else None
    return before is not None and before.end() < len(digits) and _is_international_phone(digits[before.end() :])


@lru_cache(maxsize=1024)
def _plan_within(region: str) -> _Plan | None:
    return _plan(phonenumbers.country_code_for_region(region), region)


@lru_cache(maxsize=1024)
def _plan(code: int, region: str = "") -> _Plan | None:
    """Return the plan of a country calling code, dialled from a region or, without one, from abroad."""
    regions = COUNTRY_CODE_TO_REGION_CODE.get(code, ())
    found = [PhoneMetadata.metadata_for_region_or_calling_code(code, shared) for shared in regions]
    numbers = dict.fromkeys(p for plan in found if plan is not None for p in _number_patterns(plan))
    own = PhoneMetadata.metadata_for_region_or_calling_code(code, region or regions[0]) if regions else None
    if own is None:
        return None
    return _Plan(
        str(code),
        re.compile("|".join(numbers)),
        re.compile(own.national_prefix_for_parsing) if own.national_prefix_for_parsing else None,
        own.national_prefix_transform_rule or "",
        re.compile(own.international_prefix) if own.international_prefix else None,
    )


def _number_patterns(plan: PhoneMetadata) -> Iterator[str]:
    for form in (
        plan.fixed_line,
        plan.mobile,
        plan.toll_free,
        plan.premium_rate,
        plan.shared_cost,
        plan.personal_number,
        plan.voip,
        plan.pager,
        plan.uan,
        plan.voicemail,
    ):
        if form is not None and form.national_number_pattern:
            yield form.national_number_pattern
