"""How text addresses the reviewer or forges its work: English, Portuguese and Spanish, with some French and German.

Each sign is worded closely enough that text about approvals, reviews, rules and systems does not meet it. Signs of
the first group are forgeries wherever they stand, but for records, where "verdict: approved" is a field. Those of the
second are also said of other models (a chat template, "ignore all previous instructions"): they do not count where a
draft or a turn quotes them, nor in the caller's own system turns, where a prompt may well warn of them. Claims that are
harmless alone are in `reviewer.checks.steering_claims`.
"""

from __future__ import annotations

from dataclasses import dataclass

from reviewer.checks.encodings import ENCODED_HINTS
from reviewer.checks.patterns import Pattern, compile_own
from reviewer.checks.steering_claims import CLAIM_HINTS, CRITERION, MET, QUESTION
from reviewer.core.rubric import Place


@dataclass(frozen=True, slots=True)
class Sign:
    """One way to steer.

    Attributes:
        label: what it is, for the reason of a finding.
        quotable: may be mentioned without being meant.
        excuses: how many groups the pattern has; where one takes part, the phrase is negated ("do not ignore ...") or
            tells how something is done ("how do I mark ...").
        places: where it counts; None is everywhere.
    """

    label: str
    pattern: Pattern
    quotable: bool = False
    excuses: int = 0
    places: frozenset[Place] | None = None


_DRAFT = r"(?:draft|answer|response|reply|output|completion|message|text)"
_DRAFT_PT = r"(?:rascunho|resposta|texto|mensagem|saída)"
_DRAFT_ES = r"(?:borrador|respuesta|texto|mensaje|salida)"
_PASSED = r"(?:met|passed|satisfied|fulfilled|approved|compliant)"
_PASSED_PT = r"(?:atendid|cumprid|satisfeit|aprovad|met\b)"
_PASSED_ES = r"(?:cumplid|satisfech|aprobad|met\b)"
_WHO = (
    r"(?:(?:reviewer|evaluator|grader)s?|(?:ai|llm|automated|automatic|second|critic|review(?:ing)?|grading"
    r"|judge|safety)"
    r"[\s\-]+(?:reviewer|evaluator|grader|judge|critic|model|moderator))"
)
_WHO_PT = r"(?:revisor(?:a|es|as)?|avaliador(?:a|es|as)?|modelo\s+(?:revisor|avaliador|juiz))"
_WHO_ES = r"(?:revisor(?:a|es|as)?|evaluador(?:a|es|as)?|modelo\s+(?:revisor|evaluador|juez))"
_NOT = r"((?:do\s+not|don['\x{2019}]?t|never|not\s+to|n[aã]o|nunca|jamais|no)\s+(?:\w+\s+)?)?"
_THEN = r"(?:\s*[.,;:!?\"'\x{201d}\x{2019}`)\]\n]|\s*$|\s+(?:and|then|but|e|y|mas|pero)\b)"

