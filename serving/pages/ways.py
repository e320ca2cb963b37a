"""Which ways to pay can a conversation end in? What may be promised or planned, for which days, and does it add up?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from features.ledger import written_amount
from serving.languages import gettext
from serving.pages.account import items
from serving.pages.recording import amount
from serving.pages.rendering import words
from serving.pages.story import Story
from serving.plans import PayDays, proposed_plan
from serving.worklist import Case
from serving.worklist.told import told

PARTS = tuple(range(2, 13))
"""Instalments that a plan is proposed in; their days and amounts may be written anew."""
EVERY_DAYS = (7, 14, 30)
MOST_ROWS = 30
"""Open invoices of a case that a conversation shows, the oldest first; the customer's page has all."""
SET_APART = ("disputed", "promised", "planned")
OF_INVOICE = "invoice "
"""How the choice of a plan for one invoice begins; without it the choice is a currency."""
_YEARS = range(1900, 2199)


@dataclass(frozen=True)
class Ways:
    """What one customer of a case owes, and what stands in the form about it so far."""

    story: Story
    case: Case | None
    """With the step of today; None where there is none."""
    customer_id: str
    given: Mapping[str, str]

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The open invoices of the case: what of each may be spoken about, and why the others are left in peace."""
        parts, steps = self._parts(), {each.invoice_id: each for each in self.case.items} if self.case else {}
        found = []
        for each in items(self.story):
            part, mine = parts.get(each["invoice_id"]) or _of_today(each), steps.get(each["invoice_id"])
            is_about = mine.is_covered if mine else _is_free(part)
            because = "" if is_about else _because(part, mine.action if mine else "")
            found.append(each | part | {"is_about": is_about, "because": because})
        return found

    @cached_property
    def days(self) -> PayDays:
        """On which days the customer pays."""
        live = self.story.visit.live
        declared = told(self.story.all_records, live.as_of).declared
        return PayDays.of(live.of_customer(self.customer_id).facts, self.customer_id, live.as_of, declared)

    def _parts(self) -> dict[str, dict[str, Any]]:
        """What of each invoice is disputed, promised, planned or free, as amounts."""
        visit = self.story.visit
        mine = visit.office.items_of(visit.live, self.story.case_id)
        columns = {name: getattr(mine, name).tolist() for name in (*SET_APART, "free", "amount_known")}
        return {
            str(invoice): {
                name: written_amount(columns[name][n], str(mine.currency[n]))
                if columns["amount_known"][n]
                else None
                for name in (*SET_APART, "free")
            }
            for n, invoice in enumerate(mine.invoice_id.tolist())
        }

    # -- a plan

    @cached_property
    def plan_choices(self) -> list[dict[str, Any]]:
        """What a plan may be about: all of the customer's that is free in a currency, or one invoice."""
        mine = [each for each in self.rows if each["customer_id"] == self.customer_id and _is_free(each)]
        by_currency: dict[str, list[dict[str, Any]]] = {}
        for each in mine:
            by_currency.setdefault(each["currency"], []).append(each)
        most_first = sorted(by_currency.items(), key=lambda found: (-len(found[1]), found[0]))
        whole = [_choice(currency, "", rows) for currency, rows in most_first]
        single = [_choice(each["currency"], each["invoice_id"], [each]) for each in mine[:MOST_ROWS]]
        return whole + (single if len(mine) > 1 else [])

    @cached_property
    def plan_about(self) -> dict[str, Any] | None:
        """What the plan is about: what was chosen, or all that is free in the currency of most invoices."""
        wanted = self.given.get("plan_of", "")
        named = [each for each in self.plan_choices if each["value"] == wanted]
        return next(iter(named or self.plan_choices), None)

    def proposal(self) -> dict[str, Any] | None:
        """A plan on the customer's own pay runs; None where nothing can be planned."""
        about = self.plan_about
        if about is None:
            return None
        live = self.story.visit.live
        parts, every = (
            _number(self.given.get("parts"), PARTS, 3),
            _number(self.given.get("every"), EVERY_DAYS, 30),
        )
        facts = live.of_customer(self.customer_id).facts
        declared = told(self.story.all_records, live.as_of).declared
        try:
            found = proposed_plan(
                facts, self.customer_id, about["invoice_ids"], live.as_of, parts, every, declared,
                Decimal(about["amount"]),
            )  # fmt: skip
        except ValueError:
            return None
        return found | {"parts": parts, "every": every}

    def instalments(self) -> list[dict[str, str]]:
        """The parts of the plan as they were written."""
        return [
            {"due_on": self.given.get(f"due_{n}", ""), "amount": amount(self.given.get(f"amount_{n}", ""))}
            for n in range(1, PARTS[-1] + 1)
            if self.given.get(f"due_{n}") or self.given.get(f"amount_{n}")
        ]

    def plan(self) -> dict[str, Any] | None:
        """The plan as it stands: as it was written, or as it is proposed; whether it adds up, and on which days."""
        proposal, about = self.proposal(), self.plan_about
        if proposal is None or about is None:
            return None
        written = [] if self.given.get("propose") else self.instalments()
        rows = written or proposal["instalments"]
        return proposal | {
            "plan_of": about["value"],
            "choices": self.plan_choices,
            "is_written": bool(written),
            "instalments": [each | {"remark": self.remark(each["due_on"])} for each in rows],
            **added_up(rows, about["amount"]),
        }

    # -- days and promises

    def remark(self, text: str) -> str:
        """What is to be said of a day that is none on which they pay; nothing of a good one."""
        on = day_of(text)
        if on is None:
            return ""
        if on < self.story.visit.live.as_of:
            return gettext("this day has passed")
        if not self.days.is_working(on):
            said = gettext("no working day there; the next one is %(day)s")
            return said % {"day": spoken(self.days.next_working(on))}
        if self.days.run and not self.days.is_run(on):
            return gettext("not one of their pay days, which are %(run)s") % {"run": self.days.run}
        return ""

    def promised_on(self) -> str:
        """The day of the promise as it was written: another one comes before a pay run."""
        return self.given.get("promised_other") or self.given.get("promised_on") or ""

    def promised(self) -> list[tuple[dict[str, Any], str]]:
        """The invoices that are promised, each with the amount as it was written."""
        by_id = {each["invoice_id"]: each for each in self.rows}
        ticked = [
            (by_id.get(value), amount(self.given.get(f"amount_of_{name.removeprefix('promise_of_')}", "")))
            for name, value in self.given.items()
            if name.startswith("promise_of_")
        ]
        return [(each, said) for each, said in ticked if each is not None]


