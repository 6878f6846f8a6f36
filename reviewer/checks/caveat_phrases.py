"""How general caveats and moral advice are worded in English, Portuguese and Spanish.

Only wording that fits any request is listed. A warning of a concrete risk ("switch the breaker off first") is not a
caveat, and no pattern here should meet one.
"""

from __future__ import annotations

from reviewer.checks.patterns import compile_own

_EN_PRO = (
    r"(?:doctor|physician|lawyer|attorney|accountant|advis[eo]r|professional|expert|specialist|therapist"
    r"|pharmacist)"
)
_PT_PRO = r"(?:médic|advogad|contador|profissiona|especialista|psicólog|farmacêutic|consultor)"
_ES_PRO = r"(?:médic|abogad|contador|profesional|especialista|psicólog|farmacéutic|asesor)"

CAVEAT = compile_own(
    r"\bI(?:['\x{2019}]m|\s+am)\s+(?:not|just|only)\s+(?:a|an)\s+(?:\w+\s+){0,2}(?:ai\b|language\s+model"
    r"|" + _EN_PRO + ")",
    r"\bas\s+an?\s+(?:ai|language\s+model|artificial\s+intelligence)\b",
    r"\b(?:not|n['\x{2019}]t)\s+(?:be\s+(?:taken|considered|construed)\s+as\s+|constitute\s+|intended\s+(?:as"
    r"|to\s+be)\s+"
    r"|a\s+substitute\s+for\s+|replace\s+|provide\s+|give\s+|offer\s+)?(?:\w+\s+){0,2}"
    r"(?:medical|legal|financial|tax|investment|professional)(?:,?\s+(?:or|and)\s+\w+)?\s+advice",
    r"\b(?:informational|educational|information)\s+purposes\s+only\b|\bgeneral\s+information\s+only\b",
    r"\b(?:always|please|best\s+to|important\s+to|recommended\s+to|should|recommend|strongly\s+advise)\b[^.\n]{0,40}"
    r"\b(?:consult|consulting|seek|speak\s+(?:to|with)|talk\s+(?:to|with)|check\s+with)\b[^.\n]{0,40}\b" + _EN_PRO,
    r"\b(?:it(?:['\x{2019}]s|\s+is)|is)\s+(?:also\s+|always\s+)?(?:important|essential|crucial|vital|worth)\s+"
    r"(?:to\s+)?(?:note|noting|remember|remembering|keep\s+in\s+mind|consider|understand|be\s+aware|respect|mention)",
    r"\b(?:please|always|do)\s+(?:remember|note|keep\s+in\s+mind|be\s+aware|use\s+\w+\s+responsibly"
    r"|exercise\s+caution)\b",
    r"\b(?:individual\s+)?results\s+may\s+vary\b|\bevery(?:one|\s+(?:situation|case|person))\s+is\s+(?:different"
    r"|unique)\b",
    r"\bethical\s+(?:implications|considerations|concerns)|\b(?:think"
    r"|reflect)\b[^.\n]{0,20}\bwhether\b[^.\n]{0,40}\bethical",
    r"\b(?:use|act|proceed)\b[^.\n]{0,20}\b(?:responsibly|ethically|with\s+caution|at\s+your\s+own\s+risk)\b",
    r"\blembre-se\b|\b(?:é|vale|cabe|convém|importante)\s+(?:sempre\s+|também\s+|(?:muito\s+)?importante\s+"
    r"|fundamental\s+|essencial\s+)?(?:lembrar|ressaltar|destacar|notar|salientar|observar|frisar|ter\s+em\s+mente)",
    r"\bn[aã]o\s+sou\s+(?:um\s+|uma\s+)?" + _PT_PRO + r"|\bsou\s+(?:só|apenas|somente)\s+uma?\s+(?:ia\b|intelig"
    r"|modelo)",
    r"\bcomo\s+(?:uma?\s+)?(?:ia\b|inteligência\s+artificial|inteligencia\s+artificial|modelo\s+de\s+l)",
    r"\bn[aã]o\s+(?:substitui|constitui|deve\s+ser\s+(?:considerad|entendid|interpretad))[^.\n]{0,60}"
    r"(?:aconselhamento|orienta|consulta|recomenda|parecer|avalia)",
    r"\b(?:apenas|somente|meramente)\s+(?:para\s+fins\s+)?(?:informativ|educa)",
    r"\b(?:consulte|procure|recomend\w+|aconselh\w+|fale\s+com)\b[^.\n]{0,50}\b" + _PT_PRO,
    r"\bcada\s+(?:caso|situação|pessoa|situación|persona)\s+(?:é|es)\s+(?:únic|um\b|uma\b|diferente|distint)",
    r"\b(?:reflita|reflexiona|pense|piense)\b[^.\n]{0,40}\b(?:étic|correto|certo|correcto)"
    r"|\bimplicações\s+éticas|\bimplicaciones\s+éticas",
    r"\b(?:recuerda|recuerde|ten\s+en\s+cuenta|tenga\s+en\s+cuenta)\b"
    r"|\bes\s+(?:importante|fundamental|esencial)\s+(?:recordar|destacar|tener\s+en\s+cuenta|señalar|notar)",
    r"\bno\s+soy\s+(?:un\s+|una\s+)?" + _ES_PRO + r"|\bsolo\s+soy\s+una?\s+(?:ia\b|intelig|modelo)",
    r"\bno\s+(?:sustituye|reemplaza|constituye|debe\s+(?:considerarse|interpretarse))[^.\n]{0,60}"
    r"(?:asesor|consejo|consulta|opini|recomendaci)",
    r"\b(?:consulta|consulte|acude|acuda|recomiendo)\b[^.\n]{0,50}\b" + _ES_PRO,
)
"""A caveat, disclaimer or piece of moral advice that would fit any request."""
