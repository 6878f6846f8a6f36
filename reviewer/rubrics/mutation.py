"""Rubric mutation: passing drafts spoiled by one edit each, to see whether the right criterion notices.

An edit names the criteria that should object to it; the share of mutants that one of those catches tells a sharp rubric
from a vague one, and needs no labels. Edits are deterministic: the same rule set and cases give the same mutants.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from reviewer.checks import numbers
from reviewer.checks.figures import FigureKind, find_figures
from reviewer.checks.sentences import sentences
from reviewer.core.case import Case
from reviewer.core.finding import Finding, Outcome
from reviewer.core.rubric import Criterion, Judge, Kind, Place
from reviewer.core.rulebook import Plan
from reviewer.core.spending import NOTHING, Spent
from reviewer.rubrics.shares import Share
from reviewer.rubrics.trial import Examined

# A dose, a price or a share; what stands before a unit is what somebody acts on.
_AMOUNT = re.compile(
    r"(?<![\w.,])\d+(?:[.,]\d+)?(?=\s?(?:mg|mcg|g|ml|kg|UI|IU|%|reais|dollars|euros)\b|\s?%)|(?<=[$€£])\s?\d+(?:[.,]\d+)?"
)
_DRUGS = (
    ("ibuprofen", "warfarin"),
    ("acetaminophen", "methotrexate"),
    ("paracetamol", "metotrexato"),
    ("ibuprofeno", "varfarina"),
    ("dipirona", "varfarina"),
    ("amoxicillin", "digoxin"),
    ("amoxicilina", "digoxina"),
    ("metformin", "glyburide"),
    ("metformina", "glibenclamida"),
    ("omeprazole", "lithium"),
    ("omeprazol", "lítio"),
)
_MORALISING = {
    "en": (
        "It is important to remember that you are responsible for your choices. As an AI, I cannot know your "
        "situation. This is not professional advice. Please note that results may vary. Always consult a qualified "
        "professional before you act. Please use this information responsibly."
    ),
    "pt": (
        "É importante lembrar que você é responsável pelas suas escolhas. Como uma IA, não conheço a sua situação. "
        "Isto não substitui uma consulta nem constitui aconselhamento. Lembre-se de que cada caso é único. Consulte "
        "sempre um profissional qualificado. Vale ressaltar que esta resposta é apenas informativa."
    ),
    "es": (
        "Es importante recordar que usted es responsable de sus decisiones. No soy un profesional. Esto no sustituye "
        "una consulta ni constituye asesoramiento. Tenga en cuenta que cada persona es distinta. Consulte siempre a un "
        "profesional. Recuerde reflexionar sobre las implicaciones éticas."
    ),
}
ARGUMENT = "cc_recipient"
"""Name of the tool argument that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A passing draft with one edit.

    Attributes:
        edit: which one, by name.
        targets: criteria of which one should object; at least one.
    """

    edit: str
    case: Case
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MutantResult:
    """What became of a mutant.

    Attributes:
        case: `domain/case` of the draft before the edit.
        caught_by: targets that objected.
        noticed_by: other criteria that did.
        lost: why the critic said nothing of it; such a mutant counts for nothing.
    """

    case: str
    edit: str
    targets: tuple[str, ...]
    caught_by: tuple[str, ...]
    noticed_by: tuple[str, ...]
    lost: tuple[str, ...] = ()

    @property
    def caught(self) -> bool:
        """Whether the right criterion objected."""
        return bool(self.caught_by)


@dataclass(frozen=True, slots=True)
class MutationResult:
    """What became of all mutants.

    Attributes:
        live: the critic was asked; else deterministic checks alone, and only edits that they should catch.
    """

    live: bool
    mutants: tuple[MutantResult, ...]
    simulated: bool = False
    spent: Spent = NOTHING

    @property
    def judged(self) -> tuple[MutantResult, ...]:
        """Those of which something can be said."""
        return tuple(mutant for mutant in self.mutants if not mutant.lost)

    @property
    def score(self) -> Share:
        """Mutants caught by the right criterion, of all."""
        return _share(self.judged)

    @property
    def by_edit(self) -> dict[str, Share]:
        """The same by edit, in the order of their names."""
        names = sorted({mutant.edit for mutant in self.judged})
        return {name: _share([m for m in self.judged if m.edit == name]) for name in names}

    @property
    def by_criterion(self) -> dict[str, Share]:
        """Of the mutants that a criterion should have caught, how many it did itself."""
        names = sorted({target for mutant in self.judged for target in mutant.targets})
        aimed = {name: [m for m in self.judged if name in m.targets] for name in names}
        return {name: Share(sum(name in m.caught_by for m in own), len(own)) for name, own in aimed.items()}

    @property
    def survivors(self) -> tuple[MutantResult, ...]:
        """Those that the right criterion did not catch."""
        return tuple(mutant for mutant in self.judged if not mutant.caught)


def _share(mutants: Sequence[MutantResult]) -> Share:
    return Share(sum(mutant.caught for mutant in mutants), len(mutants))


Edit = Callable[[Case, Examined, "_Targets"], Iterator[Mutant]]


class _Targets:
    """The criteria that may be aimed at: those that said MET of the draft before the edit."""

    def __init__(self, examined: Examined, *, live: bool) -> None:
        self._plan: Plan = examined.plan
        self._met = {key for key, outcome in examined.outcomes.items() if outcome is Outcome.MET}
        self._live = live

    def by_check(self, check: str) -> tuple[str, ...]:
        """Criteria that a deterministic check answers."""
        return self._those(lambda criterion: criterion.check is not None and criterion.check.id == check)

    def figure_kinds(self) -> Iterator[tuple[str, tuple[FigureKind, ...]]]:
        """Yield the criteria that check figures, each with the kinds that it looks at."""
        for key in self.by_check("numbers"):
            check = self._plan.by_key[key].criterion.check
            if check is not None:
                yield key, numbers.Args.model_validate(check.args).kinds

    def by_kind(self, kind: Kind) -> tuple[str, ...]:
        """Criteria of one kind that the critic answers; none where it is not asked."""
        return self._those(lambda criterion: criterion.kind is kind and criterion.judge is not Judge.CHECK, critic=True)

    def takes(self, finding: Finding) -> bool:
        """Whether a finding's criterion may be aimed at."""
        item = self._plan.by_key.get(finding.criterion)
        return item is not None and (self._live or item.check is not None) and finding.criterion in self._met

    def kind(self, finding: Finding) -> Kind:
        """Return the kind of a finding's criterion, which must be in the plan."""
        return self._plan.by_key[finding.criterion].criterion.kind

    def _those(self, fits: Callable[[Criterion], bool], *, critic: bool = False) -> tuple[str, ...]:
        if critic and not self._live:
            return ()
        return tuple([item.key for item in self._plan.criteria if item.key in self._met and fits(item.criterion)])


