"""The invoices behind a reason: the very rows that its figure was worked out from, and how."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from features.catalogue import CATALOGUE
from features.days import NEVER, day_number, to_date
from features.history import History
from features.ledger import written_amount
from features.reasons import REASON_CODES, spoken
from serving import behind
from serving.alone import history_of
from serving.earlier_scores import Replay, replayed
from serving.languages import gettext, ngettext
from serving.pages.names import names_of
from serving.pages.paths import invoice_path, quoted
from serving.pages.routing import Page, Pages, Visit
from serving.scoring import Scorer, UnknownIdError
from training.model import Explanation

MOST_ROWS = 200
"""Rows that are shown, the newest of them; the others are counted."""


def add(pages: Pages) -> None:
    """The page; its route stands before that of the invoice, whose number may hold anything."""
    pages.page(Page("/invoices/{invoice_id:path}/behind/{code}", "read:scores", "behind.html", view))


@dataclass(frozen=True)
class Look:
    """One invoice as its score sees it: its customer's history alone, and the explanation of its chance."""

    scorer: Scorer
    """The one that answers for the invoice."""
    invoice_id: str
    score: dict[str, Any]
    explanation: Explanation

    @classmethod
    def of(cls, visit: Visit, invoice_id: str) -> Look:
        """At the moment of a visit, kept for the next one; UnknownIdError, NotOpenError."""
        scorer = visit.live.of_invoice(invoice_id)
        return visit.kept.of_books(
            visit.live,
            [scorer],
            ("look", invoice_id),
            lambda: cls(scorer, invoice_id, *scorer.explain(invoice_id)),
        )

    @cached_property
    def alone(self) -> History:
        """The history of its customer."""
        return history_of(self.scorer.facts, self.score["customer_id"])

    @cached_property
    def row(self) -> int:
        """Its place in that history."""
        return self.alone.tables["invoices"]["invoice_id"].tolist().index(self.invoice_id)

    @cached_property
    def replay(self) -> Replay:
        """What today's model says of it as of today and of earlier days."""
        # asked of the book, which is sorted already; alone, its customer would say the same to the last bit
        scorer, position = self.scorer, self.scorer.facts.position(self.invoice_id)
        model, target = scorer.model_on(scorer.as_of), self.explanation.target
        return replayed(model, scorer.history, position, scorer.as_of, target)

    @property
    def values(self) -> np.ndarray:
        """Its features."""
        return self.replay.values[-1]

    @property
    def day(self) -> int:
        """The book day as a number."""
        return day_number(self.scorer.as_of)

    def behind(self, reason: dict[str, Any]) -> behind.Behind | str:
        """The rows behind a reason, or what it is about where it rests on none."""
        model = self.scorer.model_on(self.scorer.as_of)
        feature = behind.leading_feature(reason, self.values, model.reference)
        if feature is None:
            return "nothing"
        value = float(self.values[CATALOGUE.names.index(feature.name)])
        found = behind.behind(feature, value, self.alone, self.row, self.day)
        return found if found is not None and len(found.rows.invoice) else behind.about(feature)

    @cached_property
    def reasons(self) -> list[dict[str, Any]]:
        """The reasons of the score, each with the way to what stands behind it."""
        return [each | self._way(each) for each in self.score["reasons"]]

    def _way(self, reason: dict[str, Any]) -> dict[str, Any]:
        found = self.behind(reason)
        if isinstance(found, str):
            return {"invoices": 0, "about": found, "to": None}
        many = len(np.unique(found.rows.invoice))
        return {"invoices": many, "about": "rows", "to": behind_path(self.invoice_id, reason["code"])}


def behind_path(invoice_id: str, code: str) -> str:
    """The page of the invoices behind a reason."""
    return f"{invoice_path(invoice_id)}/behind/{quoted(code)}"


def view(visit: Visit) -> dict[str, Any]:
    """The rows behind one of the reasons of an invoice's score."""
    look = Look.of(visit, visit.parameters["invoice_id"])
    reason = next((each for each in look.score["reasons"] if each["code"] == visit.parameters["code"]), None)
    found = look.behind(reason) if reason is not None else "nothing"
    if reason is None or isinstance(found, str):
        raise UnknownIdError(f"{look.invoice_id} behind {visit.parameters['code']}")
    customer = look.score["customer_id"]
    rows = _rows(look, found)
    return {
        "invoice_id": look.invoice_id,
        "customer_id": customer,
        "customer_name": names_of(visit.live, [customer])[customer],
        "as_of": visit.live.as_of,
        "code": reason["code"],
        "label": REASON_CODES[reason["code"]].label,
        "reason": reason,
        "feature": found.feature.name,
        "meaning": found.feature.meaning,
        "counts": found.shown.counts,
        "heading": COUNTED.get(found.shown.counts, lambda: gettext("Counts"))(),
        "is_days": found.shown.counts.endswith("days") or found.shown.counts in IN_DAYS,
        "is_plain": found.shown.is_plain,
        "statistic": found.shown.statistic,
        "figure": found.figure,
        "sentence": _sentence(found),
        "rows": rows[-MOST_ROWS:][::-1],
        "more": max(len(rows) - MOST_ROWS, 0),
    }


