"""What has the supplier written down by the last day? Invoices, payments, disputes, dialogue."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .calendar import NO_DAY, Days, working_days
from .course import CAUSES, OUTCOMES
from .customers import DIVISIONS, SUPPLIER_COUNTRY
from .payment import DISPUTED, PROMISED, WILL_PAY
from .story import Story

UNALLOCATED = 0.008  # share of payments that arrive without saying what they pay
CREDITED_ON_ACCOUNT = 0.01  # share of invoices that earn a small bonus on the customer's account
CAUSE_UNRECORDED = 0.08
WRITTEN_DOWN_AT_ONCE = {
    "invoices": "issued_on",
    "credit_notes": "credited_on",
    "disputes": "opened_on",
    "promises": "made_on",
    "contacts": "contacted_on",
    "complaints": "opened_on",
    "nonpayment_reasons": "recorded_on",
}


def ledger_tables(story: Story, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Every table that tells of single invoices, as text, as seen at the end of the last day."""
    contacts = all_contacts(story)
    tables = {
        "invoices": invoices_table(story),
        "payments": payments_table(story, rng),
        "credit_notes": credit_notes_table(story, rng),
        "disputes": disputes_table(story, rng),
        "promises": promises_table(story, contacts),
        "contacts": contacts_table(story, contacts, rng),
        "complaints": complaints_table(story, rng),
        "nonpayment_reasons": nonpayment_reasons_table(story, contacts, rng),
    }
    for name, event in WRITTEN_DOWN_AT_ONCE.items():
        tables[name]["known_on"] = tables[name][event]
    return tables


def money(minor: np.ndarray) -> list[str]:
    """Amounts in minor units as decimal text with two places."""
    return [f"{'-' * (cents < 0)}{abs(cents) // 100}.{abs(cents) % 100:02d}" for cents in minor.tolist()]


def text_table(columns: dict[str, Any]) -> pd.DataFrame:
    """A table of text."""
    return pd.DataFrame(columns, dtype=str)


def customer_ids(story: Story, rows: np.ndarray) -> np.ndarray:
    """The customer of each of these invoices."""
    ids = np.array([customer.customer_id for customer in story.customers], dtype=object)
    return ids[story.customer[rows]]


def numbered(letter: str, count: int) -> list[str]:
    """Ids in order."""
    return [f"{letter}{number:05d}" for number in range(1, count + 1)]


def parts_paid(story: Story) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every invoice the minor units of its first part, its credit note and its last payment."""
    amount, course = story.invoices.amount, story.course
    first = np.round(amount * course.first_share).astype(np.int64)
    credit = np.round(amount * course.credited_share).astype(np.int64)
    credit = np.where(course.is_settled_by_credit, amount - first, credit)
    return first, credit, amount - first - credit


def invoices_table(story: Story) -> pd.DataFrame:
    """Every invoice issued; when it was sent is blank while it lies about."""
    invoices, iso = story.invoices, story.period.iso
    currency = np.array([customer.currency for customer in story.customers], dtype=object)
    order = [str(number) if number else "" for number in invoices.purchase_order.tolist()]
    return text_table(
        {
            "invoice_id": story.invoice_id,
            "customer_id": customer_ids(story, np.arange(len(invoices))),
            "issued_on": iso[invoices.issued],
            "due_on": iso[invoices.due],
            "amount": money(invoices.amount),
            "currency": currency[story.customer],
            "division": np.array(DIVISIONS, dtype=object)[invoices.division],
            "delivered_on": iso[invoices.delivered],
            "sent_on": iso[seen(story, story.course.sent)],
            "purchase_order": order,
        }
    )


def seen(story: Story, days: Days) -> Days:
    """The days that have come by the last day of the book; the others are not known yet."""
    return np.where(days <= story.period.last, days, NO_DAY)


def payments_table(story: Story, rng: np.random.Generator) -> pd.DataFrame:
    """Every movement of money: parts, whole sums, returned payments, cash on account and its allocation."""
    course, (first, _, last) = story.course, parts_paid(story)
    everything = np.arange(len(story.invoices))
    bounced = everything[course.bounced != NO_DAY]
    movements = [
        movement(everything[first > 0], course.first_paid, first),
        movement(bounced, course.bounced, last),
        movement(bounced, course.reversed, -last),
        movement(everything[last > 0], course.paid, last),
    ]
    moved = pd.concat(movements, ignore_index=True)
    booked_later = rng.random(len(moved)) < 0.4
    works = working_days(story.period, SUPPLIER_COUNTRY)
    never = story.period.never
    moved["known"] = works[np.minimum(moved["day"].to_numpy() + booked_later, never)]
    moved["on_account"] = False
    moved = with_unallocated_cash(moved, works, never, rng)
    moved = moved[moved["known"] <= story.period.last].sort_values(["known", "row", "day"], kind="stable")
    rows, on_account = moved["row"].to_numpy(), moved["on_account"].to_numpy()
    return text_table(
        {
            "payment_id": numbered("P", len(moved)),
            "invoice_id": np.where(on_account, "", story.invoice_id[rows]),
            "customer_id": np.where(on_account, customer_ids(story, rows), ""),
            "paid_on": story.period.iso[moved["day"]],
            "amount": money(moved["minor"].to_numpy()),
            "known_on": story.period.iso[moved["known"]],
        }
    )


def movement(rows: np.ndarray, days: Days, minor: np.ndarray) -> pd.DataFrame:
    """One payment for each of these invoices."""
    return pd.DataFrame({"row": rows, "day": days[rows].astype(int), "minor": minor[rows]})


def with_unallocated_cash(
    moved: pd.DataFrame, works: Days, never: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Some payments first lie on the customer's account; days later they are matched with their invoice.

    The payment keeps its day and becomes known when it is matched; the cash on account is taken off again.
    """
    anonymous = moved[(rng.random(len(moved)) < UNALLOCATED) & (moved["minor"] > 0)]
    waits = rng.integers(3, 20, len(anonymous))
    matched = works[np.minimum(anonymous["known"].to_numpy() + waits, never)]
    arrives = anonymous.assign(on_account=True)
    leaves = anonymous.assign(on_account=True, minor=-anonymous["minor"], day=matched, known=matched)
    moved.loc[anonymous.index, "known"] = matched
    return pd.concat([moved, arrives, leaves], ignore_index=True)


