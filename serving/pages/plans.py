"""Which plans to pay in instalments were agreed, and what came in of each instalment?

Money that came after the plan was agreed (for its invoice, or from its customer where it names none) goes to the
instalments in the order of their days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from features.ledger import written_amount
from serving.pages.story import Story


def plans(story: Story) -> list[dict[str, Any]]:
    """The plans of a story, running ones first, then the latest."""
    by_id: dict[str, list[dict[str, Any]]] = {}
    for row in story.rows("payment_plans"):
        by_id.setdefault(str(row["plan_id"]), []).append(row)
    at_desk = {each.record_id: each for each in story.of_kind("payment_plans")}
    told = []
    for plan_id, rows in by_id.items():
        first, record = rows[0], at_desk.get(plan_id)
        currency = str(first["currency"])
        parts = sorted((f"{row['due_on']:%Y-%m-%d}", int(row["amount"])) for row in rows)
        found = list(instalments(parts, _came(story, first), story.visit.live.as_of))
        status = record.status if record else _status(found)
        told.append(
            {
                "plan_id": plan_id,
                "customer_id": str(first["customer_id"]),
                "invoice_id": first["invoice_id"],
                "agreed_on": f"{first['agreed_on']:%Y-%m-%d}",
                "currency": currency,
                "person": record.content.get("person") if record else None,
                "status": status,
                "amount": written_amount(sum(amount for _, amount in parts), currency),
                "came": written_amount(sum(each["came"] for each in found), currency),
                "instalments": [_written(each, currency) for each in found],
            }
        )
    return sorted(told, key=lambda each: (each["status"] == "running", each["agreed_on"]), reverse=True)


def instalments(
    parts: Sequence[tuple[str, int]], came: Sequence[tuple[str, int]], as_of: date
) -> Iterator[dict[str, Any]]:
    """Each instalment with what came of it and when it was whole; `came` are days and amounts in any order."""
    needed, total = 0, sum(amount for _, amount in came)
    for due_on, amount in parts:
        whole_on = _reached(came, needed + amount)
        yield {
            "due_on": due_on,
            "amount": amount,
            "came": min(max(total - needed, 0), amount),
            "paid_on": whole_on,
            "state": _state(due_on, whole_on, total > needed, as_of),
        }
        needed += amount


def _reached(came: Sequence[tuple[str, int]], wanted: int) -> str | None:
    """The day from which on at least so much had come, and stayed."""
    total, reached = 0, None
    for on, amount in sorted(came):
        total += amount
        reached = (reached or on) if total >= wanted else None
    return reached


def _state(due_on: str, whole_on: str | None, has_part: bool, as_of: date) -> str:
    if whole_on:
        return "paid" if whole_on <= due_on else "paid_late"
    if due_on >= as_of.isoformat():
        return "to_come"
    return "paid_in_part" if has_part else "missed"


def _status(found: Sequence[Mapping[str, Any]]) -> str:
    """Of a plan that the desk knows nothing of."""
    states = {each["state"] for each in found}
    if states & {"missed", "paid_in_part"}:
        return "broken"
    return "running" if "to_come" in states else "completed"


def _came(story: Story, plan: Mapping[str, Any]) -> list[tuple[str, int]]:
    agreed = plan["agreed_on"]
    return [
        (f"{row['paid_on']:%Y-%m-%d}", int(row["amount"]))
        for row in story.rows("payments")
        if row["paid_on"] is not None
        and row["paid_on"] >= agreed
        and row["currency"] == plan["currency"]
        and (
            row["invoice_id"] == plan["invoice_id"]
            if plan["invoice_id"]
            else row["customer_id"] == plan["customer_id"]
        )
    ]


def _written(each: Mapping[str, Any], currency: str) -> dict[str, Any]:
    amounts = {name: written_amount(each[name], currency) for name in ("amount", "came")}
    return {**each, **amounts}
