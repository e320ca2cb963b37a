"""What was scored, from which feature values, and what would the challenger have said?

Every `duecourse score` leaves one Parquet file in DUECOURSE_HOME/scored, named
`<as_of>-<champion's version>-<first 8 digits of a SHA-256 of its content>.parquet`: the same scoring repeated is
the same file and is not written twice; another one of the same day and model (the ledger has grown, the policy
or the challenger has changed) stands beside it. A file appears whole or not at all. One row per scored invoice:

    invoice_id, customer_id    text
    as_of                      the day that was asked about (timestamp at midnight)
    amount_open                int64 or missing: open on that day, in minor units of `currency`
    currency                   text
    tier, action               text: what people were told
    p_late, p_late_30, p_late_90                                    by the champion
    challenger_p_late, challenger_p_late_30, challenger_p_late_90   by the challenger; absent where there was none
    facts:<table>              uint64: a digest of what was known of the customer in each table before `as_of`
    feature:<name>             float64: one column per feature, in the order of the catalogue; NaN is missing

and in the metadata of the file's schema, as text: `format` (1), `as_of`, `scored_at` (ISO, UTC), `model_version`,
`trained_before`, `late_after_days`, `calendar_days` (true or false), `feature_fingerprint`, `policy_version`,
`data_fingerprint` (of what the ledger knew before `as_of`: it differs today only where data arrived late or was
changed), `tables` (JSON: rows and digest of each table as known before `as_of`, to name the one that did) and, with a
challenger, `challenger_version` and `challenger_trained_before`. A challenger always has the champion's target and
features; one that has not is not asked.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.catalogue import CATALOGUE
from features.days import day_number
from features.ledger import customer_digests, table_digests
from serving.scoring import TARGETS, Scorer
from training.champion import challenger_folder
from training.model import RiskModel, load_model

FOLDER = "scored"
FEATURE = "feature:"
FACTS = "facts:"
CHALLENGER = "challenger_"
FORMAT = "1"


@dataclass(frozen=True)
class Scoring:
    """One file of the log: where it is, what its metadata says, and its rows on demand."""

    path: Path
    described: dict[str, str]

    def rows(self, columns: list[str] | None = None) -> pd.DataFrame:
        """The scored rows, or some of their columns."""
        return pd.read_parquet(self.path, columns=columns)

    def rows_if_there(self, columns: list[str]) -> pd.DataFrame:
        """The same for those who look back: nothing where the file was removed meanwhile, or is damaged."""
        try:
            return self.rows(columns)
        except (pa.ArrowException, OSError):
            return pd.DataFrame({name: [] for name in columns})

    @property
    def scored_at(self) -> datetime:
        """When it was written."""
        return datetime.fromisoformat(self.described["scored_at"])


def challenger_beside(home: Path, champion: RiskModel) -> RiskModel | None:
    """The challenger, verified, or None where there is none.

    Raises ArtefactError or NoChampion where it cannot be used, and ValueError where it predicts something else.
    """
    folder = challenger_folder(home)
    if folder is None:
        return None
    challenger = load_model(folder)
    if challenger.rule != champion.rule:
        raise ValueError(f"the challenger {challenger.version} has another target than the champion")
    return challenger


def log_scores(
    home: Path, scorer: Scorer, scored: pd.DataFrame, challenger: RiskModel | None, now: datetime
) -> Path:
    """Keep the score rows of `scorer.score_open()` with their feature values; the file, new or as it was."""
    described = _described(scorer, challenger)
    table = _table(scorer, scored, challenger).replace_schema_metadata(described)
    path = home / FOLDER / f"{scorer.as_of}-{scorer.model.version}-{_digest(table)}.parquet"
    if not path.exists():
        # The clock is no part of the name: the same content is the same file, as of when it was first scored.
        told = described | {"scored_at": now.isoformat(timespec="seconds")}
        _write(table.replace_schema_metadata(told), path)
    return path


def scorings(home: Path, known: dict[Path, Scoring | None] | None = None) -> Iterator[Scoring]:
    """Every file of the log by as-of day and model; of one day and model the earlier scoring first.

    A file that cannot be read, or is of a later format, is passed over. What is in `known` is not opened again: a
    file never changes once it is there.
    """
    known = {} if known is None else known
    paths = sorted((home / FOLDER).glob("*.parquet"))
    for path in [each for each in paths if each not in known]:
        known[path] = _opened(path)
    found = [each for each in map(known.get, paths) if each is not None]
    keys = ("as_of", "model_version", "scored_at")
    yield from sorted(found, key=lambda each: [each.described[key] for key in keys])


def _opened(path: Path) -> Scoring | None:
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError):
        return None
    described = {key.decode(): value.decode() for key, value in metadata.items()}
    return Scoring(path, described) if described.get("format") == FORMAT else None


def forget(home: Path, now: datetime, keep_days: int) -> int:
    """Remove what was scored more than `keep_days` days ago; the number of files removed."""
    old = [each for each in scorings(home) if each.scored_at < now - timedelta(days=keep_days)]
    for each in old:
        each.path.unlink(missing_ok=True)
    return len(old)


def _table(scorer: Scorer, scored: pd.DataFrame, challenger: RiskModel | None) -> pa.Table:
    rows = scorer.facts.positions(scored["invoice_id"].tolist())
    as_of = np.full(len(rows), day_number(scorer.as_of))
    # Computed as the scorer did: the same questions to the same history have the same bits.
    values = CATALOGUE.compute(scorer.history, rows, as_of)
    columns = {name: pa.array(scored[name], pa.string()) for name in ("invoice_id", "customer_id")}
    columns["as_of"] = pa.array(as_of.astype("datetime64[D]").astype("datetime64[us]"))
    owed, is_known = scorer.facts.amount_open(rows, as_of), scorer.facts.amount_known(rows)
    columns["amount_open"] = pa.array(owed, pa.int64(), mask=~is_known)
    columns |= {name: pa.array(scored[name], pa.string()) for name in ("currency", "tier", "action")}
    columns |= {name: pa.array(scored[name].to_numpy(np.float64)) for name in TARGETS}
    if challenger is not None:
        beside = challenger.predict(values)
        columns |= {f"{CHALLENGER}{name}": pa.array(beside[name].to_numpy()) for name in TARGETS}
    facts = customer_digests(scorer.ledger, scorer.as_of).reindex(scored["customer_id"], fill_value=0)
    columns |= {f"{FACTS}{name}": pa.array(facts[name].to_numpy(np.uint64)) for name in facts}
    columns |= {f"{FEATURE}{name}": pa.array(values[:, at]) for at, name in enumerate(CATALOGUE.names)}
    return pa.table(columns)


def _described(scorer: Scorer, challenger: RiskModel | None) -> dict[str, str]:
    model = scorer.model
    described = {
        "format": FORMAT,
        "as_of": scorer.as_of.isoformat(),
        "model_version": model.version,
        "trained_before": scorer.trained_before.isoformat(),
        "late_after_days": str(model.rule.late_after_days),
        "calendar_days": str(model.rule.calendar_days).lower(),
        "feature_fingerprint": model.card["feature_fingerprint"],
        "policy_version": scorer.policy.version,
        "data_fingerprint": scorer.ledger.fingerprint(scorer.as_of),
        "tables": json.dumps(table_digests(scorer.ledger, scorer.as_of)),
    }
    if challenger is not None:
        described["challenger_version"] = challenger.version
        described["challenger_trained_before"] = challenger.card["trained_on_facts_before"]
    return described


def _digest(table: pa.Table) -> str:
    written = io.BytesIO()
    with pa.ipc.new_stream(written, table.schema) as stream:
        stream.write_table(table)
    return hashlib.sha256(written.getbuffer()).hexdigest()[:8]


def _write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        pq.write_table(table, unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
