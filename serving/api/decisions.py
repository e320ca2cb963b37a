"""On what ground was a decision taken? The service writes it down: score, feature values, reasons, model, policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from features.catalogue import CATALOGUE
from features.days import day_number
from serving.accounts import account_columns_of, credit_as_dict
from serving.api.problems import ProblemError
from serving.desk import Flaw, RecordError, Writing
from serving.live import LiveScorer
from serving.office import EVERYBODY, Office
from serving.policy import Policy

CREDIT_BY_THE_SERVICE = (
    "recommended",
    "recommended_by",
    "score",
    "features",
    "reasons",
    "model_version",
    "policy_version",
)
"""The same of a credit decision; it rests on facts, and no model has a say in it."""
BY_THE_SERVICE = (
    "recommended",
    "recommended_by",
    "tier",
    "score",
    "features",
    "reasons",
    "model_version",
    "policy_version",
)
"""Of a decision, what the service writes itself: nobody can be made to have decided on another score."""


def decided(office: Office, live: LiveScorer, writing: Writing, content: dict[str, Any]) -> dict[str, Any]:
    """A decision with the score, the feature values, the reasons and the policy that it was taken on.

    Raises RecordError where the caller wants to write them itself, or names nothing that is open.
    """
    _check_own("decisions", content, BY_THE_SERVICE)
    lead, step = _ground(office, live, content)
    scorer = live.of_invoice(lead)
    row = live.score_of(lead)
    position = np.array([scorer.facts.position(lead)])
    values = CATALOGUE.compute(scorer.history, position, np.array([day_number(live.as_of)]))[0]
    policy = _kept_policy(office, live, writing)
    return content | {
        "decided_on": content.get("decided_on") or live.as_of.isoformat(),
        "customer_id": row["customer_id"],
        "recommended": step["action"],
        "recommended_by": step["action_rule"],
        "tier": row["tier"],
        "score": {name: row[name] for name in row if name not in ("reasons", "prior", "ranges")},
        "features": {
            name: None if value != value else float(value)
            for name, value in zip(CATALOGUE.names, values.tolist(), strict=True)
        },
        "reasons": row["reasons"],
        "model_version": scorer.model.version,
        "policy_version": policy.version,
    }


def credit_decided(
    office: Office, live: LiveScorer, writing: Writing, content: dict[str, Any]
) -> dict[str, Any]:
    """A credit decision with what the policy recommended, why, and the facts about the account that it rests on.

    Raises RecordError where the caller wants to write them itself, or names no customer of the book.
    """
    _check_own("credit_decisions", content, CREDIT_BY_THE_SERVICE)
    customer_id = content.get("customer_id")
    if not isinstance(customer_id, str) or not live.knows_customer(customer_id):
        raise RecordError(
            "credit_decisions", [Flaw("/customer_id", f"no customer {customer_id!r} is in the book")]
        )
    policy = _kept_policy(office, live, writing)
    facts = account_columns_of(live, [customer_id])
    credit = policy.credit_decisions(facts)[0]
    terms = {
        "recommended_limit": credit.limit,
        "recommended_terms_days": credit.terms_days,
        "recommended_prepaid_share": credit.prepayment_share,
    }
    known = {name: _plain(column[0]) for name, column in facts.items() if name != "customer_id"}
    return content | {
        "decided_on": content.get("decided_on") or live.as_of.isoformat(),
        "recommended": credit.decision,
        "recommended_by": credit.rule,
        "features": {name: value for name, value in known.items() if value not in (None, "")} | terms,
        "reasons": credit_as_dict(credit)["reasons"],
        "policy_version": policy.version,
    }


GROUNDS = {"decisions": decided, "credit_decisions": credit_decided}
"""The kinds of decisions, and how the service adds to each the ground on which it was taken."""


def _check_own(kind: str, content: Mapping[str, Any], names: tuple[str, ...]) -> None:
    own = [Flaw(f"/{name}", "is written by the service") for name in names if name in content]
    if own:
        raise RecordError(kind, own)


def _kept_policy(office: Office, live: LiveScorer, writing: Writing) -> Policy:
    """The policy in force, kept at the desk: a decision can be shown only while its policy's text is."""
    policy = live.whole.policy
    if all(each.version != policy.version for each in office.desk.policies()):
        writing.save_policy(policy.version, policy.text(), "in force when a decision was taken")
    return policy


def _plain(value: Any) -> Any:
    """A fact as the desk keeps it: a number, a flag, a text; None where nobody knows."""
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not np.isfinite(plain) else plain


def _ground(office: Office, live: LiveScorer, content: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The invoice that a decision rests on, and what was recommended for it or for its case."""
    if isinstance(content.get("invoice_id"), str):
        return content["invoice_id"], live.score_of(content["invoice_id"])
    case_id = content.get("case_id") or content.get("customer_id")
    if not isinstance(case_id, str):
        raise RecordError("decisions", [Flaw("", "names no invoice_id, case_id or customer_id")])
    made = office.worklist(live, EVERYBODY, about=lambda ids: {case_id, live.case_of(case_id)})
    for each in made.cases:
        if case_id in (each.case_id, *each.customers):
            covered = [item for item in each.items if item.is_covered] or each.items
            lead = max(covered, key=lambda item: (float(item.amount_open), item.invoice_id)).invoice_id
            return lead, {"action": each.action, "action_rule": each.action_rule}
    for scores in (live.customer(str(each))["scores"] for each in live.members_of(case_id)):
        if scores:
            return scores[0]["invoice_id"], live.score_of(scores[0]["invoice_id"])
    raise ProblemError("unknown_id", f"There is no case {case_id!r} with open invoices.")
