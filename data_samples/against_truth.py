"""How near does a model come to the truth of a simulated ledger?

    duecourse backtest BOOK --from DATE --to DATE --output scores.csv
    python -m data_samples.against_truth BOOK scores.csv

No model can rank better than the true probabilities do, and a calibrated one agrees with them on average.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

FEW, BINS = 10, 10


def compared(book: Path, scores: Path) -> pd.DataFrame:
    """Scored invoices with a known outcome, beside their true probability and their customer's evidence."""
    scored = pd.read_csv(scores, dtype={"invoice_id": str}).dropna(subset=["outcome"])
    truth = pd.read_csv(book / "truth" / "invoices.csv", dtype={"invoice_id": str})
    invoices = pd.read_csv(book / "invoices.csv", dtype=str)[["invoice_id", "customer_id"]]
    truth = truth.drop(columns="customer_id", errors="ignore")
    rows = scored.merge(truth, on="invoice_id", suffixes=("", "_true")).merge(invoices, on="invoice_id")
    return rows.assign(settled=_settled_before(book, rows))


def _settled_before(book: Path, rows: pd.DataFrame) -> np.ndarray:
    """Number of payments of each row's customer that were known before its as-of day."""
    invoices = pd.read_csv(book / "invoices.csv", dtype=str)[["invoice_id", "customer_id"]]
    payments = pd.read_csv(book / "payments.csv", dtype=str).drop(columns="customer_id", errors="ignore")
    paid = payments.merge(invoices, on="invoice_id")
    known = paid["known_on"].fillna(paid["paid_on"])
    days = {customer: np.sort(group.to_numpy()) for customer, group in known.groupby(paid["customer_id"])}
    none = np.array([], dtype=object)
    pairs = zip(rows["customer_id"], rows["as_of"], strict=True)
    return np.array([np.searchsorted(days.get(customer, none), day) for customer, day in pairs])


def calibration_error(predicted: pd.Series, true: pd.Series) -> float:
    """Mean absolute gap between average prediction and average true probability, over ten equal bins."""
    bins = pd.qcut(predicted.rank(method="first"), BINS, labels=False)
    means = pd.DataFrame({"predicted": predicted, "true": true}).groupby(bins).mean()
    return float((means["predicted"] - means["true"]).abs().mean())


def main() -> None:
    """Print the comparison for customers with and without a history."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("book", type=Path)
    parser.add_argument("scores", type=Path)
    given = parser.parse_args()
    rows = compared(given.book, given.scores)
    for name, part in (
        (f"at least {FEW} payments known", rows[rows["settled"] >= FEW]),
        (f"fewer than {FEW}", rows[rows["settled"] < FEW]),
    ):
        if part["outcome"].nunique() < 2:
            print(f"{name}: {len(part)} invoices, too few to rank")
            continue
        model, truth = (roc_auc_score(part["outcome"], part[column]) for column in ("p_late", "p_late_true"))
        gap = calibration_error(part["p_late"], part["p_late_true"])
        print(
            f"{name}: {len(part):,} invoices, {part['outcome'].mean():.3f} late; AUC {model:.4f}, of the truth "
            f"{truth:.4f} (gap {truth - model:.4f}); calibration error against true probabilities {gap:.4f}"
        )


if __name__ == "__main__":
    main()
