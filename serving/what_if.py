"""What would the model say of an invoice if we had done otherwise? Every lever scored for real; nothing is recorded.

The customer's rows are copied once as they are and once for every lever, with that lever's change (serving/levers.py),
and all copies are scored together by the same Scorer: the same features, the same recalibrated model, the same
policy. The copies are customers of their own in one small ledger; the book stays their context, so the totals of
segments and of the other members of a group are those of the book, and the unchanged copy is scored bit for bit as the
invoice itself (a test holds it to that). Scoring eight levers so costs little more than scoring one.

What is compared is the nearest lateness that is not decided yet (of an invoice 10 days late, more than 30 days), also
where a lever moves the due date. A difference smaller than the score's own range is said to be so: it may be chance.

These are associations of this book: invoices that look so were late so often. Whoever changes one thing has not
changed the customer; nobody is promised the difference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from features.days import day_number
from features.history import History
from serving.alone import ledger_of
from serving.decided import Decided
from serving.facts import Facts
from serving.languages import gettext
from serving.levers import LEVERS, Case, Change, Nothing, Tables
from serving.profile import Declared
from serving.scoring import NotOpenError, Scorer, UnknownIdError
from serving.worklist.told import told as told_at_desk
from training.model import ranges

if TYPE_CHECKING:
    from serving.live import LiveScorer
    from serving.office import Office

MARK = "\x1f"
"""What stands between a number and that of its copy: no number of a ledger holds it."""


class WrongOption(ValueError):  # noqa: N818 - a state to report, not a fault
    """A lever, or a setting of one, that does not exist; the text says which there are."""


@dataclass(frozen=True)
class Scored:
    """What the model and the policy say of one copy."""

    chance: float
    low: float
    high: float
    tier: str
    action: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return dict(vars(self))


def chosen_options(given: Mapping[str, str]) -> dict[str, int]:
    """The levers that are pulled together and their settings, from words such as `longer_terms=30`; WrongOption.

    An empty setting, or 0, leaves a lever alone.
    """
    levers = {lever.code: lever for lever in LEVERS}
    chosen = {}
    for name, text in given.items():
        if name not in levers:
            raise WrongOption(f"there is no lever {name!r}; there are {', '.join(levers)}")
        options = levers[name].options
        if text not in ("", "0", *map(str, options)):
            allowed = ", ".join(str(each) for each in sorted(options))
            raise WrongOption(f"{name} is {text!r}; it can be {allowed}, or 0 to leave it alone")
        if text not in ("", "0"):
            chosen[name] = int(text)
    return chosen


def what_if(
    scorer: Scorer, invoice_id: str, chosen: Mapping[str, int], declared: Declared | None = None
) -> dict[str, Any]:
    """An open invoice's score beside what it would be under each lever, and under the chosen ones together.

    `declared` is what customers told us of their pay runs. Raises UnknownIdError, NotOpenError.
    """
    case = _case(scorer, invoice_id, declared)
    pulled = {
        lever.code: lever.pull(case, case.tables, chosen.get(lever.code, lever.options[0]))
        for lever in LEVERS
    }
    together = _together(case, chosen)
    variants = [case.tables, *(each.tables for each in pulled.values() if isinstance(each, Change))]
    variants += [together] if together is not None else []
    found = _decided(scorer, case, variants)
    target = _open_target(scorer, found)
    scored = _scored(scorer, found, target) if target else []
    told = {
        "invoice_id": invoice_id,
        "customer_id": case.customer_id,
        "as_of": case.as_of,
        "target": target,
        "late_after_days": scorer.model.rule.horizons[target] if target else None,
        "present": scored[0].as_dict() if scored else None,
        "levers": _levers(pulled, chosen, scored),
        "together": None,
        "caution": caution(),
        "model_version": scorer.model.version,
        "policy_version": scorer.policy.version,
    }
    if together is not None and scored:
        told["together"] = _compared(scored[0], scored[-1]) | {"levers": list(_effective(chosen, pulled))}
    return told


def caution() -> str:
    """What nobody may forget who reads such figures."""
    return gettext(
        "Association, not promise: invoices that looked so were late so often in this book. Changing one thing does "
        "not change the customer, and nothing here is recorded."
    )


def _case(scorer: Scorer, invoice_id: str, declared: Declared | None) -> Case:
    position, day = scorer.facts.position(invoice_id), day_number(scorer.as_of)
    at = np.array([position])
    if position < 0 or not scorer.facts.is_known(at, day)[0]:
        raise UnknownIdError(invoice_id)
    if not scorer.facts.is_open(at, day)[0]:
        raise NotOpenError(
            f"invoice {invoice_id!r} was settled before {scorer.as_of}: nothing is left to change."
        )
    customer_id = str(scorer.facts.named["customer_id"][position])
    tables = ledger_of(scorer.facts, customer_id).tables
    return Case(scorer.facts, tables, invoice_id, customer_id, scorer.as_of, declared)


def _together(case: Case, chosen: Mapping[str, int]) -> Tables | None:
    """The tables after all chosen levers, one after the other; None where none of them changes anything."""
    tables, is_changed = case.tables, False
    for lever in LEVERS:
        if lever.code in chosen:
            made = lever.pull(case, tables, chosen[lever.code])
            tables, is_changed = (made.tables, True) if isinstance(made, Change) else (tables, is_changed)
    return tables if is_changed else None


def _effective(chosen: Mapping[str, int], pulled: Mapping[str, Change | Nothing]) -> list[str]:
    return [code for code in pulled if code in chosen and isinstance(pulled[code], Change)]


def _decided(scorer: Scorer, case: Case, variants: list[Tables]) -> Decided:
    """Decisions on the invoice's copies, one for each variant, in their order."""
    names = [f"{case.customer_id}{MARK}{n}" for n in range(len(variants))]
    tables = {name: _stacked([each[name] for each in variants], names) for name in variants[0]}
    book = scorer.history
    history = History(replace(book.ledger, tables=tables), book.rule, context=book.context)
    facts = Facts(history, scorer.facts)
    # a copy has a name of its own; in the book it is the customer itself
    own = int(book.customer_codes(pd.Series([case.customer_id], dtype="str"))[0])
    history.customers_in_context = np.full(len(history.customers), book.customers_in_context[own])
    facts.standing.in_book = np.full(len(history.customers), own)
    told = {
        fact: dict.fromkeys(names, of[case.customer_id]) if case.customer_id in of else {}
        for fact, of in scorer.desk_facts.items()
    }
    rows = np.array([facts.position(f"{case.invoice_id}{MARK}{n}") for n in range(len(variants))])
    return scorer.decide_in(facts, rows, case.as_of, told)