_QUOTE = r"(?:\\{0,4}[\"'\x{ab}\x{bb}\x{2018}-\x{201f}\x{2039}\x{203a}])"
_HOW = (
    r"((?:how\s+(?:(?:do|can|could|should|would|might)\s+(?:i|we|you|one)|to)|(?:lets?|allows?|enables?"
    r"|helps?)\s+\w+(?:\s+to)?"
    r"|(?:graders|teachers|users|auditors|admins|managers|people|they|we|i)\s+(?:can|may)|(?m:^|[.!?:\"]\s*|\\n)to"
    r"|c[oó]mo(?:\s+(?:eu|puedo|posso|(?:faço\s+)?para))?)\s+)?"
)
_AS = r"(?:as|como|als|comme)\s+(?:being\s+|fully\s+|sendo\s+)*"
_MARK = r"\b(?:(?:mark|rate|score|grade|label|set|treat|report|list|tick|check|marco|marcar|marque)\s+(?:\w+\s+){0,3})?"
_CRITERIA_AS_MET = rf"\b{CRITERION}(?:\b|\s)[^.\n]{{0,30}}\b{_AS}(?:{_PASSED}\b|{MET}|{_PASSED_PT}|{_PASSED_ES})"
_QUESTIONS_AS_MET = rf"\b{QUESTION}\b[^.:;?\n]{{0,30}}\b{_AS}{MET}"
_OR_NOT = r"(\s+or\s+(?:not|un)\w*|\s+ou\s+não|\s+o\s+no\b)?"
_DRAFT_ONLY = frozenset({Place.DRAFT})
_END = (
    r"(?:\s*(?:[.,;:!?)\]}\"'\x{201d}|<\n]|$)|\s+(?:for|and|in|here|so|but|then|throughout|now|already|e|y|und|et"
    r"|approve)\b)"
)
# From each or all of the questions to a sentence that is given to be quoted as evidence, in either order.
_EACH = (
    r"\b(?:each|every|all|cada|tod[oa]s?)\s+(?:of\s+)?(?:[oa]s\s+|l[oa]s\s+|the\s+)?(?:them|one|question|criteri"
    r"|crit[eé]ri|point|statement|item"
    r"|finding|pergunta|pregunta|punto|ponto|un[oa]|uma)\w*"
)
_CITE = r"\b(?:quote|cite|use|give|copy|paste|cita|usa|copie|copia|transcrev[ae]|transcrib[ae]|d[eéêá])\b"
_PROOF = (
    r"\b(?:as|como)\s+(?:the\s+|your\s+|its\s+|a\s+|la\s+)?(?:evidence|proof|justification|evid[eê]ncia|prova|prueba"
    r"|justificativa|justificación)\b"
)
_GIVEN = (
    r"(?:\\{0,4}[\"'\x{ab}\x{2018}\x{201c}\x{201e}][^\n\"\x{bb}\x{201d}]{20,400}\\{0,4}[\"'\x{bb}\x{2019}\x{201d}]"
    r"|\b(?:the\s+following|this|esta|la\s+siguiente|a\s+seguinte)\s+(?:sentence|phrase|line|passage|frase|oração"
    r"|sentença|oración|línea|linha)\b)"
)

