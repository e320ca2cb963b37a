"""Which rows and models does a frame of scores hold, and can it be judged?

One row per (invoice, as-of day), `<target>__<model>` for what each model said and `outcome_<target>` for what
came of it: 1, 0, or empty where it is not known yet or was decided before the score.
"""

from __future__ import annotations

from typing import Any

import pandas as pd


def models_of(scored: pd.DataFrame, target: str) -> list[str]:
    """Names of the models that scored this target: the model first, then the others in column order."""
    prefix = f"{target}__"
    names = [name.removeprefix(prefix) for name in scored.columns if name.startswith(prefix)]
    return sorted(names, key=lambda name: name != "model")


def known_rows(scored: pd.DataFrame, target: str) -> pd.DataFrame:
    """The rows whose outcome is known, in the order that breaks ties: invoice_id, then as_of."""
    known = scored[scored[f"outcome_{target}"].notna()]
    return known.sort_values(["invoice_id", "as_of"], kind="stable", ignore_index=True)


def problems_of(scored: pd.DataFrame, horizons: dict[str, int]) -> list[str]:
    """What keeps a frame from being judged, every problem as a sentence."""
    needed = ["invoice_id", "customer_id", "as_of", "money_unit", "money_amount", "is_cold"]
    for target in horizons:
        needed += [f"outcome_{target}", f"{target}__model"]
    missing = [name for name in needed if name not in scored.columns]
    problems = [] if horizons else ["no horizon was asked for; give for example {'p_late': 5}"]
    if missing:
        return [*problems, f"columns are missing: {', '.join(missing)}"]
    if not pd.api.types.is_datetime64_dtype(scored["as_of"]):
        return [*problems, f"as_of must hold days (datetime64), not {scored['as_of'].dtype}"]
    twice = scored[scored.duplicated(["invoice_id", "as_of"])]
    if len(twice):
        first = twice.iloc[0]
        problems.append(
            f"{len(twice)} rows repeat an (invoice_id, as_of), first {first.invoice_id!r}; keep one of each"
        )
    for target in horizons:
        outcome, known = scored[f"outcome_{target}"], known_rows(scored, target)
        problems += _outside(
            scored, outcome.name, outcome.notna() & ~outcome.isin([0, 1]), "must be 1, 0 or empty"
        )
        for column in (f"{target}__{model}" for model in models_of(scored, target)):
            bad = ~known[column].between(0, 1)
            problems += _outside(
                known, column, bad, "must be a probability from 0 to 1 wherever the outcome is known"
            )
    return problems


def _outside(rows: pd.DataFrame, column: Any, bad: pd.Series[bool], rule: str) -> list[str]:
    if not bad.any():
        return []
    first = rows[bad].iloc[0]
    return [
        f"{column} {rule}: {int(bad.sum())} rows are not, "
        f"first {first[column]} of invoice {first.invoice_id!r}"
    ]
