"""Where do the rows of a group begin and end? Numbers sorted once, so that every question is a search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
