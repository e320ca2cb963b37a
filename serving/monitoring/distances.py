"""How far has a column moved from the model's reference? The only file that imports evidently.

Columns reach it as codes alone: the tenth of the reference sample that a value falls into, with a code of its
own for what is missing. So nothing of a customer can stand in its page (which escapes nothing), a column without
any value cannot end it, and one long tail cannot hide everything else in a single bin.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

PARTS = 10
EMPTY = 1e-4


def codes(reference: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The tenth of each column's reference that a value falls into, -1 where missing; int64, shape as `values`.

    Equal values share a code, so a column of few values has fewer codes.
    """
    coded = np.full(values.shape, -1, dtype=np.int64)
    for column in range(values.shape[1]):
        known = reference[:, column][~np.isnan(reference[:, column])]
        filled = ~np.isnan(values[:, column])
        edges = np.unique(np.quantile(known, np.arange(1, PARTS) / PARTS)) if len(known) else np.array([])
        coded[filled, column] = np.searchsorted(edges, values[filled, column], side="left")
    return coded


def stability_indices(reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, float]:
    """Population stability index of each column of codes, empty codes counted as one in ten thousand.

    The figure of Evidently's report to the last digit (a test compares them), worked out apart because the
    library needs seconds for what takes a millisecond here: years are replayed week by week.
    """
    found = {}
    for name in map(str, reference.columns):
        then, now = reference[name].to_numpy() + 1, current[name].to_numpy() + 1
        sizes = max(int(then.max()), int(now.max())) + 1
        counts = [np.bincount(codes_, minlength=sizes) for codes_ in (then, now)]
        seen = (counts[0] + counts[1]) > 0
        shares = [count[seen] / count.sum() for count in counts]
        p, q = (np.where(share == 0, EMPTY, share) for share in shares)
        found[name] = float(((p - q) * np.log(p / q)).sum())
    return found


def write_page(reference: pd.DataFrame, current: pd.DataFrame, path: Path) -> None:
    """Evidently's own report of the same codes, as one page that opens anywhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns of itself when it is imported
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

        described = DataDefinition(categorical_columns=[str(name) for name in reference.columns])
        sets = [
            Dataset.from_pandas(frame.astype("int64"), data_definition=described)
            for frame in (current, reference)
        ]
        # Current first: the other way round it answers the wrong question without a word.
        snapshot = Report([DataDriftPreset(method="psi")]).run(sets[0], sets[1])
        snapshot.save_html(str(path))