def _stacked(frames: list[pd.DataFrame], names: list[str]) -> pd.DataFrame:
    """One table of all copies, each under its own name; what belongs to no customer, or to nobody, stands once."""
    first = frames[0]
    if "customer_id" not in first or not any(map(len, frames)):
        return first
    number = np.repeat(np.arange(len(frames)), [len(each) for each in frames])
    if all(each is first for each in frames):
        whole = first.iloc[np.tile(np.arange(len(first)), len(frames))].reset_index(drop=True)
    else:
        whole = pd.concat(frames, ignore_index=True)
    whole["customer_id"] = pd.Series(np.array(names, dtype=object)[number], dtype=first["customer_id"].dtype)
    if "invoice_id" in first:
        marks = np.array([f"{MARK}{n}" for n in range(len(frames))], dtype=object)
        whole["invoice_id"] = whole["invoice_id"] + pd.Series(marks[number], dtype=first["customer_id"].dtype)
    return whole


def _open_target(scorer: Scorer, found: Decided) -> str | None:
    """The nearest lateness of the invoice as it is that is not decided yet."""
    waited = found.values[0, scorer.model.features.names.index("days_past_due")]
    return next((name for name, days in scorer.model.rule.horizons.items() if waited <= days), None)


def _scored(scorer: Scorer, found: Decided, target: str) -> list[Scored]:
    low, high = ranges(scorer.model_on(found.day), found.values, found.chances)[target]
    columns = (found.chances[target], low, high, found.decisions["tier"], found.decisions["action"])
    return [
        Scored(float(chance), float(least), float(most), str(tier), str(action))
        for chance, least, most, tier, action in zip(*columns, strict=True)
    ]


def _levers(
    pulled: Mapping[str, Change | Nothing], chosen: Mapping[str, int], scored: list[Scored]
) -> list[dict[str, Any]]:
    made, place = [], 0
    for lever in LEVERS:
        found = pulled[lever.code]
        told: dict[str, Any] = {"code": lever.code, "options": sorted(lever.options)}
        told |= {"option": chosen.get(lever.code, lever.options[0]), "is_chosen": lever.code in chosen}
        if isinstance(found, Nothing):
            made.append(told | {"says": None, "why_not": found.why, "when": None, "note": "", "then": None})
            continue
        place += 1
        then = _compared(scored[0], scored[place]) if scored else None
        said = {"says": found.says, "why_not": None, "when": found.when, "note": found.note}
        made.append(told | said | {"then": then})
    return made


def _compared(present: Scored, then: Scored) -> dict[str, Any]:
    """A copy's score, by how much it differs, whether the model reacts at all, and whether that may be chance."""
    reacts = not math.isclose(present.chance, then.chance, rel_tol=0, abs_tol=1e-12)
    return then.as_dict() | {
        "change": then.chance - present.chance,
        "reacts": reacts,
        "within_range": present.low <= then.chance <= present.high,
        "changes_step": (then.tier, then.action) != (present.tier, present.action),
    }


def what_if_now(
    office: Office, live: LiveScorer, invoice_id: str, chosen: Mapping[str, int]
) -> dict[str, Any]:
    """The same at this moment, with what the desk knows; UnknownIdError, NotOpenError."""
    declared = declared_now(office, live, invoice_id)
    return what_if(live.of_invoice(invoice_id), invoice_id, chosen, declared)


def declared_now(office: Office, live: LiveScorer, invoice_id: str) -> Declared:
    """What the desk was told of the pay runs of an invoice's customer; UnknownIdError."""
    facts = live.invoice(invoice_id)
    if facts is None:
        raise UnknownIdError(invoice_id)
    return told_at_desk(office.desk.find(customer_ids=[facts.customer_id]), live.as_of).declared
