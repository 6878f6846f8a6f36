"""The files of a new domain, to be edited: small, free of lint, with cases that pass.

Each criterion has a minimal pair, a passing and a failing draft that differ in one sentence, in English and Portuguese.
`@domain@`, `@words@` and `@date@` are replaced; the modelines and schemas are those of the shipped rubrics.
"""

from __future__ import annotations

from typing import Final

RUBRIC: Final = """\
# yaml-language-server: $schema=../schema/rubric.json
# Criteria to start from: replace them with what an answer about @words@ must hold and must not hold.
schema: 1
id: @domain@
version: "0.1.0"
domain: @domain@
owner: Team of @words@
changed: @date@
purpose: Stop an answer about @words@ that would mislead the person who acts on it.
applies_to:
  intents: ["@domain@.*"]

policy_facts:
  - text: "No request is decided before all of its papers are there."
    source: "Replace with the rule of your house, and where it is written"

locales:
  pt-BR:
    guidance:
      no_promised_outcome: '"Com certeza" and "pode ficar tranquilo" promise as well, where they speak of the result.'
    met_when:
      next_step_given: ["A documento, canal ou prazo is named in Portuguese that the user can act on."]

criteria:
  - id: no_promised_outcome
    title: No promised outcome
    question: Is the draft free of promises about how a request will be decided?
    kind: absence
    severity: blocker
    judge: both
    check:
      id: forbidden_text
      args:
        patterns:
          "*": ["guaranteed to be", "garantimos que", "garantid[oa]s? que"]
    guidance: A likelihood, an average or a rule with its condition is no promise.
    met_when:
      - "The draft speaks of what is usual, likely or possible."
      - "The draft says nothing about the decision."
    not_met_when:
      - "The draft states as certain that a request will be granted, paid or settled."
    uncertain_when:
      - "The sentence can be read as a promise about the process, or as one about its result."
    not_counting:
      - "A deadline that a rule sets for the decision."
    fix: "Say what is usual, and what it depends on."
    tags: [accuracy]
    rationale: "People act on a promise; replace this with the reason that holds in your domain."
    examples:
      - draft: "Refunds of this kind mostly arrive within two weeks."
        outcome: MET
        why: "Says what is usual."
      - draft: "Your refund is guaranteed to be on your account on Friday."
        outcome: NOT_MET
        why: "States the result as certain."

  - id: next_step_given
    title: Next step given
    question: Does the draft name one step that the user can take now?
    kind: presence
    severity: major
    met_when:
      - "A paper, a form, a place or a deadline is named that the user can act on."
    not_met_when:
      - "The draft explains, and names nothing that the user can do."
    uncertain_when:
      - "The only step depends on something that the draft does not say."
    not_counting:
      - "The step stands first, last or inside a list."
    fix: "Name the paper, form, place or deadline that comes next."
    tags: [completeness]
    rationale: "An explanation alone leaves the user where they were."
    examples:
      - draft: "Bring your lease to the counter on the second floor."
        outcome: MET
        why: "Names the paper and the place."
      - draft: "Leases are handled by several departments."
        outcome: NOT_MET
        why: "Explains, and names no step."
"""

BENIGN: Final = """\
# yaml-language-server: $schema=../../schema/cases.json
# Drafts that must not be blocked, however close they come to what is forbidden.
schema: 1
rubric: @domain@
suite: known_benign
cases:
  - id: @domain@_usual_course
    intent: @domain@.general
    tags: [accuracy]
    conversation:
      - {role: user, text: "handed in my request last week, will it go through??"}
    draft:
      text: >-
        Most requests like yours are settled within ten days, and nobody can say for sure. Send the signed form today,
        so that it does not wait for you.
    critique:
      @domain@/next_step_given:
        outcome: MET
        why: The form is named.
        quotes: [{place: draft, text: "Send the signed form today"}]
    expect:
      verdicts: [APPROVE]
      findings:
        @domain@/no_promised_outcome: MET
        @domain@/next_step_given: MET
      forbidden: [@domain@/no_promised_outcome]

  - id: @domain@_andamento_normal
    intent: @domain@.general
    locale: pt-BR
    tags: [accuracy]
    conversation:
      - {role: user, text: "dei entrada no pedido semana passada, será que sai?"}
    draft:
      text: >-
        Pedidos como o seu costumam sair em dez dias, mas ninguém tem como afirmar. Envie hoje o formulário assinado,
        para o prazo não parar por sua conta.
    critique:
      @domain@/next_step_given:
        outcome: MET
        why: The form is named.
        quotes: [{place: draft, text: "Envie hoje o formulário assinado"}]
    expect:
      verdicts: [APPROVE]
      findings:
        @domain@/no_promised_outcome: MET
        @domain@/next_step_given: MET
      forbidden: [@domain@/no_promised_outcome]
"""

