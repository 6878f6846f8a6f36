"""How drafts begin or point elsewhere without answering, in English, Portuguese and Spanish.

The bare openers are those that draw positive grades from judge models ("Thought process:", "Solution") and their
kin: announcements of an answer that then does not come.
"""

from __future__ import annotations

from reviewer.checks.patterns import compile_own

_FEW = r"(?:[\s,]+[\pL'\x{2019}\-]+){0,7}"
_EDGE = r"[^\pL\pN]*"

OPENER = compile_own(
    _EDGE + r"(?:(?:sure|certainly|of\s+course|absolutely|definitely|okay|ok|alright|yes|yep|(?:great|good"
    r"|excellent)\s+question"
    r"|thank\s+you|thanks|hello|hi|hey|claro|certo|com\s+certeza|sim|(?:ótima|boa|excelente|buena)\s+pergunta"
    r"|(?:buena|excelente)\s+pregunta|obrigad[oa]|gracias|olá|oi|hola|por\s+supuesto|desde\s+luego"
    r"|sí)" + _EDGE + r")*"
    r"(?:(?:thank\s+you|thanks|obrigad[oa]|gracias)\s+(?:for|por|pela|pelo)"
    + _FEW
    + r"|here(?:['\x{2019}]s|\s+is|\s+are)"
    + _FEW
    + r"|let['\x{2019}]?s\s+(?:solve|work|think|break|go|take|start|begin|look|dive|walk|reason)"
    + _FEW
    + r"|let\s+me\s+(?:think|explain|help|see|work|break|walk)"
    + _FEW
    + r"|I(?:['\x{2019}]ll|\s+will|\s+can|['\x{2019}]d\s+be\s+happy\s+to|\s+would\s+be\s+happy\s+to)\s+(?:help"
    r"|assist|explain|answer)"
    + _FEW
    + r"|to\s+(?:solve|answer)\s+(?:this|the|your)"
    + _FEW
    + r"|(?:my\s+)?(?:thought\s+process|reasoning|analysis|explanation|response|reply|output|draft|step\s+by\s+step"
    r"|(?:the\s+|final\s+)*(?:solution|answer)(?:\s+is)?)"
    r"|aqui\s+(?:está|estão|vai|vão)"
    + _FEW
    + r"|seguem?"
    + _FEW
    + r"|vamos(?:\s+a)?\s+(?:resolver|pensar|analisar|analizar|começar|empezar|ver|lá|por)"
    + _FEW
    + r"|(?:vou|posso|voy\s+a|puedo)\s+(?:te\s+)?(?:ajudar|explicar|responder|ayudar)"
    + _FEW
    + r"|aquí\s+(?:está|están|tienes|va)"
    + _FEW
    + r"|(?:a\s+)?(?:resposta|solução)(?:\s+final)?(?:\s+é)?|processo\s+de\s+pensamento|raciocínio|passo\s+a\s+passo"
    r"|(?:la\s+)?(?:respuesta|solución)(?:\s+final)?(?:\s+es)?|proceso\s+de\s+pensamiento|razonamiento"
    r"|paso\s+a\s+paso"
    r"|解答?|回答|かいせつ|lösung|antwort|réponse)?" + _EDGE
)
"""Matches a whole sentence that only announces; also one of courtesy alone."""

OPENER_HINT = compile_own(
    r"\b(?:sure|certainly|of\s+course|absolutely|definitely|okay|alright|question|thank|hello|here|let"
    r"|I['\x{2019}]ll|happy"
    r"|solve|answer|process|reasoning|analysis|explanation|response|solution|step)\b",
    r"\b(?:claro|certo|certeza|pergunta|pregunta|obrigad|gracias|olá|hola|supuesto|aqui|aquí|segue|vamos|vou"
    r"|posso|voy"
    r"|puedo|resposta|solu|respuesta|processo|proceso|racioc|razona|passo|paso)",
)
"""Cheap sign that `OPENER` may match a sentence."""

_EN_PRO = (
    r"(?:doctor|physician|nurse|lawyer|attorney|accountant|advis[eo]r|professional|expert|specialist|therapist"
    r"|pharmacist"
    r"|provider|bank|support|customer\s+service|help\s*desk|team|administrator)"
)
_PT_PRO = (
    r"(?:médic|enfermeir|advogad|contador|profissiona|especialista|psicólog|farmacêutic|gerente|atendimento"
    r"|suporte|sac\b)"
)
_ES_PRO = r"(?:médic|abogad|contador|profesional|especialista|psicólog|farmacéutic|asesor|soporte|atención)"

DEFLECTION = compile_own(
    r"\b(?:consult|contact|see|ask|visit|call|speak\s+(?:to|with)|speaking\s+(?:to|with)|talk\s+(?:to|with)"
    r"|reach\s+out\s+to"
    r"|check\s+with|seek|consulting|contacting)\b[^.\n]{0,60}\b" + _EN_PRO,
    r"\b(?:check|visit|see|go\s+to|refer\s+to|look\s+at|read|click)\b[^.\n]{0,40}"
    r"\b(?:website|web\s*page|page|site|link|help\s+cent(?:er|re)|faq|documentation|manual|url)\b",
    r"\b(?:consulte|procure|fale\s+com|converse\s+com|entre\s+em\s+contato|contate|busque"
    r"|pergunte)\b[^.\n]{0,60}\b" + _PT_PRO,
    r"\b(?:acesse|visite|veja|confira|consulte|clique)\b[^.\n]{0,40}\b(?:site|página|link|portal|central"
    r"|documenta|manual)",
    r"\b(?:consulta|consulte|acuda|acude|hable|habla|contacte|contacta|busque|busca)\b[^.\n]{0,60}\b" + _ES_PRO,
    r"\b(?:visite|visita|consulte|consulta|vea|haga\s+clic)\b[^.\n]{0,40}\b(?:sitio|página|enlace|portal|manual)\b",
)
"""Points to a person or a page."""

URGENT = compile_own(
    r"\b(?:911|112|999|988|000|192|188|190|193|emergency|emergencies|immediately|right\s+away|er\b|urgent)",
    r"\b(?:emergência|urgência|pronto[- ]socorro|samu|cvv|imediat|emergencia|urgencia|inmediat|upa\b)",
)
"""Sending someone to help at once is an answer, not a deflection."""

LINK = compile_own(r"https?://\S+|\bwww\.\S+|\[[^\]\n]{0,200}\]\([^)\n]{0,500}\)")
"""A link, bare or in Markdown."""

POINTER_OR_LINK = compile_own(DEFLECTION.pattern, LINK.pattern)
"""Either of both, in one pass over a sentence."""

SIGN = compile_own(OPENER_HINT.pattern, DEFLECTION.pattern, LINK.pattern)
"""Cheap sign that a text may hold a sentence without content."""

RESTATED = compile_own(
    r"^" + _EDGE + r"(?:(?:so,?\s+)?you(?:['\x{2019}]re|\s+are)?\s+(?:ask(?:ed|ing)?|want(?:ed)?\s+to\s+know"
    r"|would\s+like\s+to\s+know"
    r"|wonder(?:ing|ed)?)|(?:the|your)\s+question(?:\s+is)?|você\s+(?:perguntou|quer\s+saber|gostaria\s+de\s+saber)"
    r"|(?:a|sua)\s+pergunta(?:\s+é)?|(?:has\s+preguntado|quieres\s+saber|preguntas)|(?:la|tu"
    r"|su)\s+pregunta(?:\s+es)?)\b"
)
"""Words with which a draft takes up the question again."""
