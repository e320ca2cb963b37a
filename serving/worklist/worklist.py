"""Who should be contacted today, first to last, and why is everybody else not on the list?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from features.history import History
from serving.lasting import once_each
from serving.policy import Policy
from serving.profile import Declared, profiles
from serving.scoring import Scorer
from serving.sorted_rows import among
from serving.worklist.choosing import Capacity, CaseState, chosen
from serving.worklist.items import Items, items_now, scorers_of
from serving.worklist.telling import Case, Teller, as_plain
from serving.worklist.weighing import Cases, weighed

if TYPE_CHECKING:
    from serving.live import LiveScorer
    from serving.tiers import Tiers

About = Callable[[list[str]], Iterable[str]]
LEFT_OUT = {
    "no_capacity": "no place left today",
    "review_due": "nothing is needed but a review, when there is time",
    "nothing_needed": "nothing is needed",
    "guard": "waiting for what was agreed or asked",
    "nothing_to_ask": "all of it is disputed, promised or planned",
    "contacted_recently": "we were in touch within the last days",
    "contact_cap": "contacted often enough this quarter",
    "snoozed": "set aside by hand",
}
"""Why a case is not on the list."""


@dataclass(frozen=True)
class Worklist:
    """The list of a day: `cases` from first to last, and every other case in `left_out`."""

    as_of: date
    capacity: Capacity
    ranked_in: str
    cases: tuple[Case, ...]
    left_out: pd.DataFrame
    """case_id, customers (open accounts), reason (LEFT_OUT), detail, rule, action, waited, money, value."""
    policy_version: str
    model_version: str = ""

    @classmethod
    def make(
        cls,
        scorer: Scorer | LiveScorer,
        day: date | None = None,
        capacity: int | None = None,
        by_skill: Mapping[str, int] | None = None,
        *,
        states: Mapping[str, CaseState] | None = None,
        waited: Mapping[str, int] | None = None,
        declared: Declared | None = None,
        last_reviewed: Mapping[str, date] | None = None,
        items: Items | None = None,
        tiers: Tiers | None = None,
        about: About | None = None,
    ) -> Worklist:
        """The worklist of a ledger, policy and model as of the start of a day; the same for the same input.

        `states` are what people decided about cases, by case id or customer id; `waited` is what `waited()` of the
        list before said; `declared` are pay runs and channels as customers told them; `last_reviewed` the day
        of the last review by customer id; `items` are the `items_now` of scorer and day where they are at hand;
        `tiers` those of customers and groups (serving/tiers.py).
        `about` chooses, from the ids of all cases, those that are told; it changes neither places nor ranks.
        Raises ValueError for roles or declared pay runs that make no sense.
        """
        day = day or scorer.as_of
        whole = scorer if isinstance(scorer, Scorer) else scorer.whole
        made = cls.of(
            items_now(scorer, day, declared, None) if items is None else items,
            whole.policy,
            day,
            capacity,
            by_skill,
            states=states,
            waited=waited,
            last_reviewed=last_reviewed,
            tiers=tiers,
            about=about,
        )
        reasons = _reasons(scorer, day, made.cases)
        habits = _habits(scorer, day, made.cases, declared)
        told = tuple(
            replace(case, reasons=reasons.get(_lead(case), []), habits=habits[case.case_id])
            for case in made.cases
        )
        return replace(made, cases=told, ranked_in=_unit(whole), model_version=whole.model.version)

    @classmethod
    def of(
        cls,
        items: Items,
        policy: Policy,
        day: date,
        capacity: int | None = None,
        by_skill: Mapping[str, int] | None = None,
        *,
        states: Mapping[str, CaseState] | None = None,
        waited: Mapping[str, int] | None = None,
        last_reviewed: Mapping[str, date] | None = None,
        tiers: Tiers | None = None,
        about: About | None = None,
    ) -> Worklist:
        """The same of open invoices that are decided already."""
        workday = policy.parts.workday
        room = Capacity(
            workday.capacity_per_day if capacity is None else capacity,
            dict(workday.capacity_by_skill) | dict(by_skill or {}),
        )
        _check(room, policy)
        cases = weighed(items, policy, day, last_reviewed, tiers.by_customer if tiers else None)
        states = _by_case(states or {}, items)
        waited = waited or {}
        picked = chosen(cases, room, workday, day, states, waited)
        teller = Teller(items, cases, policy, day, tiers)
        ids = cases.case_id
        chosen_ids = set(about(ids.tolist()) if about else ids.tolist())
        told = tuple(
            teller.tell(rank, case, states.get(ids[case]), waited.get(ids[case], 0), case in picked.starved)
            for rank, case in enumerate(picked.listed.tolist(), start=1)
            if ids[case] in chosen_ids
        )
        left = _left_out(items, cases, picked.left_out, picked.reason, picked.detail, waited)
        if about:
            left = left[left["case_id"].isin(list(chosen_ids))]
        return cls(day, room, "", told, left, policy.version)

    def waited(self) -> dict[str, int]:
        """How many lists in a row each case has now been left out of for want of a place."""
        left = self.left_out[self.left_out["reason"] == "no_capacity"]
        return dict(zip(left["case_id"], (left["waited"] + 1).tolist(), strict=True))

    def counts(self) -> dict[str, int]:
        """Cases left out by reason, in the order of LEFT_OUT."""
        counted = Counter(self.left_out["reason"].tolist())
        return {reason: counted[reason] for reason in LEFT_OUT if counted[reason]}

    def as_dict(self, left_out: bool = False) -> dict[str, Any]:
        """The list as plain data; `left_out` names every case that is not on it."""
        told: dict[str, Any] = {
            "as_of": self.as_of.isoformat(),
            "capacity": self.capacity.per_day,
            "capacity_by_skill": dict(self.capacity.by_skill),
            "ranked_in": self.ranked_in,
            "policy_version": self.policy_version,
            "model_version": self.model_version,
            "cases": [{name: as_plain(value) for name, value in asdict(case).items()} for case in self.cases],
            "left_out_counts": self.counts(),
        }
        if left_out:
            told["left_out"] = self.left_out.to_dict(orient="records")
        return told

    def table(self) -> pd.DataFrame:
        """One row per line of the list, for a spreadsheet; amounts are texts like '1200.00 EUR'."""
        made = pd.DataFrame([_row(self.as_of, case) for case in self.cases], columns=list(COLUMNS))
        return made.assign(lead_days=made["lead_days"].astype("Int64"))


COLUMNS = (
    "rank", "as_of", "case_id", "name", "customers", "tier", "tier_since", "action", "who", "assigned_to", "channel",
    "by", "lead_days", "open", "past_due", "asked_about", "invoices", "why", "objective", "opening", "template",
    "action_rule", "held", "also", "next_pay_run", "call_by", "waited", "value",
)  # fmt: skip
"""The columns of `Worklist.table`."""


def _row(day: date, case: Case) -> dict[str, Any]:
    def money(part: str) -> str:
        return ", ".join(f"{of[part]} {currency}" for currency, of in case.totals.items())

    plain = {name: as_plain(getattr(case, name, None)) for name in COLUMNS}
    return plain | {
        "as_of": day.isoformat(),
        "customers": ", ".join(case.customers),
        "assigned_to": case.assigned_to or "",
        "tier_since": as_plain(case.tier_since) or "",
        "by": as_plain(case.by) or "",
        "next_pay_run": as_plain(case.next_pay_run) or "",
        "call_by": as_plain(case.call_by) or "",
        **{part: money(part) for part in ("open", "past_due", "asked_about")},
        "invoices": ", ".join(item.invoice_id for item in case.items if item.is_covered),
        "held": ", ".join(f"{rule} {many}" for rule, many in case.held.items()),
        "also": ", ".join(f"{step} {many}" for step, many in case.also.items()),
        "value": case.value["value"],
    }


def _check(room: Capacity, policy: Policy) -> None:
    roles = policy.parts.roles
    unknown = [name for name in room.by_skill if name not in roles]
    if unknown:
        raise ValueError(f"the policy has no role {unknown[0]!r}; its roles are {', '.join(roles)}")
    if room.per_day < 0 or any(places < 0 for places in room.by_skill.values()):
        raise ValueError("a capacity below 0 makes no list: give 0 or more places")


def _by_case(states: Mapping[str, CaseState], items: Items) -> dict[str, CaseState]:
    """States by case id, those given for a member of a group too; the case's own wins."""
    if not states:
        return {}
    told = among(items.customer_id, states)
    pairs = set(zip(items.case_id[told].tolist(), items.customer_id[told].tolist(), strict=True))
    of_members = {str(case): states[customer] for case, customer in sorted(pairs)}
    cases = set(items.case_id.tolist())
    return of_members | {name: state for name, state in states.items() if name in cases}


