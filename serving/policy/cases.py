"""Which facts may a policy look at, and what stands in for a fact the caller does not have?"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.conditions import Kind, Term

REQUIRED = "required"
WORKED_OUT = "worked out"
MISSING = float("nan")
EVIDENCE = ("none", "little", "some", "ample")
DEBTOR_TYPES = ("company", "sole_trader", "public_body")
SCORES = ("p_late", "p_late_30", "p_late_90", "tier")
"""Names that move with the model's probabilities."""

_AMOUNT = "in the row's currency"
# name, kind, stands in when the column or a value is absent, meaning, how a sentence says it
_TABLE: list[tuple[str, Kind, Any, str, str]] = [
    ("invoice_id", "text", "", "the invoice", ""),
    ("customer_id", "text", "", "the customer who owes it", ""),
    ("as_of", "date", REQUIRED, "the day the policy is asked, at its start", ""),
    ("due_on", "date", REQUIRED, "the printed due date", ""),
    (
        "days_to_due",
        "number",
        WORKED_OUT,
        "days until due; negative once past due",
        "the number of days until due",
    ),
    ("days_past_due", "number", WORKED_OUT, "days since due; negative before", "the number of days past due"),
    ("p_late", "share", REQUIRED, "chance of being late (1 once it is late)", "the chance of late payment"),
    ("p_late_30", "share", MISSING, "chance of over 30 days late", "the chance of over 30 days late"),
    ("p_late_90", "share", MISSING, "chance of over 90 days late", "the chance of over 90 days late"),
    ("amount_open", "number", REQUIRED, f"what is still open of the invoice, {_AMOUNT}", "the open amount"),
    ("currency", "text", "", "ISO code of the row's currency", "the currency"),
    (
        "customer_open",
        "number",
        MISSING,
        f"all that the customer has open, {_AMOUNT}",
        "the customer's total",
    ),
    ("evidence", "text", "", "how much settled history stands behind the score", "the evidence"),
    ("is_disputed", "flag", False, "a dispute on the invoice is open", "the invoice is disputed"),
    ("disputed_amount", "number", MISSING, f"the disputed part, {_AMOUNT}; 0 or absent: all of it", ""),
    ("undisputed_open", "number", WORKED_OUT, "amount_open without the disputed part", "the undisputed rest"),
    (
        "promise_pending",
        "flag",
        False,
        "a promise to pay is made and its day not past",
        "a promise is pending",
    ),
    ("promised_on", "date", None, "the day of the latest promise", ""),
    ("promise_broken", "flag", False, "the latest promise passed unkept", "the latest promise passed unkept"),
    ("days_since_promised", "number", WORKED_OUT, "days since promised_on; negative before", ""),
    ("days_since_contact", "number", MISSING, "days since the customer was contacted; absent: never", ""),
    (
        "ever_contacted",
        "flag",
        WORKED_OUT,
        "the customer was contacted before",
        "we have been in touch before",
    ),
    ("contacts_90", "number", 0, "contacts in the last 90 days", "the number of contacts in 90 days"),
    ("unapplied_cash", "number", 0, f"cash not yet matched to invoices, {_AMOUNT}", "the unapplied cash"),
    ("plan_running", "flag", False, "a payment plan is agreed and running", "a payment plan is running"),
    ("complaint_open", "flag", False, "a complaint of the customer is open", "a complaint is open"),
    ("key_account", "flag", False, "a customer with an account manager", "the customer is a key account"),
    ("debtor_type", "text", "", "kind of customer", "the kind of customer"),
    (
        "late_share_customer",
        "share",
        MISSING,
        "the customer's share paid late, last year",
        "its own late share",
    ),
    ("settled_count", "number", MISSING, "the customer's settled invoices", "the number of settled invoices"),
    ("country", "text", "", "ISO code of the customer's country", "the country"),
]
_VALUES = {"evidence": EVIDENCE, "debtor_type": DEBTOR_TYPES}

