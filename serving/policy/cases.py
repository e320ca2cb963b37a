"""What do the given cases hold, and what stands in for a fact the caller does not have?"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.conditions import Kind, Vocabulary
from serving.policy.accounts import ACCOUNT_TABLE, ACCOUNT_TERMS
from serving.policy.vocabulary import CASE_TERMS, MISSING, REQUIRED, REQUIRED_COLUMNS, TABLE, WORKED_OUT


def case_columns(cases: pd.DataFrame | Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The columns of `cases` as arrays, absent ones filled; raises ValueError with every problem."""
    problems = [f"column '{name}' is missing" for name in REQUIRED_COLUMNS if name not in cases]
    columns: dict[str, NDArray[Any]] = {}
    size = max((len(cases[name]) for name in REQUIRED_COLUMNS if name in cases), default=0)
    for name, kind, neutral, *_ in TABLE:
        if name in cases and neutral is not WORKED_OUT:
            try:
                columns[name] = _READ[kind](cases[name], neutral)
            except (ValueError, TypeError) as error:
                problems.append(f"column '{name}' is no {kind}: {error}")
        elif neutral not in (REQUIRED, WORKED_OUT):
            columns[name] = _absent(kind, neutral, size)
    problems += _impossible(columns)
    if problems:
        raise ValueError("cases cannot be decided: " + "; ".join(problems))
    return columns | _worked_out(columns)


def account_columns(accounts: pd.DataFrame | Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Facts about whole customers as arrays, absent ones filled; raises ValueError with every problem."""
    size = max((len(accounts[str(name)]) for name in accounts), default=0)
    columns: dict[str, NDArray[Any]] = {}
    problems = [
        f"there is no '{name}' of accounts" for name in map(str, accounts) if name not in ACCOUNT_TERMS
    ]
    for name, kind, neutral, *_ in ACCOUNT_TABLE:
        try:
            given = name in accounts
            columns[name] = _READ[kind](accounts[name], neutral) if given else _absent(kind, neutral, size)
        except (ValueError, TypeError) as error:
            problems.append(f"column '{name}' is no {kind}: {error}")
    problems += _outside(columns, ACCOUNT_TERMS)
    if problems:
        raise ValueError("accounts cannot be decided: " + "; ".join(problems))
    if "utilisation" not in accounts:
        columns["utilisation"] = utilisation(columns["exposure"], columns["credit_limit"])
    if "overdue_share" not in accounts:
        owed = columns["exposure"]
        columns["overdue_share"] = np.where(
            owed > 0, columns["overdue_open"] / np.where(owed > 0, owed, 1), MISSING
        )
        columns["overdue_share"] = np.minimum(columns["overdue_share"], 1)
    if "margin_365" not in accounts:
        columns["margin_365"] = columns["purchases_365"] * columns["margin_percent"] / 100
    return columns | {"has_limit": ~np.isnan(columns["credit_limit"])}


def utilisation(exposure: NDArray[Any], limit: NDArray[Any]) -> NDArray[Any]:
    """Exposure over limit; NaN without a limit, and endless where anything is open against a limit of 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        used = exposure / limit
    return np.where((limit == 0) & (exposure <= 0), 0.0, used)


def _absent(kind: Kind, neutral: Any, size: int) -> NDArray[Any]:
    """A column of what stands in for a fact that no case has."""
    if kind == "date":
        return np.full(size, "NaT", dtype="datetime64[D]")
    dtypes: dict[Kind, Any] = {"text": object, "flag": bool}
    return np.full(size, neutral, dtype=dtypes.get(kind, float))


def _impossible(columns: dict[str, NDArray[Any]]) -> list[str]:
    problems = _outside(columns, CASE_TERMS)
    undated = [name for name in ("as_of", "due_on") if name in columns and np.isnat(columns[name]).any()]
    return problems + [f"column '{name}' has cases without a date" for name in undated]


def _outside(columns: dict[str, NDArray[Any]], vocabulary: Vocabulary) -> list[str]:
    shares = [name for name, term in vocabulary.items() if term.kind == "share" and name in columns]
    outside = [(name, columns[name][(columns[name] < 0) | (columns[name] > 1)]) for name in shares]
    return [f"column '{name}' holds {odd[0]:g}, not between 0 and 1" for name, odd in outside if len(odd)]


def _worked_out(columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Facts that follow from others, so that no caller works them out differently."""
    to_due = (columns["due_on"] - columns["as_of"]).astype(float)
    since_promised = _days_between(columns["promised_on"], columns["as_of"])
    named = columns["disputed_amount"] > 0
    disputed = np.where(named, columns["disputed_amount"], np.inf) * 1.0
    rest = np.clip(columns["amount_open"] - disputed, 0, None)
    return {
        "days_to_due": to_due,
        "days_past_due": -to_due,
        "days_since_promised": since_promised,
        "days_to_next_contact": _days_between(columns["as_of"], columns["next_contact_on"]),
        "days_to_contact_again": _days_between(columns["as_of"], columns["do_not_contact_until"]),
        "ever_contacted": ~np.isnan(columns["days_since_contact"]),
        "undisputed_open": np.where(columns["is_disputed"], rest, columns["amount_open"]),
    }


def _days_between(start: NDArray[Any], end: NDArray[Any]) -> NDArray[Any]:
    days = end - start
    return np.where(np.isnat(days), MISSING, days.astype(float))


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
    values = column.astype(object) if isinstance(column, np.ndarray) else pd.Series(column).to_numpy(object)
    return np.where(pd.isna(values), "", values)


def _dates(column: Column, neutral: Any) -> NDArray[Any]:
    if _is_plain(column, "M"):
        return np.asarray(column).astype("datetime64[D]")
    return pd.to_datetime(pd.Series(column)).to_numpy("datetime64[D]")


_READ: dict[Kind, Callable[[Column, Any], NDArray[Any]]] = {
    "number": _numbers,
    "share": _numbers,
    "text": _texts,
    "flag": _flags,
    "date": _dates,
}