def _left_out(
    items: Items,
    cases: Cases,
    left: np.ndarray,
    reason: np.ndarray,
    detail: np.ndarray,
    waited: Mapping[str, int],
) -> pd.DataFrame:
    accounts = pd.DataFrame({"case": cases.case, "customer": items.customer_id}).drop_duplicates()
    many = np.bincount(accounts["case"].to_numpy(dtype=np.int64), minlength=len(cases))
    by_value = np.argsort(
        -cases.value[left].round(2), kind="stable"
    )  # of equal ones the smaller id: so cases stand
    left, reason, detail = left[by_value], reason[by_value], detail[by_value]
    ids = cases.case_id[left]
    return pd.DataFrame(
        {
            "case_id": ids.astype(str),
            "customers": many[left],
            "reason": reason.astype(str),
            "detail": detail.astype(str),
            "rule": cases.rule[left].astype(str),
            "action": cases.action[left].astype(str),
            "waited": np.array([waited.get(name, 0) for name in ids.tolist()], dtype=np.int64),
            "money": cases.values.money[left].round(2),
            "value": cases.value[left].round(2),
        }
    )


def _unit(scorer: Scorer) -> str:
    """How amounts of different currencies were made comparable for the ranking."""
    units = _money_units(scorer.history)
    if len(units) == 1:
        return units[0]
    return f"{', '.join(units)} by what the policy calls a large amount in each"