CASE_TERMS = {
    name: Term(meaning, kind, _VALUES.get(name, ()), ranked=name == "evidence", said=said)
    for name, kind, _, meaning, said in _TABLE
}
CASE_COLUMNS = {name: term.meaning for name, term in CASE_TERMS.items()}
"""Every name a condition may use, and what it means; `decide` needs only the REQUIRED_COLUMNS."""
REQUIRED_COLUMNS = tuple(name for name, _, neutral, *_ in _TABLE if neutral is REQUIRED)


def case_columns(cases: pd.DataFrame | Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The columns of `cases` as arrays, absent ones filled; raises ValueError with every problem."""
    problems = [f"column '{name}' is missing" for name in REQUIRED_COLUMNS if name not in cases]
    columns: dict[str, NDArray[Any]] = {}
    size = max((len(cases[name]) for name in REQUIRED_COLUMNS if name in cases), default=0)
    for name, kind, neutral, *_ in _TABLE:
        if name in cases and neutral is not WORKED_OUT:
            try:
                columns[name] = _READ[kind](cases[name], neutral)
            except (ValueError, TypeError) as error:
                problems.append(f"column '{name}' is no {kind}: {error}")
        elif neutral not in (REQUIRED, WORKED_OUT):
            columns[name] = _READ[kind](pd.Series([neutral] * size, dtype=object), neutral)
    problems += _impossible(columns)
    if problems:
        raise ValueError("cases cannot be decided: " + "; ".join(problems))
    return columns | _worked_out(columns)


def _impossible(columns: dict[str, NDArray[Any]]) -> list[str]:
    shares = [name for name, term in CASE_TERMS.items() if term.kind == "share" and name in columns]
    outside = [(name, columns[name][(columns[name] < 0) | (columns[name] > 1)]) for name in shares]
    problems = [f"column '{name}' holds {odd[0]:g}, not between 0 and 1" for name, odd in outside if len(odd)]
    undated = [name for name in ("as_of", "due_on") if name in columns and np.isnat(columns[name]).any()]
    return problems + [f"column '{name}' has cases without a date" for name in undated]


def _worked_out(columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Facts that follow from others, so that no caller works them out differently."""
    to_due = (columns["due_on"] - columns["as_of"]).astype(float)
    since_promised = columns["as_of"] - columns["promised_on"]
    named = columns["disputed_amount"] > 0
    disputed = np.where(named, columns["disputed_amount"], np.inf) * 1.0
    rest = np.clip(columns["amount_open"] - disputed, 0, None)
    return {
        "days_to_due": to_due,
        "days_past_due": -to_due,
        "days_since_promised": np.where(np.isnat(since_promised), MISSING, since_promised.astype(float)),
        "ever_contacted": ~np.isnan(columns["days_since_contact"]),
        "undisputed_open": np.where(columns["is_disputed"], rest, columns["amount_open"]),
    }


Column = pd.Series | NDArray[Any]


def _is_plain(column: Column, kinds: str) -> bool:
    """Whether a column is an array that can be taken as it is."""
    return isinstance(column, np.ndarray) and column.dtype.kind in kinds


def _numbers(column: Column, neutral: Any) -> NDArray[Any]:
    if _is_plain(column, "fiu"):
        values = np.asarray(column).astype(float)
    else:
        values = pd.to_numeric(pd.Series(column)).to_numpy(dtype=float, na_value=MISSING)
    return values if neutral is REQUIRED else np.where(np.isnan(values), neutral, values)


def _flags(column: Column, neutral: Any) -> NDArray[Any]:
    if _is_plain(column, "b"):
        return np.asarray(column)
    return pd.Series(column).astype("boolean").fillna(bool(neutral)).to_numpy(dtype=bool)


def _texts(column: Column, neutral: Any) -> NDArray[Any]:
    values = column.astype(object) if isinstance(column, np.ndarray) else column.to_numpy(dtype=object)
    return np.where(pd.isna(values), "", values)


def _dates(column: Column, neutral: Any) -> NDArray[Any]:
    if _is_plain(column, "M"):
        return np.asarray(column).astype("datetime64[D]")
    return pd.to_datetime(column).to_numpy("datetime64[D]")


_READ: dict[Kind, Callable[[Column, Any], NDArray[Any]]] = {
    "number": _numbers,
    "share": _numbers,
    "text": _texts,
    "flag": _flags,
    "date": _dates,
}
