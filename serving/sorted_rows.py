"""Where do the rows of a group begin and end? Numbers sorted once, so that every question is a search."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Sorted:
    """Numbers in ascending order, and the rows they came from."""

    keys: np.ndarray
    rows: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray) -> Sorted:
        """Keys in order; rows of equal keys stay in theirs."""
        rows = np.argsort(keys, kind="stable")
        return cls(keys[rows], rows)


def key(group: np.ndarray, day: np.ndarray) -> np.ndarray:
    """One number that sorts by group, then day."""
    return (group << 32) | day


def numbered(texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The texts of a column once each, sorted, and which of them stands in each row, int64."""
    code, names = pd.factorize(
        texts
    )  # by hashes: sorting a hundred thousand texts would take ten times as long
    order = np.argsort(names.astype(str), kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return names[order], place[code]


def among(texts: np.ndarray, wanted: Collection[str]) -> np.ndarray:
    """Whether each text of a column is one of these."""
    found: np.ndarray = pd.Index(texts, dtype=object).isin(list(wanted))
    return found