@lru_cache(2)
def _money_units(history: History) -> list[str]:
    return sorted(str(each) for each in history.tables["invoices"]["money_unit"].unique())


def _lead(case: Case) -> str:
    """The invoice whose reasons say most about a case: the largest one the step is about."""
    covered = [item for item in case.items if item.is_covered] or case.items
    return max(covered, key=lambda item: (float(item.amount_open), item.invoice_id)).invoice_id


@once_each
def _said_before(answers: Scorer) -> dict[Any, list[str]]:
    """What was said of invoices and customers: it stays true as long as the same Scorer answers for them."""
    return {}


def _said(
    answers: Scorer, keys: list[Any], say: Callable[[list[Any]], Iterable[list[str]]]
) -> dict[Any, list[str]]:
    """The sentences by key; `say` is asked for those that this Scorer has not said yet, in their order."""
    said = _said_before(answers)
    fresh = [key for key in dict.fromkeys(keys) if key not in said]
    said |= dict(zip(fresh, say(fresh), strict=True)) if fresh else {}
    return {key: said[key] for key in keys}


def _reasons(scorer: Scorer | LiveScorer, day: date, cases: Iterable[Case]) -> dict[str, list[str]]:
    """The model's sentences on one invoice of each listed case; none where it cannot be scored."""
    leads = [_lead(case) for case in cases]
    told: dict[str, list[str]] = {}
    for answers in scorers_of(scorer):

        def say(keys: list[Any], answers: Scorer = answers) -> Iterable[list[str]]:
            rows, _ = answers.score_invoices([lead for _, lead in keys], day)
            found = {
                row["invoice_id"]: [
                    each["sentence"] for each in row["reasons"] if each["direction"] == "raises"
                ]
                for row in rows
            }
            return [found.get(lead, []) for _, lead in keys]

        theirs = [(day, lead) for lead in leads if _scored_by(scorer, lead) is answers]
        told |= {lead: lines for (_, lead), lines in _said(answers, theirs, say).items()}
    return told


def _habits(
    scorer: Scorer | LiveScorer, day: date, cases: Iterable[Case], declared: Declared | None
) -> dict[str, list[str]]:
    """How the customers of each listed case pay, in sentences; of a group, each with its account."""
    cases = list(cases)
    told: dict[str, list[str]] = {}
    for answers in scorers_of(scorer):

        def say(keys: list[Any], answers: Scorer = answers) -> Iterable[list[str]]:
            codes = answers.history.customer_codes(pd.Series([name for _, name, _ in keys], dtype="str"))
            lead_days = answers.policy.parts.workday.pay_run_lead_days
            found = profiles(answers.facts, codes, day, declared, lead_days)
            said = {each.customer_id: each.sentences() for each in found}
            return [said[name] for _, name, _ in keys]

        ids = [name for case in cases for name in case.customers if _answers(scorer, name) is answers]
        keys = [(day, name, repr((declared or {}).get(name))) for name in ids]
        told |= {name: lines for (_, name, _), lines in _said(answers, keys, say).items()}
    return {
        case.case_id: [
            line if len(case.customers) == 1 else f"{customer}: {line}"
            for customer in case.customers
            for line in told[customer]
        ]
        for case in cases
    }


def _answers(scorer: Scorer | LiveScorer, customer_id: str) -> Scorer:
    return scorer if isinstance(scorer, Scorer) else scorer.of_customer(customer_id)


def _scored_by(scorer: Scorer | LiveScorer, invoice_id: str) -> Scorer:
    return scorer if isinstance(scorer, Scorer) else scorer.of_invoice(invoice_id)
