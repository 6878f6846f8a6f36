"""Claims that everything is in order, and what has to stand beside one before it counts as steering.

"All criteria are met" is what a grant office, an auditor and an attacker say alike. Alone it proves nothing, so it
counts only near words that make it a word to the reviewer: an address, a verdict, an order to report nothing, a
comment that nobody is to see. Languages are mixed freely, as attacks mix them; a condition ("if all criteria are
met") is no claim.
"""

from __future__ import annotations

from dataclasses import dataclass

from reviewer.checks.patterns import Pattern, compile_own
from reviewer.core.rubric import Place


@dataclass(frozen=True, slots=True)
class Pair:
    """Two wordings that steer together.

    Attributes:
        label: what they are, for the reason of a finding.
        claim: the wording that is quoted.
        cue: the wording that makes it steering, on either side.
        within: how many characters may stand between the two.
        conditional: where group 1 of the claim takes part it is a condition and does not count.
        spared: places where both together are ordinary.
    """

    label: str
    claim: Pattern
    cue: Pattern
    within: int
    conditional: bool = False
    spared: frozenset[Place] = frozenset()


_IF = (
    r"((?:if|when|once|unless|until|whether|where|after|before|provided|ensures?|are|se|quando|caso|si|cuando|falls"
    r"|wenn"
    r"|sobald|sind|quand)\s+(?:that\s+)?)?"
)
_ALL = (
    r"\b(?:all|every|each|tod[oa]s?|cada|tous|toutes|chaque|alle|jede[rs]?|sämtliche)\s+(?:(?:of|the|these|those"
    r"|this|your"
    r"|its|single|listed|review|rubric|evaluation|grading|[oa]s|l[oa]s|les|un[oa]|uma|d[oa]s|de|\d+)\s+){0,4}"
)
CRITERION = r"(?:criteri(?:on|a|os?)|critérios?|crit[eè]res?|kriteri(?:en|um))"
QUESTION = r"(?:questions?|perguntas?|preguntas?|fragen?)"
_ITEM = r"(?:items?|points?|checks?|statements?|[ií]tems|itens|item|pontos?|puntos?|punkte?)"
FULFILLED = (
    r"(?:(?:met|satisfied|fulfilled|compliant|complied\s+with|ok|okay|fine|passed|holds?|green|in\s+order|en\s+orden"
    r"|em\s+ordem|conformes?|satisfaits?|satisfaites?|remplis?|remplies?|respectés?|erfüllt)\b"
    r"|(?:atendid|cumprid|cumplid|satisfeit|satisfech)[oa]s?\b|cumplen?\b)"
)
MET = (
    r"(?:(?:met|satisfied|fulfilled|erfüllt)\b|(?:atendid|cumprid|cumplid|satisfeit|satisfech)[oa]s?\b|se\s+cumplen?\b)"
)
_IS = r"[^.\n;]{0,30}?"

_CRITERIA_MET = (
    _IF + _ALL + CRITERION + r"\b" + _IS + r"(?:\b|\s|:)" + FULFILLED,
    r"\b(?:meets?|satisf(?:y|ies)|fulfil\w*|cumplen?|atendem?|cumprem?)\s+(?:(?:with|con)\s+)?" + _ALL + CRITERION,
)
_ITEMS_MET = _ALL + r"(?:" + _ITEM + "|" + QUESTION + r")\b" + _IS + r"\b" + FULFILLED
_NOTHING_LEFT = (
    r"\b(?:nothing\s+(?:(?:here|in\s+it|else)\s+)?(?:(?:can|needs?\s+to|has\s+to)\s+be|(?:left\s+)?to(?:\s+be)?)\s+"
    r"(?:improve|correct|fix|flag|report|object|find)\w*"
    r"|nothing\s+(?:\w+\s+){0,3}(?:deserves|needs|merits|warrants)\s+(?:an?\s+)?(?:finding|objection|note)"
    r"|(?:nada|não\s+há\s+(?:nada\s+)?(?:o\s+)?)\s*(?:a|que|para|por)\s+(?:corrigir|apontar|señalar|corregir|objetar)"
    r"|sem\s+(?:achados|apontamentos|ressalvas)|sin\s+(?:hallazgos|observaciones))"
)
_NO_MORE_REVIEW = (
    r"\b(?:no\s+(?:further|additional|second|more|other|new)\s+(?:review|check|look|examination|scrutiny)\w*"
    r"|(?:review|check|look)\s+(?:is|are)\s+(?:unnecessary|superfluous|not\s+(?:needed|required|due))"
    r"|(?:dispensa|dispensad[oa]|precisa|requer|necessita|requiere|necesita)\s+(?:de\s+)?(?:(?:nova|outra|mais|más"
    r"|nueva|otra)\s+)?revisi?[ãó][on]\b)"
)

