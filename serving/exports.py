"""How do scores get into a file: whole or not at all, and so that a spreadsheet cannot run their cells?"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd

from features.ledger.writing import escaped

SUFFIXES = (".csv", ".parquet")


def check_output(path: Path) -> None:
    """Raises ValueError for a file that is neither CSV nor Parquet by its suffix."""
    if path.suffix not in SUFFIXES:
        raise ValueError(f"cannot write {path.name}: name a file that ends in {' or '.join(SUFFIXES)}")


def write_scores(scored: pd.DataFrame, path: Path) -> None:
    """Score rows as CSV or Parquet: days as ISO texts, `reasons` as JSON; ValueError for another suffix."""
    reasons = [json.dumps(row, ensure_ascii=False) for row in scored["reasons"]]
    dated = ("action_by", "expected_paid_on", "paid_on_p10", "paid_on_p90")
    days = {name: pd.to_datetime(scored[name]).dt.strftime("%Y-%m-%d") for name in dated}
    texts = days | {"reasons": reasons, "as_of": scored["as_of"].astype("str")}
    write_table(scored.assign(**{name: pd.Series(texts[name], scored.index, "str") for name in texts}), path)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """A table as CSV or Parquet by its suffix; OSError, and nothing written, where there is no room for it."""
    check_output(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.suffix == ".parquet":
            table.to_parquet(unfinished, index=False)
        else:
            _safe(table).to_csv(unfinished, index=False, lineterminator="\n")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def csv_of(table: pd.DataFrame) -> bytes:
    """A table as the content of a CSV file in UTF-8."""
    return _safe(table).to_csv(index=False, lineterminator="\n").encode("utf-8", "replace")


def _safe(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every text behind an apostrophe that a spreadsheet would run as a formula."""
    texts = [name for name in table.columns if table[name].dtype == "str"]
    return table.assign(**{name: table[name].map(escaped, na_action="ignore") for name in texts})
