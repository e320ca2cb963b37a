"""Who is that on the telephone? Customers and invoices of the whole book, whether on the list or not."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from serving.languages import gettext
from serving.pages.names import names_of
from serving.pages.routing import Visit
from serving.scoring import Scorer
from serving.worklist import LEFT_OUT

MOST_FOUND = 20
FEWEST_LETTERS = 2
"""One letter finds everybody."""


def folded(text: str) -> str:
    """A text as it is compared: no capitals, no accents, so that `muller` finds Müller."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(each for each in apart if not unicodedata.combining(each)).casefold()


def elsewhere(visit: Visit, asked: str, shown: set[str]) -> dict[str, Any]:
    """Customers whose name or number holds every word, but for those that are shown, and the invoice of this number."""
    if len(asked.strip()) < FEWEST_LETTERS:
        return {"customers": [], "more": 0, "invoice": None}
    wanted = folded(asked).split()
    found = [
        each
        for each, text in _texts(visit).items()
        if each not in shown and all(word in text for word in wanted)
    ]
    names = names_of(visit.live, found[:MOST_FOUND])
    places = {
        each: case.rank
        for case in visit.kept.worklist(visit.office, visit.live).cases
        for each in case.customers
    }
    return {
        "customers": [_told(visit, each, name, places) for each, name in names.items()],
        "more": max(len(found) - MOST_FOUND, 0),
        "invoice": _invoice(visit, asked.strip()),
    }


def _told(visit: Visit, customer_id: str, name: str, places: Mapping[str, int]) -> dict[str, Any]:
    """A customer, with its place on the list or why it has none."""
    told = {"customer_id": customer_id, "name": name, "rank": places.get(customer_id), "why": ""}
    if told["rank"] is None:
        why = visit.kept.left_out(visit.office, visit.live, visit.live.case_of(customer_id))
        told["why"] = gettext(LEFT_OUT[why["reason"]]) if why else gettext("nothing is open")
    return told


def _invoice(visit: Visit, asked: str) -> dict[str, Any] | None:
    """The invoice of exactly this number, in capitals or not, and whose it is."""
    for number in dict.fromkeys((asked, asked.upper())):
        known = visit.live.invoice(number)
        if known is not None:
            name = names_of(visit.live, [known.customer_id])[known.customer_id]
            return {"invoice_id": number, "customer_id": known.customer_id, "name": name}
    return None


def _texts(visit: Visit) -> dict[str, str]:
    """Name and number of every customer as they are compared, the newest book's last word coming last."""
    live = visit.live
    texts = dict(visit.kept.once(live.whole, "texts of all customers", lambda: _of_book(live.whole)))
    if live.part is not None:
        part = live.part
        of_part = visit.kept.once(part, "texts of changed customers", lambda: _of_book(part))
        texts |= {each: text for each, text in of_part.items() if live.of_customer(each) is part}
    return texts


def _of_book(scorer: Scorer) -> dict[str, str]:
    ids = [str(each) for each in scorer.history.customers]
    table = scorer.ledger.tables["customers"]
    named: dict[str, str] = {}
    for each, name in zip(table["customer_id"].tolist(), table["name"].fillna("").tolist(), strict=True):
        named[each] = f"{named.get(each, '')} {name}"  # former names find a customer too
    return {each: folded(f"{each} {named.get(each, '')}") for each in ids}