def added_up(rows: list[dict[str, Any]], owed: str) -> dict[str, Any]:
    """What the parts of a plan come to, and how far that is from what is owed; None where one is no amount."""
    try:
        total = sum((Decimal(each["amount"]) for each in rows), Decimal(0))
    except InvalidOperation:
        return {"total": None, "apart": None}
    return {"total": str(total), "apart": str(total - Decimal(owed))}


def day_of(text: str) -> date | None:
    """The day that somebody wrote; None where it is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in _YEARS else None


def spoken(on: date) -> str:
    """Thu 9 Jul"""
    return f"{on:%a} {on.day} {on:%b}"


def _of_today(item: Mapping[str, Any]) -> dict[str, Any]:
    """The same of an invoice of today, on which nothing was decided yet."""
    states = {"disputed": "is_disputed", "promised": "promise_pending", "planned": "plan_running"}
    owed = item["amount_open"]
    zero = None if owed is None else str(Decimal(owed) * 0)
    parts = {name: owed if item[state] else zero for name, state in states.items()}
    return parts | {"free": zero if any(item[state] for state in states.values()) else owed}


def _is_free(part: Mapping[str, Any]) -> bool:
    return part["free"] is not None and Decimal(part["free"]) > 0


def _because(part: Mapping[str, Any], step: str) -> str:
    """Why an invoice is not spoken about."""
    said = {
        "disputed": gettext("it is disputed"),
        "promised": gettext("it is promised"),
        "planned": gettext("it is part of a plan"),
    }
    if not _is_free(part):
        for name in SET_APART:
            if part[name] is not None and Decimal(part[name]) > 0:
                return said[name]
    if step:
        return gettext("its own step is another: %(step)s") % {"step": words(step)}
    return gettext("its amount is not known")


def _choice(currency: str, invoice_id: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    total = sum((Decimal(each["free"]) for each in rows), Decimal(0))
    return {
        "value": f"{OF_INVOICE}{invoice_id}" if invoice_id else currency,
        "invoice_id": invoice_id,
        "invoice_ids": [each["invoice_id"] for each in rows],
        "currency": currency,
        "amount": str(total),
    }


def _number(text: str | None, allowed: tuple[int, ...], usual: int) -> int:
    return int(text) if text and text.isdecimal() and int(text) in allowed else usual
