"""Disputes and complaints: what customers object to, whose it is, what waits for an answer, and where it begins.

What is open is told of the whole book, that of the export and of the desk alike; all filters stand in the address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from typing import Any

from serving.desk import Record
from serving.kpis import Settings, mender, root_causes
from serving.languages import language
from serving.objections import AGES, CLOSED_DAYS, KINDS, Objection, objections
from serving.office import Office
from serving.pages.later import Waiting
from serving.pages.names import names_of
from serving.pages.paths import with_query
from serving.pages.recording import cause_in_words
from serving.pages.rendering import words
from serving.pages.routing import Page, Pages, Visit
from serving.pages.settling import finish_task, one, settle
from serving.scoring import Scorer

FILTERS = ("kind", "cause", "age", "owner", "waits", "status", "q")
MOST_SHOWN = 100
MOST_CAUSES = 10
PERIOD_DAYS = 90
ROOTS = "root causes"
FIELDS = tuple(each.name for each in fields(Objection))
NOBODY, NOT_STATED = "nobody", "not stated"
"""What stands in the address for a blank owner or cause."""


def add(pages: Pages) -> None:
    """The list, one of them, and what is changed there."""
    listed = Page("/disputes", "read:facts", "disputes.html", view)
    single = Page("/disputes/{record_id}", "read:facts", "dispute.html", one)
    pages.form("/disputes/tasks/{task_id}", "write:dialogue", finish_task, listed)
    pages.form("/disputes/{record_id}", "write:dialogue", settle, single)
    pages.page(listed)
    pages.kept.works[ROOTS] = _figures
    pages.page(single)


def view(visit: Visit) -> dict[str, Any]:
    """What is open as it was asked for, the causes and ages of all of it, and the root causes of late money."""
    # a write that leaves the open invoices as they are told of no dispute, complaint or contact either
    open_items = visit.office.items(visit.live)
    whole = visit.kept.once(open_items, f"objections in {language()}", lambda: _whole(visit))
    asked = {name: visit.query[name] for name in FILTERS if visit.query.get(name)}
    found = _found(whole["closed" if asked.get("status") == "closed" else "open"], asked)
    return {
        "as_of": visit.live.as_of.isoformat(),
        "filters": asked,
        "choices": whole["choices"],
        "counts": whole["counts"],
        "money": whole["money"],
        "by_cause": [_linked(each, asked) for each in whole["by_cause"]],
        "ages": [name for _, name in AGES],
        "listed": found[:MOST_SHOWN],
        "more": max(len(found) - MOST_SHOWN, 0),
        "closed_days": CLOSED_DAYS,
        "tasks": _tasks(visit),
        "causes": _root_causes(visit),
    }


def _whole(visit: Visit) -> dict[str, Any]:
    """All of them with the names of their customers: the same for everybody at one moment."""
    live = visit.live
    # a write about one of them makes its customer's book anew: of all others the whole book says what it said
    of_whole = visit.kept.of_books(live, [live.whole], "objections", lambda: _rows(visit, live.whole))
    rows = [each for each in of_whole if each["customer_id"] not in live.changed]
    rows += [] if live.part is None else _rows(visit, live.part)
    rows.sort(key=_urgency)
    is_open = [each for each in rows if each["status"] == "open"]
    return {
        "open": is_open,
        "closed": [each for each in rows if each["status"] != "open"],
        "counts": {
            "disputes": sum(each["kind"] == "disputes" for each in is_open),
            "complaints": sum(each["kind"] == "complaints" for each in is_open),
            "overdue": sum(each["is_overdue"] for each in is_open),
            "unowned": sum(not each["owner"] for each in is_open),
        },
        "money": sums(is_open),
        "by_cause": _by_cause(is_open),
        "choices": {
            "kind": list(KINDS),
            "cause": sorted({each["cause"] or NOT_STATED for each in is_open}),
            "age": [name for _, name in AGES],
            "owner": sorted({each["owner"] or NOBODY for each in is_open}),
        },
    }


def _rows(visit: Visit, book: Scorer) -> list[dict[str, Any]]:
    """Those of the customers of a book."""
    alone = replace(visit.live, whole=book, part=None, changed=frozenset())
    found = objections(alone, [record for kind in KINDS for record in visit.office.desk.find(kind)])
    names = names_of(alone, sorted({each.customer_id for each in found}))
    return [told(each) | {"name": names[each.customer_id]} for each in found]


def _urgency(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What is overdue first, then what is open for longest; then those closed last."""
    day = date.fromisoformat(row["closed_on"] or row["opened_on"]).toordinal()
    last = -day if row["closed_on"] else day
    return row["status"] != "open", not row["is_overdue"], last, row["kind"], row["record_id"]


def told(each: Objection) -> dict[str, Any]:
    """One of them as plain data."""
    days = ("opened_on", "closed_on", "answer_by", "spoken_on")
    said = {name: value.isoformat() if (value := getattr(each, name)) else None for name in days}
    also = {"age": each.age, "mender": mender(each.cause), "called": cause_in_words(each.cause)}
    return {name: getattr(each, name) for name in FIELDS} | said | also