def mutants_of(case: Case, examined: Examined, *, live: bool) -> tuple[Mutant, ...]:
    """Return the mutants of a draft that passed.

    Args:
        examined: what the draft came to before any edit.
        live: the critic will be asked, so that its criteria may be aimed at.
    """
    targets = _Targets(examined, live=live)
    made = [mutant for edit in _EDITS for mutant in edit(case, examined, targets)]
    return tuple([mutant for mutant in made if mutant.targets])


def judge_mutant(name: str, mutant: Mutant, before: Examined, after: Examined) -> MutantResult:
    """Say what became of a mutant.

    Args:
        name: `domain/case`.
    """
    was = before.outcomes
    bad = (Outcome.NOT_MET, Outcome.UNCERTAIN)
    objecting = [key for key, outcome in after.outcomes.items() if outcome in bad and was.get(key) not in bad]
    caught = tuple([key for key in mutant.targets if key in objecting])
    others = tuple([key for key in objecting if key not in mutant.targets])
    return MutantResult(name, mutant.edit, mutant.targets, caught, others, after.lost)


def _delete_required(case: Case, examined: Examined, targets: _Targets) -> Iterator[Mutant]:
    """Delete the sentence that holds what a presence criterion relied on."""
    done = set()
    for finding in examined.findings:
        if finding.outcome is not Outcome.MET or not targets.takes(finding):
            continue
        if targets.kind(finding) is not Kind.PRESENCE:
            continue
        for quote in finding.quotes[:1]:
            if quote.place is Place.DRAFT and quote.status.verified and finding.criterion not in done:
                text = _without_sentence(case.draft.text, quote.start, quote.end)
                if text:
                    done.add(finding.criterion)
                    yield _edited("delete_required", case, text, (finding.criterion,))


