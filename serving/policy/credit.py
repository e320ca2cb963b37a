"""Which credit should a customer get: open terms, a smaller limit, part in advance, or cash; how much, and why?

The limit follows what the customer needs: what it buys in the days to pay and some more, or what is open now.
Of a customer we hardly know, it is what an agency recommends (an old report counts for less), never more than
is asked for, else the policy's first limit. Reasons are the factors that the deciding rule looked at.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.conditions import Condition
from serving.policy.accounts import ACCOUNT_TERMS, MOST_REASONS, Credit, CreditRule
from serving.policy.columns import Columns, first_match, number_in
from serving.policy.reading import Parts

HARDLY_KNOWN = 3
"""With fewer settled invoices than this nobody can say what a customer needs."""
KNOWN_WELL = 12
"""From so many settled invoices on, our own experience counts more than a report."""


@dataclass(frozen=True)
class Reason:
    """One principal reason: the factor's code and its sentence with the customer's own figures."""

    code: str
    sentence: str


@dataclass(frozen=True)
class CreditDecision:
    """A recommendation; where `person_decides` it binds nobody before a person has looked at it."""

    customer_id: str
    decision: str
    rule: str
    because: str
    limit: float
    currency: str
    terms_days: int
    prepayment_share: float
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]
    """How the limit came about, and which evidence is old or missing."""
    person_decides: bool
    who: str
    policy_version: str

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        reasons = [{"code": reason.code, "sentence": reason.sentence} for reason in self.reasons]
        return plain | {"reasons": reasons, "notes": list(self.notes)}


def credit_decisions(
    accounts: Mapping[str, NDArray[Any]], parts: Parts, credit: Credit, version: str
) -> list[CreditDecision]:
    """One decision per account; `accounts` are columns of ACCOUNT_TERMS, filled where absent."""
    facts = {name: factor.when for name, factor in credit.factors.items()}
    columns = Columns(dict(accounts), ACCOUNT_TERMS, parts.numbers, facts)
    chosen = first_match(credit.rules, columns)
    holding = {name: columns[name] for name in facts}
    is_person = (
        parts.natural_persons.when.holds(columns) if parts.natural_persons else np.zeros(len(chosen), bool)
    )
    decisions = []
    for row, n in enumerate(chosen.tolist()):
        rule = credit.rules[n]
        account = {name: accounts[name][row] for name in ACCOUNT_TERMS}
        held = {name for name, holds in holding.items() if holds[row]}
        first = number_in(parts.numbers[credit.first_limit], str(account["currency"]))
        limit, notes = _limit(account, rule, credit, first)
        decisions.append(
            CreditDecision(
                str(account["customer_id"]),
                rule.outcome,
                rule.id,
                rule.because,
                limit,
                str(account["currency"]),
                _terms(account, rule, credit),
                rule.prepayment_share,
                tuple(_reasons(account, rule, credit, held)),
                (*notes, *_evidence(account, credit)),
                bool(is_person[row]),
                credit.who,
                version,
            )
        )
    return decisions


def _limit(
    account: Mapping[str, Any], rule: CreditRule, credit: Credit, first: float
) -> tuple[float, list[str]]:
    """The recommended limit, and how it came about."""
    if not rule.limit_share:
        return 0.0, []
    base, how = _need(account, credit, first)
    limit = base * rule.limit_share
    notes = [how if rule.limit_share == 1 else f"{how}, times {rule.limit_share:g}"]
    granted = float(account["credit_limit"])
    is_more = limit > granted
    if not np.isnan(granted) and granted > 0 and rule.outcome == "reduced_limit" and is_more:
        limit = granted
        notes.append("no more than the limit of today")
    if not np.isnan(granted) and rule.outcome == "open_terms" and not is_more:
        limit = granted
        notes.append("the limit of today covers it and stays")
        return limit, notes
    return _rounded(limit), notes


def _need(account: Mapping[str, Any], credit: Credit, first: float) -> tuple[float, str]:
    """What a limit should cover, and the words for it."""
    reported, report = _reported(account, credit)
    asked = float(account["requested_limit"])
    if account["settled_count"] < HARDLY_KNOWN:
        known, how = (first, "the first limit of the policy") if np.isnan(reported) else (reported, report)
        if asked < known:
            return asked, "the limit asked for"
        return known, how
    days = _terms(account, None, credit) + credit.room_days
    bought = float(account["purchases_365"]) / 365 * days
    need, how = bought, f"what is bought in {days} days"
    if account["exposure"] > need:
        need, how = float(account["exposure"]), "what is open today"
    if account["settled_count"] < KNOWN_WELL and reported < need:
        return reported, report
    return need, how


def _reported(account: Mapping[str, Any], credit: Credit) -> tuple[float, str]:
    """The limit that the latest credit report recommends, less where it is old; NaN without one.

    A report that recommends nothing bounds no limit: whether it stands against credit at all, the rules say.
    """
    age, limit = float(account["report_age_days"]), float(account["report_limit"])
    if not limit > 0:
        return np.nan, ""
    if age <= credit.reports_are_old_after_days:
        return limit, f"the limit that a credit report of {age:.0f} days ago recommends"
    share = credit.old_reports_count
    return limit * share, f"{share:.0%} of what a credit report of {age:.0f} days ago recommends"


def _terms(account: Mapping[str, Any], rule: CreditRule | None, credit: Credit) -> int:
    """Days to pay: those agreed, else the usual ones, and no more than the rule allows."""
    if rule and rule.outcome == "cash_on_delivery":
        return 0
    agreed = float(account["terms_days"])
    days = credit.usual_terms_days if np.isnan(agreed) else int(agreed)
    return min(days, rule.terms_days) if rule and rule.terms_days is not None else days


def _rounded(limit: float) -> float:
    """Two figures are enough: 12,345 is 12,000."""
    return float(f"{limit:.1e}") if limit > 0 else 0.0


def _reasons(
    account: Mapping[str, Any], rule: CreditRule, credit: Credit, held: set[str]
) -> Iterator[Reason]:
    """The factors that the rule looked at and that hold, in the order of the policy; four at most."""
    looked_at = set(_spoken_for(rule.when, credit)) if rule.when else set()
    names = [name for name in credit.factors if name in held and name in looked_at]
    said = {filled(credit.factors[name].says, account): name for name in reversed(names)}
    yield from [Reason(name, sentence) for sentence, name in reversed(said.items())][:MOST_REASONS]


def _spoken_for(condition: Condition, credit: Credit) -> Iterator[str]:
    """Factors that a condition counts on (`not` before one is no reason for anything)."""
    return _positive(condition.tree, credit)


def _positive(node: ast.expr, credit: Credit) -> Iterator[str]:
    match node:
        case ast.BoolOp(values=parts):
            for part in parts:
                yield from _positive(part, credit)
        case ast.Name(id=name) if name in credit.factors:
            yield name


def _evidence(account: Mapping[str, Any], credit: Credit) -> Iterator[str]:
    """What is to be said about the evidence: how old, and what is missing."""
    age, reference = float(account["report_age_days"]), float(account["reference_age_days"])
    if np.isnan(age):
        yield "there is no credit report"
    elif age > credit.reports_are_old_after_days:
        yield f"the credit report is {age:.0f} days old and counts for {credit.old_reports_count:.0%}"
    if reference > credit.reports_are_old_after_days:
        yield f"the trade reference is {reference:.0f} days old"
    if not account["terms_accepted"]:
        yield "there is no evidence that our terms were accepted; ask for it before the next delivery"
    if np.isnan(float(account["credit_limit"])):
        yield "no limit is set today"


def filled(sentence: str, account: Mapping[str, Any]) -> str:
    """A sentence with the account's values in the place of {names}; no other braces mean anything."""
    for name, term in ACCOUNT_TERMS.items():
        if f"{{{name}}}" in sentence:
            sentence = sentence.replace(f"{{{name}}}", _shown(account[name], term.kind))
    return sentence


def _shown(value: Any, kind: str) -> str:
    if kind == "share":
        return f"{float(value):.0%}"
    return f"{float(value):,.0f}" if kind == "number" else str(value)
