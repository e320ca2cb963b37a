"""What is a ledger made of, for somebody who has never seen it? A data sheet, under the headings of Gebru et al.

After "Datasheets for Datasets" (Gebru et al., 2021). It holds counts, days and shares, and no customer, invoice
or amount, so that it may be shown to people who must not see the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

import pandas as pd

from features.ledger import TABLES, Ledger, oddities
from training.model.card import table

HEADINGS = (
    "Motivation",
    "Composition",
    "Collection process",
    "Preprocessing",
    "Uses",
    "Distribution",
    "Maintenance",
)
"""The headings of every data sheet, in order."""


def data_sheet(ledger: Ledger, cut: date, more: Sequence[str] = ()) -> str:
    """The data sheet of what a ledger knew before a day, as Markdown; `more` are oddities found elsewhere."""
    known = ledger.known_before(cut)
    sections = (
        [
            "Made to learn how customers pay and to score open invoices; exported from the company's own books."
        ],
        _composition(known, cut, more),
        _collection(known),
        _preprocessing(known),
        [
            "Training, judging and watching late-payment models of this book. Not for judging natural persons without",
            "a person who decides, and not as a measure of creditworthiness.",
        ],
        ["None: it stays where the ledger is. This sheet names no customer, invoice or amount."],
        [
            f"Made again by every training; fingerprint of the facts before {cut}: `{ledger.fingerprint(cut)}`.",
            "Exports are added to, and `duecourse check` lists what is odd about each.",
        ],
    )
    lines = ["# Data sheet"]
    for heading, section in zip(HEADINGS, sections, strict=True):
        lines += ["", f"## {heading}", *section]
    return "\n".join(lines) + "\n"


def _composition(known: Ledger, cut: date, more: Sequence[str]) -> list[str]:
    frames = {name: frame for name, frame in known.tables.items() if len(frame)}
    rows = [(f"`{name}`", f"{len(frame):,}", *_span(name, frame)) for name, frame in frames.items()]
    absent = ", ".join(f"`{name}`" for name in known.tables if name not in frames)
    odd = [problem.line() for problem in oddities(known)] + list(more)
    customers = known.tables["invoices"]["customer_id"].nunique()
    empty = [row for name, frame in frames.items() for row in _empty(name, frame)]
    return [
        f"Facts known before {cut}, about {customers:,} customers with invoices.",
        "",
        *table(("table", "rows", "from", "to"), rows),
        "",
        *([f"Not given: {absent}.", ""] if absent else []),
        *_currencies(known),
        "",
        *(
            ["Odd about the whole:", *(f"* {line}" for line in odd)]
            if odd
            else ["Nothing is odd about the whole."]
        ),
        "",
        "Share of cells that are empty, of the columns in which any is:" if empty else "No cell is empty.",
        "",
        *(table(("column", "empty"), empty) if empty else []),
    ]


def _span(name: str, frame: pd.DataFrame) -> tuple[str | None, str | None]:
    days = frame[TABLES[name].event or "known_on"].dropna()
    if not len(days):
        return None, None
    return f"{days.min():%Y-%m-%d}", f"{days.max():%Y-%m-%d}"


def _currencies(known: Ledger) -> list[str]:
    counted = known.tables["invoices"]["currency"].value_counts().sort_index()
    shares = ", ".join(f"{name} {count / counted.sum():.1%}" for name, count in counted.items())
    base = known.settings.base_currency
    into = f"; totals are in {base} where a rate was known" if base else "; amounts are never converted"
    return [f"Currencies of the invoices: {shares}{into}."]


def _empty(name: str, frame: pd.DataFrame) -> list[tuple[str, str]]:
    given = [column for column in TABLES[name].on_disk if column.name in frame]
    shares = {
        column.name: 1 - float(frame["amount_known"].mean())
        if column.name == "amount" and "amount_known" in frame
        else float(frame[column.name].isna().mean())
        for column in given
    }
    return [(f"`{name}.{column}`", f"{share:.1%}") for column, share in shares.items() if share > 0]


def _collection(known: Ledger) -> list[str]:
    rows = []
    for name, frame in known.tables.items():
        event = TABLES[name].event
        if event and len(frame):
            delay = (frame["known_on"] - frame[event]).dt.days
            rows.append(
                (
                    f"`{name}`",
                    f"{delay.median():.0f}",
                    f"{delay.quantile(0.95):.0f}",
                    f"{(delay == 0).mean():.0%}",
                )
            )
    header = ("table", "median days until known", "95 % known within", "known the same day")
    return [
        "Every fact carries the day it happened and the day it was recorded; only what was recorded before a day can",
        "be seen from that day. How long it took until facts were recorded:",
        "",
        *table(header, rows),
    ]


def _preprocessing(known: Ledger) -> list[str]:
    """Repairs of the whole export: a row set aside has no day by which it could be left out."""
    changed = Counter((p.table, p.severity, p.code) for p in known.problems if p.severity != "note")
    if not changed:
        return ["No row had to be repaired or set aside."]
    rows = [
        (f"`{name}`", severity.replace("_", " "), f"`{code}`", f"{count:,}")
        for (name, severity, code), count in sorted(changed.items())
    ]
    return [
        "Rows repaired or set aside in the whole export; what each code means stands in features/ledger/README.md:",
        "",
        *table(("table", "what was done", "code", "rows"), rows),
    ]
