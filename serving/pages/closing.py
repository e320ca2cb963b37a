"""What becomes of a conversation when it is closed? A contact, with a promise, a plan or the day of the next word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from serving.api.letters import check_wording
from serving.desk import Flaw, Record, RecordError, Writing
from serving.languages import gettext
from serving.office import Answer
from serving.pages.account import items
from serving.pages.customer import story_of
from serving.pages.paths import customer_path, quoted
from serving.pages.recording import about, amount, keep
from serving.pages.routing import Visit, after

ENDS = ("promise", "plan", "day")
REASONS = ("forgot", "process delay", "cannot pay", "disputed", "will not pay")
"""Why it was not paid, in words that the policy knows (section reasons)."""
SAID_OF = ("channel", "direction", "person", "outcome", "confirmed_back", "note")
OUTCOME_OF = {"promise": "promised", "plan": "plan_offered", "day": "reached"}
TEXT_OF = ("subject", "body", "recipient", "language", "action", "template", "channel")


def close(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Record a conversation with what it ended in; RecordError with all that is missing."""
    content, ends = about(visit, _only(given, (*SAID_OF, "customer_id"))), given.get("ends", "")
    if ends not in ENDS:
        said = gettext(
            "a conversation ends with a promise, a plan, or the day on which we speak again: choose one"
        )
        raise RecordError("contacts", [Flaw("/ends", said)])
    customer = str(content["customer_id"])
    next_on, promise_id = given.get("next_contact_on"), None
    if ends == "promise":
        promises = list(_promises(visit, given, writing))
        promise_id, next_on = promises[0].record_id, next_on or _after(promises[0].content["promised_on"])
    elif ends == "plan":
        plan = _plan(visit, given, customer, writing)
        next_on = next_on or _after(plan.content["instalments"][0]["due_on"])
    elif not next_on:
        said = gettext("every contact ends with the day on which we speak again")
        raise RecordError("contacts", [Flaw("/next_contact_on", said)])
    content |= {"next_contact_on": next_on, "outcome": given.get("outcome") or OUTCOME_OF[ends]}
    if promise_id:
        content["promise_id"] = promise_id
    _reasons(visit, given, writing)
    contact = keep(visit, writing, "contacts", content)
    case = customer_path(visit.parameters["case_id"])
    return after(f"{case}/conversation?closed={quoted(contact.record_id)}", "conversation")


def keep_message(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Keep a text as sent, if a customer may read it."""
    content = about(visit, _only(given, (*TEXT_OF, "customer_id")))
    content["sent_on"] = visit.live.as_of.isoformat()
    content["policy_version"] = visit.live.whole.policy.version
    check_wording(visit.office, visit.live, content)
    keep(visit, writing, "messages", content)
    return after(customer_path(visit.parameters["case_id"]), "message")


def _promises(visit: Visit, given: Mapping[str, str], writing: Writing) -> Iterator[Record]:
    """One promise for each invoice that was named, all by the same day."""
    chosen = [value for name, value in given.items() if name.startswith("promise_of_")]
    flaws = []
    if not chosen:
        flaws.append(Flaw("/promised_on", gettext("name the invoices that were promised")))
    promised_on = given.get("promised_other") or given.get("promised_on")
    if not promised_on:
        flaws.append(Flaw("/promised_on", gettext("name the day by which it will be paid")))
    if flaws:
        raise RecordError("promises", flaws)
    open_now = {each["invoice_id"]: each for each in items(story_of(visit))}
    for invoice_id in chosen:
        if invoice_id not in open_now:
            said = gettext("%(invoice)s is no open invoice of this case") % {"invoice": invoice_id}
            raise RecordError("promises", [Flaw("/promised_on", said)])
        told = {"invoice_id": invoice_id, "promised_on": promised_on, **_only(given, ("person", "channel"))}
        owed = open_now[invoice_id]["amount_open"]
        yield keep(visit, writing, "promises", told | ({"amount": owed} if owed else {}))


def _plan(visit: Visit, given: Mapping[str, str], customer: str, writing: Writing) -> Record:
    """The plan as it was written, if its instalments come to what is open, to the cent."""
    parts = [
        {"due_on": given.get(f"due_{n}", ""), "amount": amount(given.get(f"amount_{n}", ""))}
        for n in range(1, 25)
        if given.get(f"due_{n}") or given.get(f"amount_{n}")
    ]
    invoice_id, currency = given.get("plan_invoice_id", ""), given.get("plan_currency", "")
    owed = sum(
        (
            Decimal(each["amount_open"])
            for each in items(story_of(visit))
            if each["amount_open"]
            and each["currency"] == currency
            and (each["invoice_id"] == invoice_id if invoice_id else each["customer_id"] == customer)
        ),
        Decimal(0),
    )
    _check_sum(parts, owed, currency)
    told: dict[str, Any] = {"customer_id": customer, "instalments": parts, "currency": currency}
    told |= {"invoice_id": invoice_id} if invoice_id else {}
    return keep(visit, writing, "payment_plans", told | _only(given, ("person",)))


def _check_sum(parts: list[dict[str, str]], owed: Decimal, currency: str) -> None:
    if not parts:
        raise RecordError(
            "payment_plans", [Flaw("/due_1", gettext("name the day and the amount of each instalment"))]
        )
    try:
        total = sum((Decimal(each["amount"]) for each in parts), Decimal(0))
    except InvalidOperation:
        raise RecordError(
            "payment_plans", [Flaw("/amount_1", gettext("write each amount like 1200.50"))]
        ) from None
    if total != owed:
        said = gettext(
            "the instalments come to %(total)s %(currency)s, and %(owed)s %(currency)s is open: %(rest)s apart"
        )
        told = {"total": total, "owed": owed, "rest": abs(owed - total), "currency": currency}
        raise RecordError("payment_plans", [Flaw("/amount_1", said % told)])


def _reasons(visit: Visit, given: Mapping[str, str], writing: Writing) -> None:
    """Why it was not paid, for each invoice that was spoken about."""
    if not given.get("reason"):
        return
    for name, invoice_id in given.items():
        if name.startswith("about_"):
            told = {"invoice_id": invoice_id, "reason": given["reason"], **_only(given, ("person",))}
            keep(visit, writing, "nonpayment_reasons", told)


def _only(given: Mapping[str, str], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in names if given.get(name)}


def _after(day: str) -> str:
    """The day after, on which we look whether it came."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