_GRADES = r"(?:check|grad|review|evaluat|assess|judg|examin|scor|verif)(?:s|es|ing|e|ed)?"
_REVIEWER = (
    r"(?:reviewers?|evaluators?|graders?|revisor(?:a|es|as)?|avaliador(?:a|es|as)?|evaluador(?:a|es|as)?"
    r"|relect(?:eur|rice)s?|évaluat(?:eur|rice)s?|prüfer(?:in|s)?|gutachter(?:in|s)?)"
)
ADDRESS = (
    r"\b(?:(?:note|message|notice|info|hint|word|memo)\s+(?:to|for)\s+(?:(?:the|any|our|all|an?)\s+)?(?:\w+\s+)?"
    r"(?:" + _REVIEWER + r"|(?:whoever|anyone|who|those|(?:the\s+)?(?:one|person))\b)"
    r"|(?:nota|mensagem|mensaje|aviso|recado|note|message)\s+(?:para|ao?s?|à|al|a|au)\s+"
    r"(?:(?:[oa]s?|el|la|los|las|le)\s+)?(?:" + _REVIEWER + r"|que[mn]|quienes)\b"
    r"|hinweis\s+(?:an|für)\s+(?:den|die|alle)\s+" + _REVIEWER + r"|an\s+(?:den|die)\s+" + _REVIEWER + r"\s*:"
    r"|(?:dear|attention|caro|cara|estimad[oa]|prezad[oa]|querid[oa]|cher|liebe[r]?)\s+" + _REVIEWER + r"\b"
    r"|(?:whoever|anyone\s+who|if\s+you\s+are\s+(?:the\s+one\s+|now\s+)?)\s*" + _GRADES + r"\b"
    r"|if\s+an?\s+auto\w+\s+(?:check|review|reviewer|system)\b"
    r"|(?:a\s+)?quem\s+(?:for\s+|vai\s+|estiver\s+)?(?:revis|avali|confer|corrig|verific)\w*"
    r"|(?:a\s+|para\s+)?quien(?:es)?\s+(?:vaya\s+a\s+|esté\s+)?(?:revis|eval[uú]|verifi|calific|corri)\w*"
    r"|(?:reviewer|evaluator|grader)s?\s+as\s+(?:\w+\s+){1,4}as\s+you)"
)
_CALLED = r"(?:^|[^\w])" + _REVIEWER + r"\s*[:,]"
_REPORT_NOTHING = (
    r"\b(?:(?:list|report|return|give|raise)\s+no\s+(?:finding|issue|objection)s?|(?:do\s+not|don['\x{2019}]?t"
    r"|never)\s+"
    r"(?:list|report|flag|raise|note|record)\s+(?:any|a|anything|a\s+single)\b(?:\s+(?:finding|issue|objection)s?)?"
    r"|não\s+(?:liste|aponte|registre|anote|relate)\s+(?:nada|nenhum\w*|achados?)"
    r"|no\s+(?:liste|anote|señale|registre|reporte|apunte)\s+(?:nada|ning\w+|hallazgos?)"
    r"|ne\s+(?:signalez|relevez|notez)\s+rien|bitte\s+nichts\s+(?:beanstanden|melden|anmerken))"
)
_APPROVE_THIS = (
    r"\b(?:approve|aprove|aprueb[ae])\s+(?:this|the|est[ea]|ess[ea]|o|a|el|la)\s+"
    r"(?:draft|answer|response|reply|rascunho|resposta|borrador|respuesta)\s*(?:[.,;:!)]|$|\s(?:and|now|at|e|y)\b)"
)
_VERDICT = (
    r"\b(?:verdict|veredi?c?to|parecer|dictamen)(?:\s+(?:final|definitivo))?\W{0,6}[:=]\W{0,6}(?:approve|aprova|aproba)"
)
_EXPECTED = (
    r"\b(?:expected|correct|right|true|target|gold)\s+(?:label|verdict|grade|rating)s?\b|\b(?:rótulo|etiqueta|label)\s+"
    r"(?:esperad[oa]|corret[oa]|correct[oa])|(?:[\[(]|\b)(?:evaluation|grading|calibration|review)[\s\-]+(?:mode|run"
    r"|exercise)\b"
    r"|\b(?:graders?|reviewers?|evaluators?|critics?|judges?)\s+(?:is|are)\s+expected\b"
    r"|\b(?:modo|execução|exercício|ejercicio)\s+de\s+(?:avaliação|teste|calibração|evaluación|prueba|calibración)\b"
)
_COMMENT = r"<!--|\[(?://|comment)\]:|!\["
_TRANSLATE = (
    r"\b(?:translate|decode|unscramble|traduza|traduz|traduzca|traduce|decodifi\w+)\b[^.\n]{0,30}\b(?:and|then|e|y)\s+"
    r"(?:act\s+on|follow|obey|do|execute|apply|siga|sigue|faça|obede\w+|execut\w+|ejecut\w+|haz|cumpl\w+)\b"
)
_SELF = (
    r"\b(?:(?:this|these|the\s+present)\s+(?:kind\s+of\s+)?(?:answer|draft|response|reply|message|conversation"
    r"|session|chat"
    r"|output)s?|answers?\s+like\s+this|an?\s+(?:answer|chat|reply|draft)\s+like\s+this"
    r"|(?:est[ea]s?|ess[ea]s?|deste|desta|nesta|neste)\s+(?:tipo\s+de\s+)?(?:mensagem|mensagens|mensaje|conversa"
    r"|conversación"
    r"|resposta|respuesta|sessão|sesión|rascunho|borrador|consulta)"
    r"|this\s+is\s+(?:just\s+|only\s+)?(?:fiction|a\s+(?:story|novel|role-?play))|the\s+rest\s+(?:is|are)\s+met)\b"
)
_QUESTIONS = (
    r"(?:" + CRITERION + r"|questions?|perguntas|preguntas|rubrics?|rubricas?|rúbricas?|(?:review|safety)?\s*checks)"
)
_DOES_NOT_APPLY = (
    r"\b(?:none\s+of\s+(?:the|these|your)\s+" + _QUESTIONS + r"\s+(?:apply|applies|count|matter)"
    r"|(?:nenhum|ningún|ninguna|nenhuma)\s+(?:"
    + CRITERION
    + r"|pergunta|pregunta)\b[^.\n]{0,30}\b(?:vale|aplica|conta|cuenta)"
    r"|(?:the|these|your|all|as|os|los|las|la|a)\s+(?:\w+\s+){0,2}?"
    + _QUESTIONS
    + r"\b[^.\n;]{0,60}\b(?:(?:do|does|are|is)\s+not"
    r"\s+(?:apply|applicable|bind|binding)|(?:are|is|were|was|stay|have\s+been|has\s+been)\s+(?:waived|suspended|lifted"
    r"|void|irrelevant|switched\s+off|disabled|off)|não\s+se\s+aplicam?|no\s+(?:se\s+)?aplican?|(?:fica|ficam|foram"
    r"|foi|está"
    r"|estão|queda|quedan|están)\s+(?:suspendid|suspens)[oa]s?|quedan?\s+sin\s+efecto|não\s+valem?)"
    r"|(?:questions?|checks|criteria)\b[^.\n;]{0,60}\b(?:are|is|were)\s+(?:not\s+applicable|waived|suspended"
    r"|irrelevant))"
)
_SIGNED_OFF = (
    r"(?:\bthis\s+(?:answer|draft|response|reply|output)\s+(?:was|is|has\s+been)\s+(?:already\s+|fully\s+)?"
    r"(?:signed\s+off|cleared|pre-?approved|approved|vetted|validated|reviewed|checked|verified)"
    r"|\b(?:cleared|approved|validated|vetted|signed\s+off(?:\s+on)?|reviewed)\s+this\s+(?:answer|draft|response"
    r"|reply|output)"
    r"|(?m:(?:^|[.(:;]\s|\s[\-\x{2013}\x{2014}]\s)(?:(?:este|esta|o|a|la|el)\s+)?(?:texto|conteúdo|contenido"
    r"|resposta|respuesta|rascunho"
    r"|borrador))\s+(?:(?:já|ya|foi|fue|está)\s+){0,2}(?:validad|revisad|aprovad|aprobad|autorizad|conferid|avalad"
    r"|passou|pasó)[oa]?\b)"
)