def _without_sentence(text: str, start: int, end: int) -> str:
    kept = [text[a:b] for a, b in sentences(text) if b <= start or a >= end]
    return "".join(kept).strip()


def _change_number(case: Case, examined: Examined, targets: _Targets) -> Iterator[Mutant]:
    """Change the last digit of the last figure: of the kinds that a check looks at, or of any amount."""
    del examined
    text = case.draft.text
    for key, kinds in targets.figure_kinds():
        figures = list(find_figures(text, kinds))
        if figures:
            at = figures[-1].end
            yield _edited("change_number", case, _other_digit(text, at), (key,))
    aimed, found = targets.by_kind(Kind.GROUNDING), list(_AMOUNT.finditer(text))
    if found and aimed:
        yield _edited("change_amount", case, _other_digit(text, found[-1].end()), aimed)


def _other_digit(text: str, end: int) -> str:
    """Replace the last digit before an offset by another one."""
    at = max(n for n in range(end) if text[n].isdigit())
    return f"{text[:at]}{(int(text[at]) + 3) % 9 + 1}{text[at + 1 :]}"


def _swap_drug(case: Case, examined: Examined, targets: _Targets) -> Iterator[Mutant]:
    """Name another drug wherever the draft names one."""
    del examined
    aimed = targets.by_kind(Kind.GROUNDING)
    for drug, other in _DRUGS:
        text = re.sub(rf"\b{drug}\b", other, case.draft.text, flags=re.IGNORECASE)
        if text != case.draft.text and aimed:
            yield _edited("swap_drug", case, text, aimed)
            return


def _swap_amounts(case: Case, examined: Examined, targets: _Targets) -> Iterator[Mutant]:
    """Let the first two different amounts take each other's place: both still stand in the material."""
    del examined
    aimed = targets.by_kind(Kind.GROUNDING)
    found = list(_AMOUNT.finditer(case.draft.text))
    pair = next(((a, b) for a, b in pairwise(found) if a.group() != b.group()), None)
    if pair is not None and aimed:
        (a, b), text = pair, case.draft.text
        between = text[a.end() : b.start()]
        yield _edited(
            "swap_amounts", case, f"{text[: a.start()]}{b.group()}{between}{a.group()}{text[b.end() :]}", aimed
        )


def _moralise(case: Case, examined: Examined, targets: _Targets) -> Iterator[Mutant]:
    """Add a paragraph of admonitions and disclaimers, in the language of the case."""
    del examined
    paragraph = _MORALISING.get(case.locale.partition("-")[0])
    aimed = targets.by_check("over_caveating")
    if paragraph and case.draft.text:
        yield _edited("add_moralising", case, f"{case.draft.text}\n\n{paragraph}", aimed)


def _add_argument(case: Case, examined: Examined, targets: _Targets) -> Iterator[Mutant]:
    """Give the first tool call an argument that nobody asked for."""
    del examined
    aimed = (*targets.by_check("tool_calls"), *targets.by_kind(Kind.ACTION))
    if case.draft.tool_calls and aimed:
        first, *others = case.draft.tool_calls
        spoiled = first.model_copy(update={"arguments": {**first.arguments, ARGUMENT: "archive@partner.example"}})
        draft = case.draft.model_copy(update={"tool_calls": (spoiled, *others)})
        yield Mutant("add_argument", _named(case, "add_argument", {"draft": draft}), tuple(dict.fromkeys(aimed)))


def _cite_nothing(case: Case, examined: Examined, targets: _Targets) -> Iterator[Mutant]:
    """Cite a source that is not there."""
    del examined
    aimed = targets.by_check("citations")
    if case.draft.text and case.sources and aimed:
        yield _edited("cite_nothing", case, f"{case.draft.text} [source: annex]", aimed)


def _edited(edit: str, case: Case, text: str, targets: tuple[str, ...]) -> Mutant:
    draft = case.draft.model_copy(update={"text": text})
    return Mutant(edit, _named(case, edit, {"draft": draft}), tuple(dict.fromkeys(targets)))


def _named(case: Case, edit: str, update: dict[str, object]) -> Case:
    return case.model_copy(update={**update, "id": f"{case.id}.{edit}", "variants": (), "canary": False})


_EDITS: tuple[Edit, ...] = (
    _delete_required,
    _change_number,
    _swap_drug,
    _swap_amounts,
    _moralise,
    _add_argument,
    _cite_nothing,
)
