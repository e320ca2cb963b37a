"""Which sentences does Python make in English, stores and sends, that pages tell again in other languages?

Each is a template with named places. The beginning of a place's name says what may stand there: n (a number), money
(1,200 EUR), share (42 %), day (Thu 2 Jul or 2026-07-02), lasting (3 days), when (in 3 days), value (a number, a
share or a weekday), code (words of a code), counted (codes with their counts), said (another phrase), rule (the id
of a rule) and own (other people's words). The sentences of features and of the packaged policy belong to them too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from features.catalogue import CATALOGUE
from features.reasons import REASON_CODES, WEEKDAYS
from serving.languages.problems import PROBLEMS
from serving.policy import Policy
from serving.policy.accounts import ACCOUNT_TERMS
from serving.policy.amending import numbers_of
from serving.policy.reviews import NO_MARGIN
from serving.policy.sentences import spaced
from serving.policy.vocabulary import CASE_TERMS

_CASE = (
    "%(said_money)s in 1 invoice past due by %(lasting)s",
    "%(said_money)s in %(n)s invoices past due, the oldest by %(lasting)s",
    "%(said_money)s in 1 invoice due %(when)s",
    "%(said_money)s in %(n)s invoices not yet due, the first %(when)s",
    "%(said)s (some of unknown amount)",
    "%(said1)s, and %(said2)s",
    "%(said1)s: %(said2)s",
    "%(said1)s; %(said2)s",
    "1 day",
    "%(n)s days",
    "in 1 day",
    "in %(n)s days",
    "today",
    "due today",
    "%(money1)s and %(said_money)s",
    "they pay %(said)s: reach them by %(day1)s for the run of %(day2)s",
    "they pay %(said)s: the next run we can reach is %(day)s",
    "it has been left out %(n)s lists in a row",
    "put here by hand: %(own)s",
    "put here by hand",
    "nothing is asked for; the last contact or review was %(said)s, so somebody looks at the account",
    "never, as far as noted",
    "%(n)s days ago",
    "until %(day)s: %(own)s",
    "until %(day)s",
    "the next contact is agreed",
)
_POLICY_WHY = (
    "%(said)s (%(rule)s)",
    "%(said1)s (%(rule)s); %(said2)s",
    "also %(said)s (%(rule)s)",
    "also %(said1)s (%(rule)s); %(said2)s",
    "without that, %(code1)s, as %(said)s (%(rule)s)",
    "without that, %(code1)s, as %(said1)s (%(rule)s); %(said2)s",
    "%(said1)s. %(said2)s",
)
_RUNS = (
    "on %(said)s",
    "on %(said1)s and %(said2)s",
    "on %(said1)s and on %(said2)s",
    *(f"{day}s" for day in WEEKDAYS),
    "the %(n)sst",
    "the %(n)snd",
    "the %(n)srd",
    "the %(n)sth",
    "the last day of the month",
    "the first working day of the month",
    "the last working day of the month",
)
_HABITS = (
    "Pays %(said_run)s (as they told us).",
    "Pays %(said_run)s (%(n1)s of %(n2)s pay days).",
    "Pays %(said_run)s (as they told us); call by %(day1)s for the run of %(day2)s.",
    "Pays %(said_run)s (%(n1)s of %(n2)s pay days); call by %(day1)s for the run of %(day2)s.",
    "No fixed pay run found in 1 pay day of the last year.",
    "No fixed pay run found in %(n)s pay days of the last year.",
    "No payment known in the last year.",
    "Usually pays %(said)s, half of its invoices between %(said1)s and %(said2)s.",
    "on the due date",
    "1 day late",
    "%(n)s days late",
    "1 day early",
    "%(n)s days early",
    "Pays %(n)s days later in the last 90 days than in the year before.",
    "Pays %(n)s days earlier in the last 90 days than in the year before.",
    "Best reached by %(code)s (as they asked).",
    "Best reached by %(code)s (money followed %(n1)s of %(n2)s contacts within two weeks).",
    "Often pays in parts (%(n)s invoices of the last year).",
    "Kept %(n1)s of %(n2)s promises.",
    "Payment index %(n)s (80 is prompt).",
    "%(n1)s of %(n2)s invoices went out without an order number.",
    "%(n1)s of %(n2)s invoices were sent more than %(n3)s days after issue.",
    "Disputes of the last year: %(counted)s.",
)
_PRIOR = (
    "No settled invoice yet: scored like %(said)s (%(said2)s).",
    "One settled invoice only: its own record counts little beside that of %(said)s (%(said2)s).",
    "%(n)s settled invoices only: its own record counts little beside that of %(said)s (%(said2)s).",
    "all customers of this book",
    "customers in %(own)s",
    "customers of the industry %(own)s",
    "invoices of division %(own)s",
    "customers of the kind %(code)s",
    "none of whose invoices has matured in the last year",
    "%(share)s of %(n1)s invoices of the last year were more than %(n2)s days late",
)
_TIER = (
    "nothing open stands out",
    "%(share)s of what is open in %(own)s is %(code)s or worse",
    "%(said)s, and stays %(code)s until that has lasted %(n1)s days (%(n2)s so far)",
    "%(said)s, and has been so for %(n)s days",
    "%(said)s, which is not enough under the lower bar to leave %(code)s",
)
_CREDIT = (
    "%(said)s, times %(n)s",
    "no more than the limit of today",
    "the limit of today covers it and stays",
    "the first limit of the policy",
    "the limit asked for",
    "what is bought in %(n)s days",
    "what is open today",
    "the limit that a credit report of %(n)s days ago recommends",
    "%(share)s of what a credit report of %(n)s days ago recommends",
    "there is no credit report",
    "the credit report is %(n)s days old and counts for %(share)s",
    "the trade reference is %(n)s days old",
    "there is no evidence that our terms were accepted; ask for it before the next delivery",
    "no limit is set today",
    NO_MARGIN,
    "the margin is %(n)s %%, and what was bought in a year is not known",
    "the margin is %(n)s %% of what is bought, %(money1)s a year; "
    "it leaves %(money2)s a year after the cost to collect",
)
_REASONS = (
    "%(said)s; typical is %(value)s",
    "The invoice is due today",
    "The invoice is due in %(n)s days",
    "The invoice is %(n1)s days late, past the longest horizon of %(n2)s days",
)
_ALERTS = (
    "The recommended limit was cut from %(money1)s to %(money2)s.",
    "The recommended limit was cut from %(n1)s to %(n2)s %(own)s.",
    "Its tier went from %(code1)s to %(code2)s: earlier help is due, not a harsher word.",
    "It is flagged as insolvent with %(n)s open invoices: ask the credit manager first.",
    "%(money)s is open although the credit limit is 0.",
    "The credit score went from %(n1)s to %(n2)s.",
    "%(money1)s is open, %(share)s of the limit of %(money2)s.",
    "%(money)s is open, %(share)s of the limit of %(n)s.",
    "Its first late invoice after %(n)s due weeks without one, due on %(day)s: "
    "ask kindly whether it has arrived and is in order.",
    "%(money)s was promised by %(day)s; nothing came. We said we would follow up.",
    "%(money1)s was promised by %(day)s; %(money2)s came. We said we would follow up.",
    "%(money)s was promised by %(day)s; %(n)s came. We said we would follow up.",
    "%(n1)s of its last %(n2)s due weeks were paid late or not yet, against %(n3)s of %(n4)s in the year before: a "
    "good customer that pays otherwise has a reason. Call as a partner and ask how things are.",
    "Recent due weeks were paid %(n1)s days late on average, open ones counted up to today, against %(n2)s in the year "
    "before. Ask whether anything has changed in the way our invoices are handled.",
    "1 invoice has not left us up to %(n)s days after issue: nobody pays in time what they have not seen. Send them, "
    "and offer a later due date.",
    "%(n1)s invoices have not left us up to %(n2)s days after issue: nobody pays in time what they have not seen. Send "
    "them, and offer a later due date.",
    "%(said)s takes %(n1)s days from %(code)s, against %(n2)s before: late invoices are paid late.",
    "Division %(own)s",
    "The company",
    "Its complaint of %(day)s has no answer after %(n)s days. Answer before asking for money.",
)
_SENDINGS = (
    "its day is over: what was true then may not be now",
    "the step of today is %(code)s",
    "an invoice it speaks of is settled, disputed or agreed on by now",
    "settled by hand",
    "our process ended while it was handed over",
    "the line broke while the message was handed over (%(own)s)",
    "the server does not know this user and password",
    "answered %(n)s: %(own)s",
)
_FIGURES = (
    "no such invoice was judged in the period",
    "no promise was judged in the period",
    "no credit sales came into the books in the period",
    "no invoice was settled by money in the period",
    "no invoice carries a purchase order number",
    "no outgoing contact is recorded",
    "nothing stood in %(own)s on %(day)s",
    "the ledger's first invoice is of %(day)s, later than the period begins",
    "more is open than all the ledger's months sold",
    "nothing was there to be collected in the period",
    "no invoice fell due in the period",
    "%(n)s customers have such a contact and settled invoices before and after it",
    "%(n)s such customers, and outcomes recorded with contacts",
    "no scores were given",
    "no account is active",
    "reviews of accounts were not given",
    "a longer period",
    "a longer period, or invoices issued in it",
    "a book with invoices of that age",
    "invoices of earlier months",
    "the column or table that records it",
    "promises to pay, recorded with their day and amount",
    "disputes, recorded with their day and invoice",
    "contacts, recorded with their day, customer and direction",
    "reviews recorded at the desk",
    "customers with open or recent invoices",
    "a trained model: duecourse train LEDGER",
)
_DRAFTS = (
    "no contact person is known, so nobody is addressed by name",
    "no sender is named",
    "no address is known for the letter",
    "no open amount or no due date is known of %(own)s",
)
_READ_ALOUD = (
    "Numbers",
    "Facts",
    "Tiers",
    "Tone",
    "What comes before every step",
    "Natural persons",
    "Strategies and steps",
    "%(code)s means %(n)s.",
    "%(code)s means %(n)s (%(own)s).",
    "'%(code)s' means that %(said)s.",
    "If %(said1)s, the tier is %(code1)s, because %(said2)s (%(rule)s).",
    "In all other cases, the tier is %(code1)s, because %(said2)s (%(rule)s).",
    "Firmness %(n)s, %(code)s: always possible.",
    "Firmness %(n)s, %(code)s: only where %(said)s.",
    "Before any step: if %(said1)s, %(said2)s, because %(said3)s (%(rule)s).",
    "%(code)s takes the place of a contact",
    "%(code)s takes the place of every other step",
    "the contact is made by the %(code)s",
    'the opening adds "%(said)s"',
    "If %(said1)s, no step is firmer than %(n)s (%(code)s), because %(said2)s.",
    "If %(said1)s, the strategy is %(code1)s, because %(said2)s (%(rule)s).",
    "In all other cases, the strategy is %(code1)s, because %(said)s (%(rule)s).",
    "(%(said)s)",
    "%(code1)s: %(said1)s, the step is %(said2)s, because %(said3)s (%(rule)s).",
    "%(said1)s, the step is %(said2)s, because %(said3)s (%(rule)s).",
    "%(said1)s, if %(said2)s",
    "If %(said)s",
    "From %(said1)s to %(said2)s",
    "From %(said)s on",
    "Up to %(said)s",
    "In all other cases",
    "the due date",
    "1 day before the due date",
    "%(n)s days before the due date",
    "1 day after the due date",
    "%(n)s days after the due date",
    "%(code1)s (%(code2)s, %(said1)s, %(said2)s)",
    "internally",
    "by %(code)s",
    "within %(n)s working days",
    "within 1 working day",
    "within %(n)s working days of %(code)s",
    "within 1 working day of %(code)s",
    "%(said)s, not after the due date",
    "it is not so that %(said)s",
    "%(said1)s is from %(said2)s to %(said3)s",
    "%(said1)s is below %(said2)s",
    "%(said1)s is at most %(said2)s",
    "%(said1)s is above %(said2)s",
    "%(said1)s is at least %(said2)s",
    "%(said1)s is not %(said2)s",
    "%(said1)s is one of %(said2)s",
    "%(said1)s is none of %(said2)s",
    "%(said1)s is %(said2)s",
    "'%(code)s' holds",
    "%(said1)s and %(said2)s",
    "%(said1)s or %(said2)s",
)


def phrases() -> Iterator[str]:
    """Every phrase, once."""
    made = (
        *_CASE, *_POLICY_WHY, *_RUNS, *_HABITS, *_PRIOR, *_TIER, *_CREDIT, *_REASONS, *_ALERTS, *_SENDINGS, *_FIGURES,
        *_DRAFTS, *_READ_ALOUD, *PROBLEMS, *WEEKDAYS, *_of_features(), *_of_policy(),
    )  # fmt: skip
    yield from dict.fromkeys(text.strip() for text in made)


def _of_features() -> Iterator[str]:
    yield "unknown"
    for feature in CATALOGUE.features:
        said = feature.says.replace("%", "%%")
        said = re.sub(r"in the last \d+ days", "in the last %(n)s days", said)
        yield _capital(said.replace("{value}", "%(value)s"))
    for code in REASON_CODES.values():
        yield _capital(code.unknown)


def _of_policy() -> Iterator[str]:
    """What the packaged policy says; who writes another one writes it in the own language."""
    policy = Policy.load()
    parts = policy.parts
    yield str(policy.content["about"])
    yield from (each.comment for each in numbers_of(policy.written) if each.comment)
    steps = [step for strategy in parts.strategies.values() for step in strategy.steps]
    for rules in (parts.tier_rules, parts.guards, parts.segments, steps):
        yield from (each.because for each in rules)
    yield from (guard.adds for guard in parts.guards if guard.adds)
    if parts.exits:
        yield from (rule.because for rule in (parts.exits.hand_over, parts.exits.write_down))
        yield from (each.says for each in parts.exits.checklist)
    if parts.natural_persons:
        yield parts.natural_persons.because
    if parts.credit:
        yield from (_with_places(factor.says) for factor in parts.credit.factors.values())
        yield from (rule.because for rule in parts.credit.rules)
    if parts.reviews:
        yield from (rule.because for rule in parts.reviews.outcomes)
    for action in parts.actions.values():
        yield from (action.objective, action.opening)
    yield "the tier"
    yield from (term.said or spaced(name) for name, term in CASE_TERMS.items())


def _with_places(says: str) -> str:
    """The sentence of a fact of an account, with places for its {values}."""
    text = re.sub(r"\{\w+\} \{currency\}", "%(money)s", says.replace("%", "%%"))
    names = re.findall(r"\{(\w+)\}", text)
    for number, name in enumerate(names, 1):
        place = "value" if ACCOUNT_TERMS[name].kind in ("number", "share") else "own"
        text = text.replace(f"{{{name}}}", f"%({place}{number if len(names) > 1 else ''})s", 1)
    return text


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
