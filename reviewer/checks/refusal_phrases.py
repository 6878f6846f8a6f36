"""How refusals, apologies and ways out are worded in English, Portuguese and Spanish.

A refusal speaks in the first person and names an act of answering: "you can't deduct this" and "I can't stress this
enough" are no refusals, so only verbs of helping, telling and doing for the user are listed.
"""

from __future__ import annotations

from reviewer.checks.patterns import compile_own

_EN_ACT = (
    r"(?:help(?:\s+(?:with|you|out|in|on)\b|\s*[.,;:!?]|\s*$|\s+(?:if|because|since|as)\b)|assist|provide|answer"
    r"|discuss"
    r"|comply|fulfil|support\s+(?:this|that|your)|engage|give\b|offer|advise|share|create|write|generate|produce"
    r"|participate|do\s+(?:that|this)\b|talk\s+about|respond|continue|carry\s+out|complete\s+(?:this|that|your)"
    r"|go\s+into)"
)
_EN_NOT = (
    r"(?:can['\x{2019}]?t|cannot|can\s+not|won['\x{2019}]?t(?:\s+be\s+able\s+to)?|will\s+not(?:\s+be\s+able\s+to)?"
    r"|could\s+not|(?:not\s+able|unable|not\s+allowed|not\s+permitted|not\s+going|not\s+willing)\s+to"
    r"|(?:must|have\s+to|need\s+to|will\s+have\s+to)\s+(?:decline|refuse)(?:\s+to)?|(?:decline|refuse)\s+to"
    r"|(?:would|['\x{2019}]d)\s+rather\s+not)"
)
_EN_WHO = (
    r"\b(?:I|we)(?:['\x{2019}](?:m|re)|\s+am|\s+are)?(?:\s+(?:really|simply|just|also|unfortunately|sadly"
    r"|therefore))?\s*"
)

_PT_ACT = (
    r"(?:(?:te|lhe|o|a)\s+)?(?:ajudar|ajudá-l|auxiliar|fornecer|responder|discutir|atender|dar\b|oferecer|orientar"
    r"|aconselhar|compartilhar|criar|escrever|gerar|produzir|falar\s+sobre|participar|fazer\s+isso|continuar"
    r"|prosseguir"
    r"|cumprir|passar\s+(?:ess|est|inf|orient))"
)
_PT_NOT = (
    r"\bn[aã]o\s+(?:posso|podemos|consigo|conseguimos|poderei|poderemos|vou\s+poder|vou|vamos\s+poder"
    r"|tenho\s+como|temos\s+como|estou\s+autorizad[oa]\s+a|me\s+é\s+poss[ií]vel|sou\s+capaz\s+de|devo)"
)
_ES_ACT = (
    r"(?:(?:te|le|les)\s+)?(?:ayudar|asistir|proporcionar|responder|discutir|ofrecer|dar(?:te|le|les)?\b|brindar"
    r"|aconsejar|compartir|crear|escribir|generar|hablar\s+(?:de|sobre)|participar|hacer\s+eso|continuar|cumplir"
    r"|atender|facilitar)"
)
_ES_NOT = r"\bno\s+(?:puedo|podemos|podr[eé]|me\s+es\s+posible|soy\s+capaz\s+de|estoy\s+autorizad[oa]\s+(?:a|para))"

REFUSAL = compile_own(
    rf"{_EN_WHO}{_EN_NOT}\s+{_EN_ACT}",
    r"\bI(?:['\x{2019}]m|\s+am)?\s+(?:must|have\s+to|going\s+to\s+have\s+to"
    r"|need\s+to)\s+(?:respectfully\s+)?(?:decline|refuse)\b",
    r"\bas\s+an\s+ai\b[^.\n]{0,40}\bI\s+(?:can(?:no|['\x{2019}])t|am\s+unable|do\s+not|don['\x{2019}]t"
    r"|won['\x{2019}]t)",
    r"\b(?:not|isn['\x{2019}]t)\s+something\s+(?:that\s+)?(?:I|we)\s*(?:can|['\x{2019}]m\s+able|am\s+able|will)\b",
    r"\b(?:against|violates?)\s+(?:my|the)\s+(?:guidelines|programming|content\s+policy|usage\s+polic)",
    rf"{_PT_NOT}\s+{_PT_ACT}",
    r"\b(?:devo|preciso|tenho\s+que|vou)\s+recusar\b|\bme\s+recuso\s+a\b",
    r"\bn[aã]o\s+é\s+poss[ií]vel\s+(?:ajudar|auxiliar|atender\s+(?:a\s+)?(?:esse|este|seu|sua))",
    r"\bn[aã]o\s+me\s+sinto\s+confort[aá]vel",
    rf"{_ES_NOT}\s+{_ES_ACT}",
    r"\b(?:debo|tengo\s+que)\s+(?:rechazar|declinar|negarme)\b|\bme\s+niego\s+a\b",
)
"""A refusal in the first person."""