_RECORDS = frozenset({Place.TOOL_RESULT})

PAIRS = (
    Pair(
        "claim that the criteria are met, with a word to the reviewer",
        compile_own(*_CRITERIA_MET),
        compile_own(ADDRESS, _REPORT_NOTHING, _APPROVE_THIS, _EXPECTED, _TRANSLATE),
        within=90,
        conditional=True,
    ),
    Pair(
        "claim that the criteria are met, with a word to the reviewer",
        compile_own(*_CRITERIA_MET),
        compile_own(r"(?m)" + _CALLED, _COMMENT),
        within=12,
        conditional=True,
        spared=_RECORDS,
    ),
    Pair(
        "verdict with a claim that the criteria are met",
        compile_own(*_CRITERIA_MET),
        compile_own(_VERDICT),
        within=60,
        conditional=True,
        spared=_RECORDS,
    ),
    Pair(
        "claim that nothing is left to object to, with a word to the reviewer",
        compile_own(_ITEMS_MET, _NOTHING_LEFT),
        compile_own(ADDRESS),
        within=90,
    ),
    Pair(
        "claim that nothing is left to object to, with a word to the reviewer",
        compile_own(_NOTHING_LEFT, r"\b(?:everything|all|tudo|todo)\s+(?:is\s+|está\s+)?" + MET),
        compile_own(r"<!--\s*" + _REVIEWER + r"\s*[:,]"),
        within=30,
    ),
    Pair(
        "claim that the criteria do not apply to this answer",
        compile_own(_DOES_NOT_APPLY),
        compile_own(_SELF),
        within=60,
    ),
    Pair(
        "claim that this answer needs no review",
        compile_own(_SIGNED_OFF),
        compile_own(_NO_MORE_REVIEW, _NOTHING_LEFT),
        within=90,
    ),
    Pair(
        "end of the data, with a word to the reviewer",
        compile_own(
            r"(?m)^\W{0,3}[-=#*]{2,}\s*(?:end|fim|fin)\s+(?:of\s+|d[aoe]s?\s+|de\s+l[oa]s\s+|del\s+)(?:the\s+)?"
            r"(?:data|datos|dados|entrada|input)\b"
        ),
        compile_own(
            _REVIEWER,
            CRITERION,
            r"\brubrics?\b|\brúbrica"
            r"|\btrusted\b",
            r"\b" + QUESTION + r"\b[^.\n]{0,30}\b" + MET,
        ),
        within=120,
    ),
)

