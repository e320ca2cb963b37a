"""What do challenger and champion say in a world whose truth is known? Frames for tests of the comparison."""

from __future__ import annotations

import numpy as np
import pandas as pd


def world(rng: np.random.Generator, rows: int = 1500, customers: int = 120) -> pd.DataFrame:
    """Judged rows of customers with habits of their own; `truth` holds the log-odds of being late."""
    customer = np.sort(
        rng.integers(0, customers, rows) ** 2 // customers
    )  # a few customers have most invoices
    habit = rng.normal(-2.2, 1.2, customers)
    truth = habit[customer] + rng.normal(0, 0.6, rows)
    frame = pd.DataFrame(
        {
            "invoice_id": [f"I{number:05}" for number in range(rows)],
            "customer_id": [f"C{number:03}" for number in customer],
            "as_of": pd.Timestamp("2026-04-01") + pd.to_timedelta(rng.integers(0, 60, rows), unit="D"),
            "money_unit": "EUR",
            "money_amount": np.exp(rng.normal(11, 1.5, rows)).astype(np.int64),
            "is_cold": False,
            "truth": truth,
            "outcome_p_late": (rng.random(rows) < probability(truth)).astype(float),
        }
    )
    frame["month"] = frame["as_of"].dt.strftime("%Y-%m")
    frame["terms"] = rng.choice(["up to 14 days", "15 to 30 days", "31 to 60 days"], rows, p=[0.2, 0.6, 0.2])
    frame["country"] = np.array(["DE", "FR", "NL", "US"])[customer % 4]
    return frame


def fitted(frame: pd.DataFrame, rng: np.random.Generator, noise: float = 0.12) -> np.ndarray:
    """The log-odds of a model of the world: wrong about customers, and about single rows, by chance."""
    codes, names = pd.factorize(frame["customer_id"])
    about_customers = rng.normal(0, noise, len(names))[codes]
    return frame["truth"].to_numpy() + about_customers + rng.normal(0, noise, len(frame))


def contested(frame: pd.DataFrame, challenger: np.ndarray, champion: np.ndarray) -> pd.DataFrame:
    """The frame with both models' probabilities, given as log-odds."""
    return frame.assign(p_late__model=probability(challenger), p_late__champion=probability(champion))


def probability(log_odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-log_odds))