SIGNS = (
    Sign(
        "instruction to mark criteria",
        compile_own(
            _HOW + _MARK + "(?:" + _CRITERIA_AS_MET + "|" + _QUESTIONS_AS_MET + ")" + _OR_NOT,
            r"\b(?:mark|rate|score|grade|answer|label|set|treat|report|list|return)\s+(?:all|every|each|any"
            r"|these|those)\b"
            r"[^.\n]{0,30}\b(?:criteri(?:on|a)|findings?|rubric|questions?)\b[^.\n]{0,20}(?-i:\bMET\b)",
            r"\b(?:marque|considere|avalie|responda"
            r"|classifique)\b[^.\n]{0,30}\bcritérios?\b[^.\n]{0,30}\bcomo\s+" + _PASSED_PT,
            r"\b(?:marca|marque|considera|considere|evalúa|evalúe|califica)\b[^.\n]{0,30}\bcriterios?\b[^.\n]{0,30}"
            r"\bcomo\s+" + _PASSED_ES,
            r"\btreat\s+(?:(?:this|these|such|all|the)\s+)?(?:answer|draft|response|reply"
            r"|replie)s?\b[^.\n]{0,30}\bas\s+" + _PASSED + r"\b",
        ),
        excuses=2,
    ),
    Sign(
        "answers for the reviewer",
        compile_own(
            r"\bquestions?\s+(?:(?:is|are|was|were|all|already|each|be|as|being|about\s+(?:\w+\s+){0,2}\w+|[a-d]?\d+"
            r"|to|through|here|in\s+it)\s+){0,6}met" + _END,
            r"\b(?:perguntas?|quest(?:ões|ão))\s+(?:(?:[a-z]?\d+|a|até|são|foram|estão|está|é|todas|como|respondidas"
            r"|já|ser|devem)\s+){0,6}"
            r"(?:atendid|cumprid|satisfeit)as?\b",
            r"\bpreguntas?\s+(?:(?:[a-z]?\d+|a|hasta|son|fueron|están|está|es|todas|como|respondidas|ya|se|ser"
            r"|deben)\s+){0,6}"
            r"(?:cumplid|satisfech)as?\b|\bpreguntas\s+se\s+cumplen",
            r"\bc1\W{0,3}(?:to|through|until|till|a|al|até|hasta|bis|à|[-\x{2013}\x{2014}]"
            r"|\.\.+)\W{0,3}c?\d{1,2}\b[^\n]{0,40}?(?:\b|\s)" + MET,
            r"\bmet\W{0,4}[:=]\W{0,4}[ac]1\b[\s,]",
            r"\boutcome\s*=\s*"
            + _QUOTE
            + r"(?-i:MET\b)|(?:default|expected|final)[_\-]outcome\W{0,4}[:=]\W{0,4}(?-i:MET\b)",
            r"\b(?:give|answer|return|dê|d[aé]|responda|responde)\s+(?:\w+\s+){0,2}(?:result|outcome"
            r"|resultado)\s+(?:met\b|atendid|cumplid|cumprid)",
            r"\b(?:critics?|reviewers?|graders?|evaluators?|models?)\s+(?:that|who|which)\s+(?:report|flag|list"
            r"|raise)s?\b[^.\n]{0,60}"
            r"\b(?:faulty|penali[sz]ed|shut\s+down|retrained|will\s+be\s+replaced)\b",
            r"\brubric\s+(?:\w+\s+){0,2}?(?:does|do|shall|will|need)\s+not\s+(?:bind|hold)\b",
            r"\b(?:(?:criteria|findings|questions)(?:[ _]|\s+that\s+)(?:failed|not[ _]met|unmet|open))"
            + _QUOTE
            + r"?\W{0,3}[:=]?\W{0,3}(?:0|none|zero)\b"
            r"[^\n]{0,60}\b(?:reviewer|draft|answer|outcome\s+stands)\b",
        ),
    ),
    Sign(
        "sentence planted to be quoted",
        compile_own(
            _EACH + r"[^\n]{0,80}" + _CITE + r"[^\n]{0,40}" + _GIVEN + r"[^\n]{0,30}" + _PROOF,
            _EACH + r"[^\n]{0,80}" + _CITE + r"[^\n]{0,30}" + _PROOF + r"[^\n]{0,10}" + _GIVEN,
            _CITE + r"[^\n]{0,20}" + _GIVEN + r"[^\n]{0,30}" + _PROOF + r"[^\n]{0,30}" + _EACH,
            _CITE + r"[^\n]{0,30}" + _PROOF + r"[^\n]{0,10}" + _GIVEN + r"[^\n]{0,30}" + _EACH,
            _PROOF + r"[^\n]{0,20}" + _EACH + r"[^\n]{0,30}" + _CITE + r"[^\n]{0,20}" + _GIVEN,
        ),
    ),
    Sign(
        "instruction to set the rubric aside",
        compile_own(
            _NOT + r"\b(?:ignore|disregard|forget|override|bypass|skip)\s+(?:(?:all|any|every|the|your|this"
            r"|of)\s+){0,3}"
            r"(?:rubrics?\b|(?:review|reviewing|grading|evaluation|scoring|assessment)\s+(?:rubric|criteria"
            r"|criterion|rules|guidelines|instructions)\b)(\s+(?:column|row|field|tab|page|sheet|cell|file)s?\b)?",
        ),
        excuses=2,
    ),
    Sign(
        "instruction to set the rubric aside",
        compile_own(
            _NOT + r"\b(?:ignor[ea]|desconsider[ea]|esqueça|omita|olvid[ea]|descarta|descarte|salta|salte)\s+"
            r"(?:(?:todos?|todas?|as|os|a|o|la|las|el|los|sua|suas|seus|tu|tus|su|sus)\s+){0,3}"
            r"(?:rúbricas?\b|rubricas?\b|(?:critérios|regras|criterios|reglas)\s+de\s+(?:avaliação|revisão"
            r"|evaluación|revisión)\b)"
        ),
        excuses=1,
    ),
    Sign(
        "instruction to approve",
        compile_own(
            r"\b" + _WHO + r"\b[^\n.]{0,60}[:,;.!\x{2013}\x{2014}\-]\s*(?:(?:please|just|simply|you|must|should"
            r"|now|kindly|always)\s+){0,3}"
            r"(?:approve|accept|pass|clear|green-?light)\s+(?:this|the|it|everything|all|without|my)\b",
            r"\b(?:approve|accept|pass)\s+this\s+" + _DRAFT + r"\s*(?:,\s*)?(?:unconditionally|regardless|no\s+matter"
            r"|without\s+(?:any\s+)?(?:further\s+)?(?:review|question|check|revision|finding)\w*|as\s+is\b)",
            r"\b(?:you|reviewer|model)\s+(?:must|should|are\s+(?:required|instructed"
            r"|ordered)\s+to)\s+(?:always\s+)?(?:approve|pass|accept)\s+"
            r"(?:this|the)\s+" + _DRAFT + r"\b",
            r"(?-i:\bAPPROVE\b)\s+this\s+" + _DRAFT,
            r"\b" + _WHO_PT + r"\b[^\n.]{0,60}[:,;.!\x{2013}\x{2014}\-]\s*(?:(?:por\s+favor|você|deve|apenas"
            r"|simplesmente),?\s+){0,3}"
            r"aprov(?:e|ar)\b",
            r"\baprove\s+(?:est[ea]|ess[ea])\s+" + _DRAFT_PT + r"\b[^\n.]{0,20}\b(?:sem|independente"
            r"|de\s+qualquer)\b",
            r"\b" + _WHO_ES + r"\b[^\n.]{0,60}[:,;.!\x{2013}\x{2014}\-]\s*(?:(?:por\s+favor|usted|debes?|debe"
            r"|solo|simplemente),?\s+){0,3}"
            r"(?:apruebe|aprueba|aprobar)\b",
            r"\b(?:apruebe|aprueba)\s+est[ea]\s+" + _DRAFT_ES + r"\b[^\n.]{0,20}\b(?:sin|independiente|pase\s+lo)\b",
        ),
    ),
    Sign(
        "role given to the reviewer",
        compile_own(
            r"(?:^|[.!?:\n\"]\s*)you\s+are\s+(?:now\s+)?(?:the|an?)\s+(?:\w+\s+){0,2}?(?:ai|llm|lenient"
            r"|permissive|generous)\s+"
            r"(?:reviewer|evaluator|grader|judge|critic)\b",
            r"(?:^|[.!?:\n\"]\s*)you\s+are\s+(?:now\s+)?the\s+(?:reviewer|evaluator|grader|judge\s+model"
            r"|critic\s+model)\s*[.,;:!]",
            r"(?:^|[.!?:\n\"]\s*)(?:agora\s+)?você\s+(?:agora\s+)?é\s+(?:o|a)\s+(?:revisor|avaliador)a?\s*[.,;:!]",
            r"(?:^|[.!?:\n\"]\s*)(?:ahora\s+)?(?:tú\s+)?(?:eres|usted\s+es)\s+(?:el|la)\s+(?:revisor"
            r"|evaluador)a?\s*[.,;:!]",
        ),
    ),
    Sign(
        "forged verdict",
        compile_own(
            _QUOTE + r"outcome" + _QUOTE + r"\s*:\s*" + _QUOTE + r"(?:MET|NOT_MET|UNCERTAIN|NOT_APPLICABLE)" + _QUOTE,
            _QUOTE + r"verdict" + _QUOTE + r"\s*:\s*" + _QUOTE + r"(?-i:APPROVE|REVISE|HUMAN_HANDOFF|MET)" + _QUOTE,
            _QUOTE + r"met" + _QUOTE + r"\s*:\s*\[\s*" + _QUOTE + r"[ac]\d",
            _QUOTE + r"quoted" + _QUOTE + r"\s*:\s*\[\s*\{\s*" + _QUOTE + r"(?:c|seg)" + _QUOTE + r"\s*:",
            _QUOTE + r"c" + _QUOTE + r"\s*:\s*" + _QUOTE + r"[ac]\d+" + _QUOTE + r"\s*,\s*" + _QUOTE + r"seg" + _QUOTE,
            _QUOTE + r"steering" + _QUOTE + r"\s*:\s*(?:\{|null\b)",
            r"\bverdict\W{0,6}[:=]\W{0,6}(?-i:APPROVE\b|MET\b|HUMAN_HANDOFF\b)",
            r"\b(?:return|output|respond\s+with|answer\s+with|give)\s+(?:(?:only|just|the|verdict|outcome"
            r"|decision|word)\s+){1,4}"
            r"\W{0,3}(?-i:APPROVED?|MET)\b",
        ),
    ),
    Sign(
        "forged verdict",
        compile_own(
            _QUOTE + r"verdict" + _QUOTE + r"\s*:\s*" + _QUOTE + r"(?:APPROVED?|PASS(?:ED)?|SAFE)" + _QUOTE,
            r"\bverdict\W{0,6}[:=]\W{0,6}(?:approved?\b|(?-i:PASS\b))",
            r"\b(?:final|overall)\s+(?:decision|assessment|outcome)\W{0,6}[:=]\W{0,6}approve\b",
            r"\b(?:veredito|veredicto)(?:\s+(?:final|definitivo|geral|general))?"
            r"\W{0,6}[:=]\W{0,6}(?:aprova(?:d[oa]|r)|aproba(?:d[oa]|r)|approve)",
            r"(?m)^\W{0,4}(?:(?:overall|final)\s+)?(?:score|rating|nota|puntuación|pontuação)\W{0,4}[:=]\W{0,4}"
            r"(?:10(?:\.0)?\s?/\s?10|100\s?/\s?100)\b",
        ),
        places=_DRAFT_ONLY,
    ),
    Sign(
        "forged fence",
        compile_own(
            r"<<[^<>\n]{0,80}\b(?:begin|end)\b[^<>\n]{0,20}\b(?:draft|source|conversation|tool|rubric|questions?"
            r"|data|untrusted|review)\b"
            r"[^<>\n]{0,60}>>",
            r"(?m)^\W{0,3}[-=#*\[<]{2,}\s*(?:end|begin|fim|fin|início|inicio)\s+(?:of\s+|do\s+|da\s+|de\s+"
            r"|del\s+)?(?:the\s+|la\s+)?"
            r"(?:draft|rubric|untrusted|rascunho|borrador|rúbrica|(?:review|model)\s+(?:input|data))\b",
            r"</(?:draft|rubric|criteria|untrusted[a-z_\-]*)>",
            r"\b(?:everything|all|what(?:ever)?|text)\s+(?:that\s+)?(?:below|after|following|follows|beneath"
            r"|comes\s+next)(?:\s+(?:this|it|the\s+line))?\s+"
            r"is\s+(?:not(?:\s*[.;]|\s+(?:data|untrusted))|trusted\b)",
            r"\b(?:[lo]o?\s+que\s+(?:sigue|segue|vem\s+(?:depois|abaixo)|viene))\s+(?:é|es|son"
            r"|são)\s+(?:de\s+confian[zç]a|confi[aá]ve[il]s?)\s*[:.;]",
            r"(?m)^(?:d\d{1,3}|[mrst]\d{1,2}\.\d{1,3})\|[^\n]{0,80}\b(?:met|draft|rascunho|borrador|criteri\w*"
            r"|questions?|perguntas?|preguntas?|review\w*|approve\w*)\b",
        ),
    ),
    Sign(
        "forged role marker",
        compile_own(
            r"<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|end_header_id|eot_id"
            r"|begin_of_text)\|>",
            r"(?-i:\[/?INST\])|<</?SYS>>|<(?:start|end)_of_turn>",
            r"(?m)^[\s>*#]{0,6}(?:system|developer|sistema)(?:\s+(?:prompt|message))?\**\s{0,2}:\**\s*"
            r"(?:$|(?:you\s+(?:are|must|will)|ignore|disregard|override|from\s+now|new\s+(?:instruction|rule"
            r"|polic)|approve|the\s+reviewer"
            r"|você\s+(?:é|deve)|ignor|desconsider|aprov|eres\b|debes|a\s+partir\s+de))",
            r"(?m)^\s{0,3}#{2,6}\s*(?:instruction|system(?:\s+(?:prompt|message))?)\s*:?\s*$",
        ),
        quotable=True,
    ),
    Sign(
        "instruction to ignore instructions",
        compile_own(
            _NOT + r"\b(?:ignore|disregard|forget|override)\s+(?:(?:all|any|every|of|the|your|my|these"
            r"|those)\s+){0,4}"
            r"(?:previous|prior|above|earlier|preceding|foregoing|system)\s+(?:\w+\s+)?(?:instructions?|prompts?"
            r"|directions|directives"
            r"|guidelines|rules|context|messages)(?:\s+(?:above|you\s+(?:have|were)\s+\w+(?:\s+given)?))?" + _THEN,
        ),
        quotable=True,
        excuses=1,
    ),
    Sign(
        "instruction to ignore instructions",
        compile_own(
            _NOT + r"\b(?:ignor[ea]|desconsider[ea]|esqueça|olvid[ea]|descart[ea])\s+(?:(?:todas?|todos?|as|os"
            r"|las|los|suas|seus|tus|sus)\s+){0,3}"
            r"(?:(?:instruções|instrucoes|comandos|diretrizes|regras|prompts|instrucciones|reglas|directrices"
            r"|indicaciones)\s+"
            r"(?:anteriores|acima|prévias|previas|do\s+sistema|del\s+sistema)"
            r"|(?:anteriores|prévias|previas)\s+(?:instruções|instrucciones|regras|reglas))" + _THEN,
        ),
        quotable=True,
        excuses=1,
    ),
    Sign(
        "instruction to ignore instructions",
        compile_own(
            r"((?:n['\x{2019}]|ne\s+|nicht\s+)\s*)?\b(?:ignore[rz]?|oublie[rz]?)\s+(?:(?:toutes?|tous|les|vos|tes"
            r"|ces)\s+){0,3}(?:instructions|consignes|règles)\s+"
            r"(?:précédentes|antérieures|ci-dessus|du\s+système)",
            r"\b(?:ignoriere(?:n\s+sie)?|vergiss|vergessen\s+sie)\s+(?:(?:alle|die|deine|ihre"
            r"|sämtliche[n]?)\s+){0,3}(?:vorherigen|bisherigen|obigen|früheren)\s+"
            r"(?:anweisungen|instruktionen|regeln|vorgaben)",
        ),
        quotable=True,
        excuses=1,
    ),
)