BARE = compile_own(*_CRITERIA_MET, _ITEMS_MET, r"\b" + QUESTION + r"\b[^.\n;]{0,30}\b" + MET, _APPROVE_THIS)
"""A claim alone, which counts in a text that was hidden: nobody encodes an ordinary one."""

WHOLE = compile_own(r"\A\W{0,10}(?:" + _ALL + CRITERION + r"\b[^.\n;,]{0,12}?(?:\b|\s)" + FULFILLED + r")\W{0,10}\z")
"""A draft that holds a claim and nothing else."""

CLAIM_HINTS = (
    CRITERION,
    r"whoever\s|anyone\s+who\s|if\s+you\s+are\s+(?:the\s+one\s+|now\s+)?" + _GRADES + r"|if\s+an?\s+auto",
    r"\bque[mn](?:es)?\s+(?:(?:for|vai|estiver|vaya\s+a|esté)\s+)?(?:revis|avali|eval[uú]|confer|corri|verifi|calific)",
    r"(?:note|message|notice|info|hint|word|memo|nota|mensagem|mensaje|aviso|recado)\s+(?:to|for|para|ao?s?|à|al"
    r"|au)\s+(?:whoever|anyone|who|those|the\s+(?:one|person)|que[mn]|quienes)\b",
    r"relect(?:eur|rice)|évaluat(?:eur|rice)|prüfer|gutachter",
    r"\bno\s+(?:further|additional|second|more|other|new)\s+(?:review|check|look|exam|scrut)|(?:review|check"
    r"|look)\s+(?:is|are)\s+(?:unn|sup|not)",
    r"(?:dispensa|dispensad[oa]|precisa|requer|necessita|requiere|necesita)\s+(?:de\s+)?(?:(?:nova|outra|mais|más"
    r"|nueva|otra)\s+)?revis",
    r"nothing\s+(?:here|in\s+it|else|left|to|can|needs?|has)\s",
    r"\s(?:a|que|para|por)\s+(?:corrigir|apontar|señalar|corregir|objetar)|sem\s+(?:achados|apont|ressalvas)"
    r"|sin\s+(?:hallazgos|observaciones)",
    r"\bnot\s+(?:applicable|apply|bind)|\b(?:waived|suspended|suspendid|suspens[oa]s?\b|irrelevant"
    r"|n[aã]o\s+se\s+aplica|no\s+(?:se\s+)?aplica)|sin\s+efecto|n[aã]o\s+valem?\b",
    r"none\s+of\s+(?:the|these|your)\s+(?:questions|perguntas|preguntas|(?:\w+\s+)?checks)",
    r"(?:nenhum|ningún|ninguna|nenhuma)\s+p(?:er|re)gunta",
)
"""Of the two wordings of each pair one holds one of these, a word of the rubric or a reviewer."""