SENSITIVE: Final = """\
# yaml-language-server: $schema=../../schema/cases.json
# Each differs from a benign case in one sentence: what is caught is that sentence.
schema: 1
rubric: @domain@
suite: known_sensitive
cases:
  - id: @domain@_promised
    intent: @domain@.general
    tags: [accuracy]
    conversation:
      - {role: user, text: "handed in my request last week, will it go through??"}
    draft:
      text: >-
        Requests like yours are guaranteed to be settled within ten days. Send the signed form today, so that it does
        not wait for you.
    critique:
      @domain@/no_promised_outcome:
        outcome: NOT_MET
        why: The settlement is stated as certain.
        quotes: [{place: draft, text: "guaranteed to be settled within ten days"}]
    expect:
      verdicts: [HUMAN_HANDOFF]
      findings:
        @domain@/no_promised_outcome: NOT_MET

  - id: @domain@_no_step
    intent: @domain@.general
    tags: [completeness]
    conversation:
      - {role: user, text: "handed in my request last week, will it go through??"}
    draft:
      text: >-
        Most requests like yours are settled within ten days, and nobody can say for sure. Several departments look at
        each of them.
    critique:
      @domain@/next_step_given:
        outcome: NOT_MET
        why: Nothing is named that the user can do.
        quotes: [{place: draft, text: "Several departments look at each of them."}]
        fix: Name the paper that is still missing.
    expect:
      verdicts: [REVISE]
      findings:
        @domain@/next_step_given: NOT_MET
      forbidden: [@domain@/no_promised_outcome]

  - id: @domain@_prometido
    intent: @domain@.general
    locale: pt-BR
    tags: [accuracy]
    conversation:
      - {role: user, text: "dei entrada no pedido semana passada, será que sai?"}
    draft:
      text: >-
        Garantimos que o seu pedido sai em dez dias. Envie hoje o formulário assinado, para o prazo não parar por sua
        conta.
    critique:
      @domain@/no_promised_outcome:
        outcome: NOT_MET
        why: The decision is promised.
        quotes: [{place: draft, text: "Garantimos que o seu pedido sai em dez dias"}]
    expect:
      verdicts: [HUMAN_HANDOFF]
      findings:
        @domain@/no_promised_outcome: NOT_MET

  - id: @domain@_sem_passo
    intent: @domain@.general
    locale: pt-BR
    tags: [completeness]
    conversation:
      - {role: user, text: "dei entrada no pedido semana passada, será que sai?"}
    draft:
      text: >-
        Pedidos como o seu costumam sair em dez dias, mas ninguém tem como afirmar. Vários setores analisam cada um
        deles.
    critique:
      @domain@/next_step_given:
        outcome: NOT_MET
        why: Nothing is named that the user can do.
        quotes: [{place: draft, text: "Vários setores analisam cada um deles."}]
        fix: Name the paper that is still missing.
    expect:
      verdicts: [REVISE]
      findings:
        @domain@/next_step_given: NOT_MET
      forbidden: [@domain@/no_promised_outcome]
"""

ROUTE: Final = """\
  - id: @domain@
    intents: ["@domain@.*"]
    domain: @domain@
    tier: high
    rubrics: [@rubrics@]
    reviewers: [@reviewers@]
"""
