"""How did this recipe do on what it had not seen? The rehearsal's scores and what came of them.

One row per question of the rehearsal that somebody can learn from: `<target>` is what a model of an earlier day said
of an invoice on its issue day, `<target>_late` whether it was late then (1, 0, missing where not known). No row names
an invoice or a customer. The files lie beside the model folders and are no part of a model: its version stays what it
is, and where a file is gone the model scores on.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from training.champion import VERSION
from training.durable import write_whole

FOLDER = "judged"
TARGETS = ("p_late", "p_late_30", "p_late_90")


@dataclass(frozen=True)
class Judged:
    """Scores of a recipe on invoices it had not seen, with their outcomes."""

    rows: pd.DataFrame
    begin: date
    """Invoices issued from this day on, the first day that the rehearsed model had not seen."""
    end: date
    """The day after the last."""
    known_by: date
    """Outcomes are those known before this day."""


def write_judged(
    home: Path, version: str, scored: pd.DataFrame, begin: date, end: date, known_by: date
) -> Path:
    """Keep what a rehearsal scored (training/scored.py) for the model of a version; same input, same bytes."""
    columns = {name: scored[f"{name}__model"].to_numpy() for name in TARGETS}
    columns |= {f"{name}_late": scored[f"outcome_{name}"].to_numpy() for name in TARGETS}
    rows = pd.DataFrame(columns)
    kept = rows[rows[[f"{name}_late" for name in TARGETS]].notna().any(axis=1)]
    days = {"begin": begin.isoformat(), "end": end.isoformat(), "known_by": known_by.isoformat()}
    table = pa.Table.from_pandas(kept, preserve_index=False).replace_schema_metadata(days)
    written = io.BytesIO()
    pq.write_table(table, written)
    file = home / FOLDER / f"{version}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, written.getvalue())
    return file


def read_judged(home: Path, version: str) -> Judged | None:
    """What the rehearsal of a version said; None where nothing was kept, or it cannot be read."""
    file = home / FOLDER / f"{version}.parquet"
    if not VERSION.fullmatch(version) or not file.is_file():
        return None
    try:
        table = pq.read_table(file)
        told = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        days = [date.fromisoformat(told[name]) for name in ("begin", "end", "known_by")]
        wanted = [*TARGETS, *(f"{name}_late" for name in TARGETS)]
        return Judged(table.select(wanted).to_pandas(), *days)
    except (pa.ArrowException, OSError, KeyError, ValueError):
        return None