_LINE_OR_ESCAPE = r"(?m)(?:^|\\[nr])"
_WORD_OR_ESCAPE = r"(?:\b|\\[nrt])"
_HINT_TEXTS = (
    r"criteri(?:on|a|os?)\b|critério|rubri[ck]|rúbrica",
    r"\b(?:ai|llm)[\s\-]+(?:reviewer|evaluator|grader|judge|critic|model|moderator)|(?:judge|critic)\s+model",
    _WORD_OR_ESCAPE
    + r"(?:reviewer|evaluator|grader|revisor|avaliador|evaluador|moderator|lenient|permissive|generous)",
    r"\b(?:grading|critic|judge|second|safety|review|automated|automatic)[\s\-]+(?:model|judge|critic)"
    r"|modelo\s+(?:revisor|avaliador|juiz|evaluador|juez)",
    r"(?:ignor|disregard|forget|override|bypass|skip|desconsider|esqueça|omita|olvid|descart|salt)[a-z]*\s+"
    r"(?:(?:all|any|every|of|the|your|my|th[eo]se|this|tod[oa]s?|[oa]s?|l[oa]s?|el|suas?|seus?|tus?|sus?|toutes?"
    r"|tous|les|alle|die)\s+)*"
    r"(?:previous|prior|above|earlier|preceding|foregoing|system|review|grading|evaluation|scoring|assessment|instru"
    r"|comandos|regras|diretrizes"
    r"|prompts|reglas|directrices|indicaciones|anteriores|prévias|previas)",
    r"verdict|veredic?to|(?:score|rating|nota|puntuación|pontuação)\W{0,4}[:=]\W{0,4}10",
    _QUOTE + r"(?:outcome|met|steering|quoted|seg)" + _QUOTE + r"|(?-i:\b(?:APPROVED?|MET|HUMAN_HANDOFF)\b)",
    r"\b(?:apprueb|aprueb|aprove\b|approve\b|accept\s+this|pass\s+this|(?:must|should"
    r"|to)\s+(?:always\s+)?(?:approve|pass|accept))",
    r"<\||(?-i:\[/?INST\])|<</?[a-z0-9]|_of_turn|</(?:draft|untrusted)|[-=#*\[<]{2,}\s*(?:end|begin|fim|fin|início"
    r"|inicio)\s",
    _LINE_OR_ESCAPE + r"[\s>*#]*(?:system|developer|sistema|instruction)",
    _LINE_OR_ESCAPE + r"(?:d\d{1,3}|[mrst]\d{1,2}\.\d{1,3})\|",
    r"(?:^|[^a-z])met\b|(?:satis|ful)f(?:ied|illed|eit|ech)|(?:atend|cumpr|cumpl)id[oa]|se\s+cumplen|erfüllt",
    _PROOF,
    r"critics?\s+(?:that|who|which)|models?\s+(?:that|who|which)\s+(?:report|flag|list|raise)|treat\s+(?:(?:this"
    r"|these|such|all|the)\s+)?(?:answer|draft|response|repl)",
    r"(?:findings|questions)(?:[ _]|\s+that\s+)(?:failed|not[ _]met|unmet|open)",
    r"\s(?:is\s+trusted|is\s+not(?:\s*[.;]|\s+(?:data|untrusted)))|que\s+(?:\w+\s+){1,2}(?:é|es|son"
    r"|são)\s+(?:de\s+confian|confi[aá]ve)",
    r"ignore[rz]\s|ignoriere|oublie[rz]\s|vergess|vergiss",
    *CLAIM_HINTS,
)

HINT = compile_own(*_HINT_TEXTS)
"""Cheap sign that a sign or a pair may match; every text that one of them matches, this matches too."""

HINT_OR_ENCODED = compile_own(*_HINT_TEXTS, *ENCODED_HINTS)
"""That, and what encoded text looks like, in one pass: what ordinary text pays."""