IN_DAYS = ("days_late", "days_to_pay", "days_beyond_terms")
COUNTED = {
    "late": lambda: gettext("Late"),
    "late_30": lambda: gettext("Over 30 days late"),
    "late_90": lambda: gettext("Over 90 days late"),
    "past_due": lambda: gettext("Paid after due"),
    "slow": lambda: gettext("Over 15 days late"),
    "early": lambda: gettext("Over 5 days early"),
    "at_month_end": lambda: gettext("Paid at the turn of a month"),
    "on_due_day": lambda: gettext("Paid within a day of due"),
    "busiest_weekday": lambda: gettext("Paid on its busiest weekday"),
    "due_weekday": lambda: gettext("Paid on the due weekday"),
    "broken": lambda: gettext("Promise broken"),
    "cannot_pay": lambda: gettext("Recorded as unable to pay"),
    "our_doing": lambda: gettext("Ours to mend"),
    "days_late": lambda: gettext("Days after due"),
    "days_to_pay": lambda: gettext("Days to pay"),
    "days_beyond_terms": lambda: gettext("Days beyond these terms"),
    "wait_days": lambda: gettext("Days after the due weekday"),
    "dispute_days": lambda: gettext("Days to settle the dispute"),
    "overdue_days": lambda: gettext("Days past due"),
    "overdue": lambda: gettext("Overdue"),
    "long_overdue": lambda: gettext("Over 30 days overdue"),
    "open": lambda: gettext("Open"),
    "issued": lambda: gettext("Issued"),
    "settled": lambda: gettext("Settled"),
    "disputed": lambda: gettext("Disputed"),
}
"""The heading over what each row counts."""


def _sentence(found: behind.Behind) -> str:
    """How the rows become the figure."""
    many, shown = len(found.rows.invoice), found.shown
    if shown.statistic == "count" or found.figure is None:
        return ngettext("It is the one row here.", "It is the %(num)d rows here, counted.", many) % {
            "num": many
        }
    told = {"num": many, "figure": spoken(found.feature.unit, found.figure)}
    if shown.statistic == "change":
        recent = int(found.rows.is_recent.sum())
        return gettext(
            "Of the %(num)d rows here the %(recent)d newest, marked recent, are held against the others: the "
            "difference of the two averages is the figure."
        ) % {"num": many, "recent": recent}
    if shown.statistic == "spread":
        return gettext("The standard deviation of the %(num)d rows here is %(figure)s.") % told
    if shown.statistic == "sum":
        return (
            ngettext("The one row here makes %(figure)s.", "The %(num)d rows here make %(figure)s.", many)
            % told
        )
    if found.feature.unit == "share" and set(found.rows.weight.tolist()) <= {1.0}:
        told |= {"hits": f"{found.rows.counted.sum():g}"}
        plain = gettext("%(hits)s of the %(num)d rows here say yes: %(figure)s.") % told
        if shown.is_plain:
            return plain
        drawn = gettext(
            "The figure is drawn from there towards that of the whole book, the more so the fewer rows there are."
        )
        return f"{plain} {drawn}"
    return (
        ngettext(
            "The one row here makes %(figure)s.", "The average of the %(num)d rows here is %(figure)s.", many
        )
        % told
    )


def _rows(look: Look, found: behind.Behind) -> list[dict[str, Any]]:
    """The invoices behind a figure, in the order of the events that count."""
    rows, own = found.rows, look.alone.invoices
    table = look.alone.tables["invoices"]
    positions = np.array(
        [look.scorer.facts.position(each) for each in table["invoice_id"].iloc[rows.invoice]]
    )
    paid = look.scorer.facts.settled_on(positions.astype(np.int64), np.full(len(positions), look.day))
    is_open = look.scorer.facts.is_open(positions.astype(np.int64), look.day)
    amounts = table["amount"].to_numpy(np.int64)
    told = []
    for n, at in enumerate(rows.invoice.tolist()):
        settled = int(paid[n]) if paid[n] < NEVER else None
        until = settled if settled is not None else look.day
        days = until - int(own["lateness_from"][at])
        currency = str(table["currency"].iat[at])
        known = bool(table["amount_known"].iat[at])
        told.append(
            {
                "invoice_id": str(table["invoice_id"].iat[at]),
                "issued_on": to_date(int(own["issued_on"][at])),
                "due_on": to_date(int(own["due_on"][at])),
                "amount": written_amount(int(amounts[at]), currency) if known else None,
                "currency": currency,
                "paid_on": to_date(settled) if settled is not None else None,
                "is_open": bool(is_open[n]),
                "days_late": days if settled is not None or is_open[n] else None,
                "counted": float(rows.counted[n]),
                "counted_on": to_date(int(rows.day[n])),
                "is_recent": bool(rows.is_recent[n]),
            }
        )
    return told