REFUSAL_HINT = compile_own(
    _EN_WHO + _EN_NOT,
    r"\bI(?:['\x{2019}]m|\s+am)?\s+(?:must|have\s+to|going\s+to\s+have\s+to"
    r"|need\s+to)\s+(?:respectfully\s+)?(?:decline|refuse)",
    r"\bas\s+an\s+ai",
    r"\b(?:not|isn['\x{2019}]t)\s+something\s+(?:that\s+)?(?:I|we)",
    r"\b(?:against|violates?)\s+(?:my|the)\s+(?:guidelines|programming|content\s+policy|usage\s+polic)",
    _PT_NOT,
    r"\b(?:devo|preciso|tenho\s+que|vou)\s+recusar|\bme\s+recuso\s+a",
    r"\bn[aã]o\s+(?:é\s+poss[ií]vel|me\s+sinto)",
    _ES_NOT,
    r"\b(?:debo|tengo\s+que)\s+(?:rechazar|declinar|negarme)|\bme\s+niego\s+a",
)
"""How each form of `REFUSAL` begins: found in every text of which some beginning holds a refusal, cut where it may."""

WHOLE = compile_own(
    r"(?:help|assist)(?:\s+you)?(?:\s+(?:with\s+(?:that|this|it|your\s+request)|out|further))?\s*(?:[.,;:!?]|$"
    r"|\bbut\b)",
    r"(?:help|assist)(?:\s+you)?\s+with\s+(?:that|this|it|your|such|any|questions|requests|anything)\b",
    r"\b(?:comply|fulfil\w*|engage|participate|continue|decline|refuse|(?:do|answer|discuss)\s+(?:that|this))\b",
    r"\bI\s+can(?:no|['\x{2019}]?)t\s+do\b|not\s+something|\bguidelines\b|\bprogramming\b",
    r"(?:ajudar|auxiliar|ayudar|ajudá-\w+|ayudarte|ayudarle)(?:\s+você)?"
    r"(?:\s+(?:com|con)\s+(?:isso|isto|esse|essa|este|esta|eso|esto|seu|sua|su|nada|nenhum\w*)\b|\s*(?:[.,;:!?]|$))",
    r"\b(?:atender|cumprir|cumplir|participar|continuar|prosseguir|recus\w+|rechaz\w+|declinar|neg\w+)\b",
    r"\b(?:fazer\s+isso|hacer\s+eso|responder\s+(?:a\s+)?(?:isso|essa|esta|eso|esa))\b",
)
"""A refusal of the request as such, where others name one thing that will not be done."""

PADDING = compile_own(
    r"\b(?:sorry|apologi[sz]e|unfortunately)\b|\bhappy\s+to\s+(?:help|assist)|\bglad\s+to\s+help|\blet\s+me\s+know\b",
    r"\bif\s+you\s+(?:have|need)\s+(?:any|other|more|something|help)|\bfeel\s+free\b|\bhere\s+to\s+(?:help"
    r"|support)\b",
    r"\bI\s+(?:can|could)\s+(?:help|assist|offer)\b|\bI\s+(?:encourage|recommend|suggest|advise|urge)\b",
    r"\b(?:please|should|consider|best\s+to)\s+(?:\w+\s+)?"
    r"(?:consult|contact|reach\s+out|seek|speak|speaking|talk|talking|visit|see|call|ask)\b",
    r"\b(?:something|anything)\s+else\b|\bis\s+(?:illegal|unethical|harmful|dangerous|wrong|inappropriate)\b",
    r"\b(?:promote|prioriti[sz]e|encourage)\s+(?:\w+\s+)?(?:safe|ethical|responsible|legal|respectful)",
    r"\b(?:desculp|lamento|sinto\s+muito|infelizmente|lo\s+siento|disculp|lamentablemente|desafortunadamente)",
    r"\bfico\s+(?:feliz|à\s+disposi)|\b(?:estou|estoy)\s+(?:aqui|aquí|à\s+disposi)|\bposso\s+(?:te\s+)?ajudar\b",
    r"\bpuedo\s+ayudar|\b(?:se|si)\s+(?:você\s+)?(?:precisar|necesita|quiser|tiver)|\b(?:me\s+avise|hazme\s+saber)\b",
    r"\b(?:recomendo|sugiro|recomiendo|sugiero|aconselho|aconsejo|incentivo)\b",
    r"\b(?:procure|consulte|busque|converse|fale|consulta|acude)\b"
    r"|\b(?:é|es)\s+(?:ilegal|perigos[oa]|peligros[oa]|antiétic[oa])",
)
"""Sentences around a refusal that answer nothing: apology, offer, referral, judgement."""

TURN = compile_own(
    r"\b(?:but|however|instead)\b|\bmas\b|\bporém\b|\bno\s+entanto\b|\bpero\b|\bsin\s+embargo\b|\bwhat\s+I\s+can\b"
)
"""Words after which a refusing sentence may go on to answer."""

LETTER = compile_own(
    r"(?m)^\W{0,4}(?:subject|assunto|asunto)\W{0,4}:",
    r"^\W{0,4}(?:(?:sure|certainly|of\s+course|claro|por\s+supuesto)\W+)?"
    r"(?:here(?:['\x{2019}]s|\s+is|\s+are)|aqui\s+(?:está|vai)|segue|aquí\s+(?:está|tienes|va))\b",
)
"""Signs that what follows is a text written for the user, in which a refusal would be the user's own."""
