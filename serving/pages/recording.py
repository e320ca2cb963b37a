"""How does what a person writes on a page become a record? Checked as over HTTP, in one transaction, once."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from serving.api.problems import ProblemError
from serving.api.records import check_fits, completed
from serving.api.resources import may_write
from serving.desk import Flaw, Record, RecordError, Writing
from serving.languages import gettext
from serving.office import Answer
from serving.pages.paths import customer_path
from serving.pages.rendering import words
from serving.pages.routing import Visit, after

OUTCOMES = {
    "reached": "reached, nothing agreed yet",
    "will_pay": "will pay",
    "promised": "promised a day",
    "disputed": "objects to something",
    "plan_offered": "a plan was offered",
    "no_answer": "no answer",
    "call_ended_call_back": "call ended calmly, we call back",
}
"""What may come of a contact: its code and its words."""
CHANNELS = ("phone", "email", "letter", "visit")
CAUSES = ("pricing", "delivery", "quality", "po_missing", "duplicate", "other")
TOPICS = ("delivery", "quality", "service", "pricing", "invoice", "other")
"""What complaints are about; another word may be written."""
TEAMS = ("sales", "service", "delivery", "pricing", "invoicing")


def cause_in_words(cause: str) -> str:
    """What a cause is called."""
    said = {
        "pricing": gettext("price"),
        "po_missing": gettext("order number missing"),
        "duplicate": gettext("invoiced twice"),
        "other": gettext("something else"),
    }
    return said.get(cause) or words(cause) or gettext("cause not stated")


def record_contact(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """A contact, which ends with the day of the next one."""
    if not given.get("next_contact_on"):
        flaw = Flaw("/next_contact_on", "every contact ends with the day on which we speak again")
        raise RecordError("contacts", [flaw])
    keep(visit, writing, "contacts", about(visit, given))
    return back_to(visit, "contact")


def record_promise(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """A promise to pay an invoice by a day."""
    keep(visit, writing, "promises", _with_amount(visit, given))
    return back_to(visit, "promise")


def record_dispute(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """What the customer objects to, and who of ours sees to it."""
    content = _with_amount(visit, given)
    # figures of causes go by the ledger's own column
    content |= {"reason": content["cause"]} if content.get("cause") else {}
    keep(visit, writing, "disputes", content)
    return back_to(visit, "dispute")


def record_complaint(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """What the customer says about goods or service, and who of ours answers."""
    keep(visit, writing, "complaints", about(visit, given))
    return back_to(visit, "complaint")


def record_task(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """What a colleague is asked to do for this customer, and until when."""
    content = about(visit, given) | {"created_on": visit.live.as_of.isoformat()}
    keep(visit, writing, "tasks", content)
    return back_to(visit, "task")


def record_note(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """What the next reader should know."""
    content: dict[str, Any] = about(visit, given)
    if content.pop("restricted", None):
        content["restricted"] = True
    keep(visit, writing, "notes", content)
    return back_to(visit, "note")


def keep(visit: Visit, writing: Writing, kind: str, given: Mapping[str, Any]) -> Record:
    """Add a record; RecordError with all that is wrong, by field."""
    content = completed(kind, given, visit.live)
    if kind == "notes":
        content.setdefault("noted_on", visit.live.as_of.isoformat())
    if not may_write(visit.caller, kind, content):
        raise ProblemError("not_allowed", "Only roles with the right write:sensitive may write this.")
    check_fits(kind, content, visit.live)
    return writing.add(kind, content)


def about(visit: Visit, given: Mapping[str, str]) -> dict[str, Any]:
    """The fields with the customer they are about: one of the case, the one of the address otherwise."""
    members = visit.live.members_of(visit.parameters["case_id"])
    asked = given.get("customer_id") or visit.parameters["case_id"]
    if asked not in members:
        raise RecordError("customers", [Flaw("/customer_id", f"{asked!r} does not belong to this case")])
    return {**given, "customer_id": asked}


def _with_amount(visit: Visit, given: Mapping[str, str]) -> dict[str, Any]:
    """The fields with the amount as it is kept: '1,234.50' and '1 234.50' are 1234.50."""
    content: dict[str, Any] = dict(given)
    members = visit.live.members_of(visit.parameters["case_id"])
    invoice = visit.live.invoice(given.get("invoice_id", ""))
    if invoice is not None and invoice.customer_id not in members:
        raise RecordError("invoices", [Flaw("/invoice_id", "is not an invoice of this case")])
    if given.get("amount"):
        content["amount"] = amount(given["amount"])
    return content


def amount(text: str) -> str:
    """An amount as it is kept: '1,234.50' and '1 234.50' are 1234.50."""
    plain = text.replace(" ", "").replace("\u00a0", "").replace("'", "")
    if "," in plain and "." in plain and plain.rindex(",") < plain.rindex("."):
        plain = plain.replace(",", "")
    try:
        return str(Decimal(plain))
    except InvalidOperation:
        return text


def back_to(visit: Visit, told: str) -> Answer:
    """To the page of the case, which says what was done."""
    return after(customer_path(visit.parameters["case_id"]), told)