def sums(found: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The money they hold, by currency; the largest first."""
    total: dict[str, Decimal] = {}
    for each in found:
        if each["amount"] is not None:
            total[each["currency"]] = total.get(each["currency"], Decimal(0)) + Decimal(each["amount"])
    ordered = sorted(total.items(), key=lambda of: (-of[1], of[0]))
    return {currency: str(amount) for currency, amount in ordered if amount}


def address(filters: Mapping[str, str], **more: str) -> str:
    """The list with these filters and some others; an empty one takes its filter away."""
    return with_query("/disputes", {**filters, **more})


def _found(rows: list[dict[str, Any]], asked: Mapping[str, str]) -> list[dict[str, Any]]:
    """Those that were asked for; each filter looks only at what the one before it left."""
    for name, of in _FILTERED.items():
        if name in asked:
            rows = [each for each in rows if of(each) == asked[name]]
    for word in asked.get("q", "").lower().split():
        rows = [each for each in rows if word in _text(each)]
    return rows


_FILTERED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "kind": lambda each: each["kind"],
    "cause": lambda each: each["cause"] or NOT_STATED,
    "age": lambda each: each["age"],
    "owner": lambda each: each["owner"] or NOBODY,
    "waits": lambda each: "yes" if each["is_overdue"] else "no",
}


def _text(each: Mapping[str, Any]) -> str:
    names = ("name", "customer_id", "invoice_id", "record_id", "note")
    return " ".join(str(each[name] or "") for name in names).lower()


def _by_cause(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How many are open by cause and age, and what they hold; the most frequent cause first."""
    by_cause: dict[str, list[Mapping[str, Any]]] = {}
    for each in found:
        by_cause.setdefault(each["cause"] or NOT_STATED, []).append(each)
    ordered = sorted(by_cause.items(), key=lambda of: (-len(of[1]), of[0]))
    return [_cause(cause, rows) for cause, rows in ordered]


def _cause(cause: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    ages = Counter(each["age"] for each in rows)
    return {
        "cause": cause,
        "called": cause_in_words("" if cause == NOT_STATED else cause),
        "count": len(rows),
        "mender": mender(cause),
        "money": sums(rows),
        "ages": [{"age": name, "count": ages[name]} for _, name in AGES],
    }


def _linked(cause: Mapping[str, Any], asked: Mapping[str, str]) -> dict[str, Any]:
    """A cause with the ways to its lists, under the filters that are asked for."""
    kept = {name: value for name, value in asked.items() if name not in ("cause", "age")}
    ages = [each | {"to": address(kept, cause=cause["cause"], age=each["age"])} for each in cause["ages"]]
    return {**cause, "to": address(kept, cause=cause["cause"]), "ages": ages}


def _tasks(visit: Visit) -> list[dict[str, Any]]:
    """What colleagues were asked to do and have not done yet, the most urgent first."""
    found = visit.office.desk.find("tasks", status="open")
    found.sort(key=lambda each: (each.content.get("due_on") or "9999", each.number))
    shown = found[:MOST_SHOWN]
    names = names_of(visit.live, sorted({each.customer_id for each in shown if each.customer_id}))
    return [_task(each, names, visit.live.as_of.isoformat()) for each in shown]


def _task(task: Record, names: Mapping[str, str], today: str) -> dict[str, Any]:
    kept = ("title", "text", "owner", "team", "due_on", "created_on")
    content = {name: task.content.get(name) for name in kept}
    is_late = bool(content["due_on"]) and str(content["due_on"]) < today
    about = {"customer_id": task.customer_id, "invoice_id": task.invoice_id}
    known = {"task_id": task.record_id, "version": task.version, "by": task.changed_by, "is_late": is_late}
    return known | about | content | {"name": names.get(task.customer_id or "", "")}


def _root_causes(visit: Visit) -> dict[str, Any]:
    """What the money that became late lately has in common, as of the start of the day the book was loaded for."""
    made = visit.kept.worked_out(visit.office, visit.live, ROOTS)[ROOTS]
    if isinstance(made, Waiting):
        return {"waiting": True, "rows": [], "rates": [], "period": None, "unit": None}
    money = _of_unit(made["kpis"]["late_money_by_cause"]["values"])
    rows = [_row(each) for each in money if each["value"]]
    rows.sort(key=lambda each: (-each["share"], each["cause"]))
    missing = sorted(
        {f"{each['part']}: {each['why_not']}" for each in money if each.get("why_not") and each["part"]}
    )
    return {
        "waiting": False,
        "rows": rows[:MOST_CAUSES],
        "rates": list(_rates(_of_unit(made["kpis"]["late_rate_by_cause"]["values"]))),
        "period": made["period"],
        "unit": money[0]["money_unit"] if money else None,
        "formula": made["kpis"]["late_money_by_cause"]["formula"],
        "missing": missing,
    }


def _figures(office: Office, whole: Scorer) -> dict[str, Any]:
    return root_causes(whole.history, whole.as_of, Settings.of(whole.policy.parts, PERIOD_DAYS))


def _of_unit(values: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The values of the unit of money in which most invoices are; units are never added together."""
    counted: Counter[Any] = Counter()
    for each in values:
        counted[each["money_unit"]] += each["n"]
    unit = max(counted, key=lambda each: (counted[each], str(each)), default=None)
    return [each for each in values if each["money_unit"] == unit]


def _row(value: Mapping[str, Any]) -> dict[str, Any]:
    cause = str(value["part"])
    return {
        "cause": cause,
        "label": words(cause),
        "share": float(value["value"]) / 100,
        "invoices": value["n"],
        "mender": mender(cause),
    }


def _rates(values: Sequence[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    """How often invoices with a mark were late, beside those without it."""
    by_part = {each["part"]: each for each in values}
    for part, each in by_part.items():
        without = by_part.get(f"without: {part}")
        if without and each["value"] is not None and without["value"] is not None:
            yield {
                "cause": part,
                "with": each["value"] / 100,
                "without": without["value"] / 100,
                "invoices": each["n"],
                "others": without["n"],
            }
