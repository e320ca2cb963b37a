"""Who is one customer to us? Accounts with the same top parent are one case, with one plan of contacts."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from features.days import day_number
from features.totals import Window
from serving.facts import Facts


def top_parents(ids: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """The top parent of each account ('' is no parent), itself where it has none; object, shape (n,).

    Accounts that are each other's parents are one group, named by the smallest of their ids.
    """
    names, codes = np.unique(np.concatenate([ids, parents[parents != ""]]).astype(str), return_inverse=True)
    child = codes[: len(ids)][parents != ""]
    parent = codes[len(ids) :]
    size = len(names)
    edges = coo_matrix((np.ones(len(child)), (child, parent)), shape=(size, size))
    group = connected_components(edges, directed=True, connection="weak")[1]
    is_top = np.ones(size, bool)
    is_top[child[child != parent]] = False
    order = np.lexsort((np.arange(size), ~is_top, group))  # tops first, then the smallest id
    first = order[np.append(True, group[order][1:] != group[order][:-1])[:size]]
    return names[first][group][codes[: len(ids)]].astype(object)


def groups(facts: Facts, day: date) -> dict[str, Any]:
    """By customer of the history: its case, and how the whole case was contacted up to the end of a day.

    Columns `case_id`, `contacts_90` and `days_since_contact` (NaN: never), each of shape (customers,).
    """
    history = facts.history
    codes = np.arange(len(history.customers))
    today = np.full(len(codes), day_number(day) + 1)
    ids = history.customers.to_numpy(dtype=object)
    parents = facts.master(codes, int(today[0]) if len(codes) else 0)["parent_id"].to_numpy(dtype=object)
    case_id = top_parents(ids, parents)
    contacts = Window(history.stream("contacts"), "customer", codes, today)
    whole = pd.DataFrame(
        {"case": case_id, "contacts": contacts.count(90), "since": contacts.days_since() - 1}
    ).groupby("case")
    return {
        "case_id": case_id,
        "contacts_90": whole["contacts"].transform("sum").to_numpy(),
        "days_since_contact": whole["since"].transform("min").to_numpy(),
    }
