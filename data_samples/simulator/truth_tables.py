"""What does the truth beside the ledger say? It is for evaluation only: no model may read it."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd

from .customers import Customer
from .ledger_tables import all_contacts, customer_ids
from .story import Story


def truth_tables(story: Story) -> dict[str, pd.DataFrame]:
    """The probabilities of every invoice, the habit of every customer, the effect of every contact."""
    return {
        "invoices": invoices_truth(story),
        "customers": pd.DataFrame([customer_truth(customer) for customer in story.customers]).round(4),
        "contacts": contacts_truth(story),
    }


def invoices_truth(story: Story) -> pd.DataFrame:
    """Probabilities at issue, and how it ended, also where the ledger has not seen it yet."""
    course, period = story.course, story.period
    habits = np.array([customer.payer.habit for customer in story.customers], dtype=object)
    settled = np.where(course.settled >= period.never, -1, course.settled)
    return pd.DataFrame(
        {
            "invoice_id": story.invoice_id,
            "customer_id": customer_ids(story, np.arange(len(story.invoices))),
            "habit": habits[story.customer],
            "strain": story.invoices.strain.round(3),
            **story.probabilities,
            "rolled_due_on": period.iso[story.invoices.rolled_due],
            "settled_on": period.iso[settled],
            "credited_in_full": course.is_credited_in_full,
        }
    )


def customer_truth(customer: Customer) -> dict[str, object]:
    """The habit of one customer and the figures it drew from it; lists of days as one text."""
    return {"customer_id": customer.customer_id} | {
        name: " ".join(str(day) for day in value) if isinstance(value, tuple) else value
        for name, value in asdict(customer.payer).items()
    }


def contacts_truth(story: Story) -> pd.DataFrame:
    """For every contact the payment day before and after it; both blank where no money would have come."""
    contacts = all_contacts(story)
    iso = np.append(story.period.iso[:-2], ["", ""])
    return pd.DataFrame(
        {
            "contact_id": contacts["contact_id"],
            "invoice_id": story.invoice_id[contacts["row"]],
            "stage": contacts["stage"],
            "would_be_paid_on": iso[contacts["heading"]],
            "is_paid_on": iso[contacts["moved_to"]],
            "effect_days": contacts["heading"] - contacts["moved_to"],
        }
    )
