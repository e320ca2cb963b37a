"""What was decided on which invoices, by which facts and chances? Before anybody asks why or when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Decided:
    """Decisions on invoices as of a day, as columns of shape (n,)."""

    day: date
    rows: np.ndarray
    """Positions of the invoices in the history."""
    values: np.ndarray
    """Their features, for reasons and payment dates where somebody asks."""
    chances: pd.DataFrame
    """Probabilities of every target."""
    cases: dict[str, Any]
    """What the policy looked at."""
    decisions: dict[str, Any]
    """What it decided: tier, action, action_by, who and the like."""