def credit_notes_table(story: Story, rng: np.random.Generator) -> pd.DataFrame:
    """Credits granted in disputes, and now and then a bonus on the customer's account."""
    credit = parts_paid(story)[1]
    granted = np.flatnonzero((credit > 0) & (story.course.closed <= story.period.last))
    bonus = np.flatnonzero(rng.random(len(credit)) < CREDITED_ON_ACCOUNT)
    bonus_day = seen(story, story.invoices.issued[bonus] + 45)
    bonus, bonus_day = bonus[bonus_day != NO_DAY], bonus_day[bonus_day != NO_DAY]
    table = text_table(
        {
            "invoice_id": np.concatenate([story.invoice_id[granted], np.full(len(bonus), "", dtype=object)]),
            "customer_id": np.concatenate(
                [np.full(len(granted), "", dtype=object), customer_ids(story, bonus)]
            ),
            "credited_on": story.period.iso[np.concatenate([story.course.closed[granted], bonus_day])],
            "amount": money(np.concatenate([credit[granted], story.invoices.amount[bonus] // 50])),
        }
    )
    return table.sort_values(["credited_on", "invoice_id", "customer_id"], ignore_index=True)


def disputed(story: Story) -> np.ndarray:
    """The invoices that were disputed by the last day, by the day of the dispute."""
    opened = story.course.opened
    rows = np.flatnonzero((opened != NO_DAY) & (opened <= story.period.last))
    return rows[np.argsort(opened[rows], kind="stable")]


def disputes_table(story: Story, rng: np.random.Generator) -> pd.DataFrame:
    """Every dispute opened; its end is blank while it lasts."""
    rows, course = disputed(story), story.course
    reasons = np.array(CAUSES, dtype=object)[course.cause[rows]]
    amount = np.round(story.invoices.amount[rows] * course.disputed_share[rows]).astype(np.int64)
    return text_table(
        {
            "dispute_id": numbered("D", len(rows)),
            "invoice_id": story.invoice_id[rows],
            "opened_on": story.period.iso[course.opened[rows]],
            "closed_on": story.period.iso[seen(story, course.closed[rows])],
            "amount": money(amount),
            "reason": np.where(rng.random(len(rows)) < CAUSE_UNRECORDED, "", reasons),
        }
    )


def all_contacts(story: Story) -> pd.DataFrame:
    """Every contact made by the last day, in order of time, with days as numbers."""
    parts = [
        pd.DataFrame(
            {
                "stage": contact.stage.name,
                "channel": contact.stage.channel,
                "row": contact.row,
                "day": contact.day,
                "outcome": contact.outcome,
                "promised": contact.promised,
                "heading": contact.heading,
                "moved_to": contact.moved_to,
            }
        )
        for contact in story.contacts
        if len(contact.row)
    ]
    if not parts:
        return pd.DataFrame(columns=["stage", "channel", "row", "day", "outcome", "promised", "heading"])
    made = pd.concat(parts, ignore_index=True)
    made = made[made["day"] <= story.period.last].sort_values(["day", "row"], ignore_index=True)
    return made.assign(contact_id=numbered("K", len(made)))


def contacts_table(story: Story, contacts: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The supplier's calls, reminders and letters, and the mails in which customers raise a dispute."""
    rows = contacts["row"].to_numpy()
    mails = disputed(story)
    mails = mails[rng.random(len(mails)) < 0.4]
    outbound = text_table(
        {
            "contact_id": contacts["contact_id"],
            "customer_id": customer_ids(story, rows),
            "contacted_on": story.period.iso[contacts["day"]],
            "invoice_id": story.invoice_id[rows],
            "channel": contacts["channel"],
            "direction": "outgoing",
            "outcome": np.array(OUTCOMES, dtype=object)[contacts["outcome"]],
        }
    )
    inbound = text_table(
        {
            "contact_id": numbered("M", len(mails)),
            "customer_id": customer_ids(story, mails),
            "contacted_on": story.period.iso[story.course.opened[mails]],
            "invoice_id": story.invoice_id[mails],
            "channel": "email",
            "direction": "incoming",
            "outcome": "disputed",
        }
    )
    both = pd.concat([outbound, inbound], ignore_index=True)
    return both.sort_values(["contacted_on", "contact_id"], ignore_index=True)


def promises_table(story: Story, contacts: pd.DataFrame) -> pd.DataFrame:
    """Every promise given in a contact, over what was open on that day."""
    given = contacts[contacts["outcome"] == PROMISED]
    rows, day = given["row"].to_numpy(), given["day"].to_numpy()
    first, credit, _ = parts_paid(story)
    has_part = (story.course.first_paid[rows] != NO_DAY) & (story.course.first_paid[rows] <= day)
    has_credit = (story.course.closed[rows] != NO_DAY) & (story.course.closed[rows] <= day)
    open_minor = story.invoices.amount[rows] - first[rows] * has_part - credit[rows] * has_credit
    return text_table(
        {
            "promise_id": numbered("W", len(given)),
            "invoice_id": story.invoice_id[rows],
            "made_on": story.period.iso[day],
            "promised_on": story.period.iso[given["promised"]],
            "amount": money(open_minor),
        }
    )


def nonpayment_reasons_table(story: Story, contacts: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """What customers gave as the reason, where a call or letter was answered and somebody wrote it down."""
    answered = contacts[
        contacts["outcome"].isin([WILL_PAY, PROMISED, DISPUTED]) & (contacts["stage"] != "call ahead")
    ]
    answered = answered[rng.random(len(answered)) < 0.6]
    rows = answered["row"].to_numpy()
    reasons = np.select(
        [
            answered["outcome"] == DISPUTED,
            story.course.stuck[rows],
            story.invoices.order_is_missing[rows],
            story.course.sent[rows] - story.invoices.issued[rows] > 3,
        ],
        ["dispute", "cash_short", "purchase_order_missing", "invoice_arrived_late"],
        rng.choice(["overlooked", "awaiting_approval"], len(rows)),
    )
    return text_table(
        {
            "invoice_id": story.invoice_id[rows],
            "recorded_on": story.period.iso[answered["day"]],
            "reason": reasons,
        }
    )


def complaints_table(story: Story, rng: np.random.Generator) -> pd.DataFrame:
    """Complaints about the goods: most surround a dispute over delivery or quality, some stand alone."""
    rows = disputed(story)
    about_goods = np.isin(story.course.cause[rows], [1, 2]) & (rng.random(len(rows)) < 0.5)
    alone = np.flatnonzero(rng.random(len(story.invoices)) < 0.003)
    concerned = np.concatenate([rows[about_goods], alone])
    around = np.concatenate([story.course.opened[rows[about_goods]], story.invoices.issued[alone] + 12])
    opened = np.maximum(around - rng.integers(0, 10, len(around)), story.invoices.issued[concerned])
    come = opened <= story.period.last
    concerned, opened = concerned[come], opened[come]
    order = np.argsort(opened, kind="stable")
    closed = seen(story, opened + rng.integers(3, 40, len(opened)))
    topics = rng.choice(["delivery", "quality", "service"], len(opened))
    return text_table(
        {
            "complaint_id": numbered("B", len(opened)),
            "customer_id": customer_ids(story, concerned[order]),
            "opened_on": story.period.iso[opened[order]],
            "closed_on": story.period.iso[closed[order]],
            "topic": topics,
        }
    )
