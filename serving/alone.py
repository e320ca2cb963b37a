"""What does the book hold of one customer alone? Its rows as a small ledger, found without walking the book.

With the book as context the history of such a ledger answers like the book's, bit for bit, in the time of a few hundred
rows: what stands behind a reason, how a score moved, and what would be if.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from features.history import History
from features.ledger import Ledger
from serving.facts import Facts


def ledger_of(facts: Facts, customer_id: str) -> Ledger:
    """Everything about one customer of a book, with all exchange rates."""
    code = facts.history.customer_codes(pd.Series([customer_id], dtype="str"))
    tables = {
        name: _about(facts, code, name) if "customer_id" in frame else frame
        for name, frame in facts.history.tables.items()
    }
    return replace(facts.history.ledger, tables=tables)


def _about(facts: Facts, code: np.ndarray, name: str) -> pd.DataFrame:
    return facts.about(code[code >= 0], name).reset_index(drop=True)


def history_of(facts: Facts, customer_id: str) -> History:
    """The history of one customer; totals of groups, segments and the book stay the book's."""
    history = facts.history
    return History(ledger_of(facts, customer_id), history.rule, context=history.context)
