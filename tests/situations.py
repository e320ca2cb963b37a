"""Which situations does a worklist have to cope with? Random open invoices of a few customers, without a model.

Facts are drawn column by column for thousands of situations at once, decided by the policy in one go, and cut
into situations. Chances of a second drawing are at least those of the first: `raised` items differ in nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from features.days import NEVER, day_number
from features.ledger.cells import digits_of
from serving.policy import Policy
from serving.worklist import Items
from serving.worklist.items import OPTIONAL, money_scale, nearest_risk

DAY = date(2026, 3, 4)
CURRENCIES = np.array(["EUR", "EUR", "EUR", "USD", "JPY"], dtype=object)
CHANCES = ("p_late", "p_late_30", "p_late_90")


@dataclass(frozen=True)
class Situation:
    """Open invoices of a day, the same with higher chances, and what each customer was told and when."""

    items: Items
    raised: Items
    contacts: dict[str, tuple[int, float]]
    """By customer: contacts in 90 days, days since the last one (NaN: never)."""


def situations(seed: int, many: int, policy: Policy) -> list[Situation]:
    """Random situations; the same for the same seed."""
    drawn = np.random.default_rng(seed)
    customers = drawn.integers(1, 13, many)
    of_situation = np.repeat(np.arange(many), customers)
    everybody = _customers(drawn, of_situation)
    owner = np.repeat(np.arange(len(of_situation)), drawn.integers(1, 6, len(of_situation)))
    cases = _facts(drawn, everybody, owner)
    chances = np.sort(drawn.random((3, len(owner))) ** 2, axis=0)[::-1]
    higher = np.sort(chances + (1 - chances) * drawn.random(len(owner)), axis=0)[::-1]
    fixed = _amounts(drawn, cases) | _run_days(drawn, everybody, owner)
    plain, raised = (_items(policy, everybody, owner, cases, fixed, given) for given in (chances, higher))
    begin = np.searchsorted(of_situation[owner], np.arange(many + 1))
    who = np.searchsorted(of_situation, np.arange(many + 1))
    return [
        Situation(
            plain.at(np.arange(begin[n], begin[n + 1])),
            raised.at(np.arange(begin[n], begin[n + 1])),
            {
                str(everybody["customer_id"][k]): (
                    int(everybody["contacts_90"][k]),
                    float(everybody["since"][k]),
                )
                for k in range(who[n], who[n + 1])
            },
        )
        for n in range(many)
    ]


def _customers(drawn: np.random.Generator, of_situation: np.ndarray) -> dict[str, np.ndarray]:
    many = len(of_situation)
    parent = drawn.integers(0, 4, many)
    ids = np.array([f"C{n:06}" for n in range(many)], dtype=object)
    groups = np.array([f"G{s}.{p}" for s, p in zip(of_situation, parent, strict=True)], dtype=object)
    case_id = np.where(drawn.random(many) < 0.4, groups, ids)
    contacts = np.where(drawn.random(many) < 0.5, 0, drawn.integers(1, 11, many))
    since = np.where(
        contacts > 0, drawn.integers(0, 90, many), np.where(drawn.random(many) < 0.5, np.nan, 200.0)
    )
    names, place = np.unique(case_id.astype(str), return_inverse=True)
    together = np.bincount(place, contacts)
    nearest = np.full(len(names), np.inf)
    np.minimum.at(nearest, place, np.where(np.isnan(since), np.inf, since))
    return {
        "customer_id": ids,
        "case_id": case_id,
        "contacts_90": contacts,
        "since": since,
        "case_contacts": together[place],
        "case_since": np.where(np.isinf(nearest), np.nan, nearest)[place],
        "complaint_open": drawn.random(many) < 0.07,
        "key_account": drawn.random(many) < 0.1,
        "debtor_type": drawn.choice(
            np.array(["company", "sole_trader", "public_body", ""], dtype=object), many
        ),
        "settled_count": drawn.integers(0, 30, many).astype(float),
        "late_share": drawn.random(many) ** 3,
    }


def _facts(drawn: np.random.Generator, everybody: dict[str, np.ndarray], owner: np.ndarray) -> dict[str, Any]:
    many, today = len(owner), np.datetime64(DAY, "s")
    past_due = np.where(drawn.random(many) < 0.5, drawn.integers(-60, 1, many), drawn.integers(1, 150, many))
    has_promise = drawn.random(many) < 0.25
    promised = today + drawn.integers(-40, 20, many).astype("timedelta64[D]")
    pending = has_promise & (promised >= today)
    return {
        "invoice_id": np.array([f"I{n:07}" for n in range(many)], dtype=object),
        "customer_id": everybody["customer_id"][owner],
        "as_of": np.full(many, today),
        "due_on": today - past_due.astype("timedelta64[D]"),
        "days_past_due": past_due,
        "currency": drawn.choice(CURRENCIES, many),
        "amount_open": np.round(np.exp(drawn.normal(6.5, 2.2, many)), 2) + 0.01,
        "evidence": drawn.choice(np.array(["none", "little", "some", "ample"], dtype=object), many),
        "is_disputed": drawn.random(many) < 0.15,
        "dispute_share": drawn.choice([0.0, 0.3, 1.0], many),
        "promise_pending": pending,
        "promise_broken": has_promise & ~pending & (drawn.random(many) < 0.7),
        "promised_on": np.where(has_promise, promised, np.datetime64("NaT")),
        "days_since_contact": everybody["since"][owner],
        "contacts_90": everybody["contacts_90"][owner],
        "unapplied_cash": np.where(drawn.random(many) < 0.1, 500.0, 0.0),
        "plan_running": drawn.random(many) < 0.08,
        "complaint_open": everybody["complaint_open"][owner],
        "key_account": everybody["key_account"][owner],
        "debtor_type": everybody["debtor_type"][owner],
        "late_share_customer": everybody["late_share"][owner],
        "settled_count": everybody["settled_count"][owner],
    }


def _amounts(drawn: np.random.Generator, cases: dict[str, Any]) -> dict[str, np.ndarray]:
    """Minor units: open, and of it disputed, promised, planned; some amounts are unknown."""
    many = len(cases["amount_open"])
    units = 10.0 ** digits_of(cases["currency"])
    owed = np.rint(cases["amount_open"] * units).astype(np.int64)
    known = drawn.random(many) > 0.03
    owed = np.where(known, owed, 0)
    stated = np.rint(owed * cases["dispute_share"]).astype(np.int64)
    disputed = np.where(cases["is_disputed"], np.where(stated > 0, stated, owed), 0)
    part = np.rint((owed - disputed) * drawn.choice([0.4, 1.0, 1.0], many)).astype(np.int64)
    promised = np.where(cases["promise_pending"], part, 0)
    planned = np.where(cases["plan_running"], owed - disputed - promised, 0)
    cases["amount_open"] = np.where(known, owed / units, np.nan)
    cases["disputed_amount"] = np.where(stated > 0, stated / units, 0.0)
    return {
        "open": owed,
        "disputed": disputed,
        "promised": promised,
        "planned": planned,
        "amount_known": known,
    }


def _run_days(
    drawn: np.random.Generator, everybody: dict[str, Any], owner: np.ndarray
) -> dict[str, np.ndarray]:
    many = len(everybody["customer_id"])
    has_run, ahead = drawn.random(many) < 0.4, drawn.integers(0, 12, many)
    call_by = np.where(has_run, day_number(DAY) + ahead, NEVER)
    pays = np.where(has_run, "on Fridays", "").astype(object)
    return {
        "pays": pays[owner],
        "call_by": call_by[owner],
        "pay_run": np.where(has_run, call_by + 2, NEVER)[owner],
    }


def _items(
    policy: Policy,
    everybody: dict[str, np.ndarray],
    owner: np.ndarray,
    cases: dict[str, Any],
    fixed: dict[str, np.ndarray],
    chances: np.ndarray,
) -> Items:
    late = cases["days_past_due"][None, :] > np.array([5, 30, 90])[:, None]
    given = dict(zip(CHANCES, np.where(late, 1.0, np.clip(chances, 1e-4, 1 - 1e-4)), strict=True))
    decided: dict[str, Any] = policy.decisions(cases | given)
    units = 10.0 ** digits_of(cases["currency"])
    names = ("tier", "action", "action_rule", "who", "channel", "objective", "opening", "why")
    promised_on = cases["promised_on"].astype("datetime64[D]")
    since = day_number(DAY) - promised_on.astype(np.int64)
    return Items(
        invoice_id=cases["invoice_id"],
        customer_id=cases["customer_id"],
        case_id=everybody["case_id"][owner],
        name=np.full(len(owner), "", dtype=object),
        currency=cases["currency"],
        worth=money_scale(policy, cases["currency"]) / units,
        days_past_due=cases["days_past_due"],
        risk=nearest_risk([given[name] for name in CHANCES]),
        promise_broken=cases["promise_broken"],
        days_since_promised=np.where(np.isnat(promised_on), np.nan, since),
        case_contacts_90=everybody["case_contacts"][owner],
        case_days_since_contact=everybody["case_since"][owner],
        **{name: np.full(len(owner), "", dtype=object) for name in OPTIONAL},
        action_by=np.asarray(decided["action_by"]).astype("datetime64[D]"),
        guards=decided["guards"],
        **{name: np.array(decided[name], dtype=object) for name in names},
        **fixed,
    )
