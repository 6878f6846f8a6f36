"""How text addresses the reviewer or forges its work, in English, Portuguese and Spanish.

Each sign is worded closely enough that text about approvals, reviews, rules and systems does not meet it. Signs of
the first group are forgeries wherever they stand. Those of the second are also said of other models (a chat
template, "ignore all previous instructions"): they do not count where a draft or a turn quotes them, nor in the
caller's own system turns, where a prompt may well warn of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from reviewer.checks.patterns import Pattern, compile_own


@dataclass(frozen=True, slots=True)
class Sign:
    """One way to steer.

    Attributes:
        label: what it is, for the reason of a finding.
        negatable: where group 1 of the pattern takes part, the phrase is negated ("do not ignore ...").
        quotable: may be mentioned without being meant.
    """

    label: str
    pattern: Pattern
    quotable: bool = False
    negatable: bool = False


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

SIGNS = (
    Sign(
        "instruction to mark criteria",
        compile_own(
            r"\bcriteri(?:on|a)\b[^.\n]{0,30}\bas\s+(?:being\s+)?(?:fully\s+)?" + _PASSED + r"\b",
            r"\b(?:mark|rate|score|grade|answer|label|set|treat|report|list|return)\s+(?:all|every|each|any"
            r"|these|those)\b"
            r"[^.\n]{0,30}\b(?:criteri(?:on|a)|findings?|rubric|questions?)\b[^.\n]{0,20}(?-i:\bMET\b)",
            r"\b(?:marque|considere|avalie|responda"
            r"|classifique)\b[^.\n]{0,30}\bcritérios?\b[^.\n]{0,30}\bcomo\s+" + _PASSED_PT,
            r"\b(?:marca|marque|considera|considere|evalúa|evalúe|califica)\b[^.\n]{0,30}\bcriterios?\b[^.\n]{0,30}"
            r"\bcomo\s+" + _PASSED_ES,
        ),
    ),
    Sign(
        "instruction to set the rubric aside",
        compile_own(
            _NOT + r"\b(?:ignore|disregard|forget|override|bypass|skip)\s+(?:(?:all|any|every|the|your|this"
            r"|of)\s+){0,3}"
            r"(?:rubrics?\b|(?:review|reviewing|grading|evaluation|scoring|assessment)\s+(?:rubric|criteria"
            r"|criterion|rules|guidelines|instructions)\b)",
        ),
        negatable=True,
    ),
    Sign(
        "instruction to set the rubric aside",
        compile_own(
            _NOT + r"\b(?:ignor[ea]|desconsider[ea]|esqueça|omita|olvid[ea]|descarta|descarte|salta|salte)\s+"
            r"(?:(?:todos?|todas?|as|os|a|o|la|las|el|los|sua|suas|seus|tu|tus|su|sus)\s+){0,3}"
            r"(?:rúbricas?\b|rubricas?\b|(?:critérios|regras|criterios|reglas)\s+de\s+(?:avaliação|revisão"
            r"|evaluación|revisión)\b)"
        ),
        negatable=True,
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
            r"[\"']outcome[\"']\s*:\s*[\"'](?:MET|NOT_MET|UNCERTAIN|NOT_APPLICABLE)[\"']",
            r"[\"']verdict[\"']\s*:\s*[\"'](?:APPROVED?|REVISE|HUMAN_HANDOFF|MET|PASS(?:ED)?|SAFE)[\"']",
            r"[\"']met[\"']\s*:\s*\[\s*[\"'][ac]\d",
            r"[\"']steering[\"']\s*:\s*\{",
            r"\b(?:final\s+)?verdict\W{0,6}[:=]\W{0,6}(?:approved?\b|(?-i:MET\b|HUMAN_HANDOFF\b|PASS\b))",
            r"\b(?:veredito|veredicto)\W{0,6}[:=]\W{0,6}(?:aprova(?:do|r)|aproba(?:do|r)|approve)",
            r"(?m)^\W{0,4}(?:(?:overall|final)\s+)?(?:score|rating|nota|puntuación|pontuação)\W{0,4}[:=]\W{0,4}"
            r"(?:10(?:\.0)?\s?/\s?10|100\s?/\s?100)\b",
            r"\b(?:return|output|respond\s+with|answer\s+with|give)\s+(?:(?:only|just|the|verdict|outcome"
            r"|decision|word)\s+){1,4}"
            r"\W{0,3}(?-i:APPROVED?|MET)\b",
        ),
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
        ),
    ),
    Sign(
        "forged role marker",
        compile_own(
            r"<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|end_header_id|eot_id"
            r"|begin_of_text)\|>",
            r"\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>",
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
        negatable=True,
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
        negatable=True,
    ),
)

_HINT_TEXTS = (
    r"criteri(?:on|a|os?)\b|critério|rubri[ck]|rúbrica",
    r"\b(?:ai|llm)[\s\-]+(?:reviewer|evaluator|grader|judge|critic|model|moderator)|(?:judge|critic)\s+model",
    r"\b(?:reviewer|evaluator|grader|revisor|avaliador|evaluador|moderator|lenient|permissive|generous)",
    r"\b(?:grading|critic|judge|second|safety|review|automated|automatic)[\s\-]+(?:model|judge|critic)"
    r"|modelo\s+(?:revisor|avaliador|juiz|evaluador|juez)",
    r"(?:ignor|disregard|forget|override|bypass|skip|desconsider|esqueça|omita|olvid|descart"
    r"|salt)[a-z]*\s+(?:\w+\s+){0,3}?"
    r"(?:previous|prior|above|earlier|preceding|foregoing|system|review|grading|evaluation|scoring|assessment"
    r"|instru|comandos|regras|diretrizes"
    r"|prompts|reglas|directrices|indicaciones|anteriores|prévias|previas)",
    r"verdict|veredic?to|(?:score|rating|nota|puntuación|pontuação)\W{0,4}[:=]\W{0,4}10",
    r"[\"'](?:outcome|met|steering)[\"']|(?-i:\b(?:APPROVED?|MET|HUMAN_HANDOFF)\b)",
    r"\b(?:apprueb|aprueb|aprove\b|approve\b|accept\s+this|pass\s+this|(?:must|should"
    r"|to)\s+(?:always\s+)?(?:approve|pass|accept))",
    r"<\||\[/?INST|<</?[a-z0-9]|_of_turn|</(?:draft|untrusted)|[-=#*\[<]{2,}\s*(?:end|begin|fim|fin|início|inicio)\s",
    r"(?m)^[\s>*#]{0,6}(?:system|developer|sistema|instruction)",
)
_BLOB_TEXT = r"[A-Za-z0-9+/_\-]{40,}={0,2}"

HINT = compile_own(*_HINT_TEXTS)
"""Cheap sign that one of `SIGNS` may match; every text that a sign matches, this matches too."""

BLOB = compile_own(_BLOB_TEXT)
"""A stretch that may be base64 or hexadecimal."""

HINT_OR_BLOB = compile_own(*_HINT_TEXTS, _BLOB_TEXT)
"""Both in one pass: what ordinary text pays."""
