"""What if we had done otherwise: each lever that we control, scored for real beside the score as it is."""

from __future__ import annotations

from typing import Any

from serving.api.listing import invoice_facts
from serving.api.what_if import levers_of
from serving.languages import gettext
from serving.levers import LEVERS
from serving.pages.names import names_of
from serving.pages.routing import Page, Pages, Visit
from serving.what_if import declared_now, what_if

CODES = frozenset(lever.code for lever in LEVERS)
NAMES = {
    "send_sooner": lambda: gettext("Send it sooner"),
    "purchase_order": lambda: gettext("Add the purchase order"),
    "settle_dispute": lambda: gettext("Settle the dispute"),
    "longer_terms": lambda: gettext("Give longer terms"),
    "align_due": lambda: gettext("Due in the customer's pay run"),
    "instalments": lambda: gettext("Split into instalments"),
    "deposit": lambda: gettext("Take a deposit"),
    "lower_limit": lambda: gettext("Lower the credit limit"),
}
UNITS = {
    "longer_terms": lambda: gettext("%(num)d days more"),
    "instalments": lambda: gettext("%(num)d instalments"),
    "deposit": lambda: gettext("%(num)d %% of it"),
    "lower_limit": lambda: gettext("%(num)d %% lower"),
}
"""What the setting of a lever means that has more than one."""
WHEN = {
    "now": lambda: gettext("Now"),
    "by_agreement": lambda: gettext("Now, if the customer agrees"),
    "next_invoice": lambda: gettext("For the next invoice"),
}


def add(pages: Pages) -> None:
    """The page; its route stands before that of the invoice, whose number may hold anything."""
    pages.page(Page("/invoices/{invoice_id:path}/what-if", "read:scores", "what_if.html", view))


def view(visit: Visit) -> dict[str, Any]:
    """The levers of the invoice of the address, those of the query together."""
    invoice_id, live = visit.parameters["invoice_id"], visit.live
    chosen = levers_of({name: text for name, text in visit.query.items() if name in CODES})
    declared, scorer = declared_now(visit.office, live, invoice_id), live.of_invoice(invoice_id)
    question = ("what if", invoice_id, tuple(sorted(chosen.items())), repr(declared))
    found = visit.kept.of_books(
        live, [scorer], question, lambda: what_if(scorer, invoice_id, chosen, declared)
    )
    customer = found["customer_id"]
    facts = invoice_facts(live, invoice_id, None)
    return {
        **found,
        "customer_name": names_of(live, [customer])[customer],
        "due_on": facts["due_on"],
        "levers": [_told(each) for each in found["levers"]],
        "names": {code: name() for code, name in NAMES.items()},
    }


def _told(lever: dict[str, Any]) -> dict[str, Any]:
    code = lever["code"]
    unit = UNITS.get(code)
    settings = [(each, unit() % {"num": each}) for each in lever["options"]] if unit else []
    when = WHEN[lever["when"]]() if lever["when"] else None
    return lever | {"name": NAMES[code](), "settings": settings, "possible": when}
