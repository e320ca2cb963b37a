"""What is a model on disk? A folder of readable files, whose hashes are checked before anything is parsed.

model.json           horizons, calibration, features, references, card
booster_<target>.txt LightGBM's own text
sample.parquet       some feature rows the model was trained on
golden.json          probabilities of these rows: a loaded model must give them again
model_card.md        the same for people
manifest.json        SHA-256 of every file above; the version is the hash of the manifest
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.catalogue import CATALOGUE
from features.featureset import FeatureSet
from features.lateness import LatenessRule
from training.model.calibration import Calibration
from training.model.risk_model import HorizonModel, RiskModel

MANIFEST = "manifest.json"
GOLDEN_ROWS = 50


class ArtefactError(ValueError):
    """A model folder that must not be used; the text says why and what to do."""


def save_model(model: RiskModel, models: Path) -> RiskModel:
    """Write the model to `models/<version>` and return it with its version.

    The folder appears whole or not at all; the same content always has the same version and bytes.
    """
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=models, prefix=".writing-") as scratch:
        folder = Path(scratch) / "model"
        folder.mkdir()
        _write_files(model, folder)
        version = _write_manifest(folder)
        target = models / version
        if target.exists() and not _is_intact(target):
            target.rename(Path(scratch) / "damaged")
        if not target.exists():
            folder.rename(target)
    return load_model(target, model.features)


def _write_files(model: RiskModel, folder: Path) -> None:
    for horizon in model.horizons:
        if horizon.booster is not None:
            text = horizon.booster.model_to_string(num_iteration=-1)
            (folder / f"booster_{horizon.target}.txt").write_text(text, encoding="utf-8")
    _write_json(folder / "model.json", _content(model))
    model.sample.to_parquet(folder / "sample.parquet", index=False)
    _write_json(folder / "golden.json", _golden(model))
    (folder / "model_card.md").write_text(model_card(model), encoding="utf-8")


def _content(model: RiskModel) -> dict[str, Any]:
    return {
        "rule": {"late_after_days": model.rule.late_after_days, "calendar_days": model.rule.calendar_days},
        "feature_names": model.features.names,
        "feature_fingerprint": model.features.fingerprint(model.rule),
        "horizons": [
            {
                "target": horizon.target,
                "days": horizon.days,
                "kind": horizon.kind,
                "base": horizon.base,
                "note": horizon.note,
                "calibration": {"slope": horizon.calibration.slope, "shift": horizon.calibration.shift},
            }
            for horizon in model.horizons
        ],
        "reference": {name: None if math.isnan(value) else value for name, value in model.reference.items()},
        "card": model.card,
    }


def _golden(model: RiskModel) -> dict[str, list[float]]:
    given = model.predict(model.sample.to_numpy(np.float64)[:GOLDEN_ROWS])
    return {str(name): given[name].tolist() for name in given}


def _write_json(path: Path, content: Any) -> None:
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _write_manifest(folder: Path) -> str:
    _write_json(folder / MANIFEST, {path.name: _sha256(path) for path in sorted(folder.iterdir())})
    return _sha256(folder / MANIFEST)[:12]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_model(folder: Path, features: FeatureSet = CATALOGUE) -> RiskModel:
    """The model of a folder, verified before it is parsed (a corrupt booster text would end the process).

    Raises ArtefactError where a file is missing, changed or extra, or where the features have changed since.
    """
    _verify(folder)
    content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    rule = LatenessRule(**content["rule"])
    if content["feature_fingerprint"] != features.fingerprint(rule):
        raise ArtefactError(
            f"model {folder.name} was trained with other features than this program has "
            f"({content['feature_fingerprint']}, here {features.fingerprint(rule)}): train again"
        )
    reference = {name: float("nan") if v is None else v for name, v in content["reference"].items()}
    sample = pd.read_parquet(folder / "sample.parquet")
    horizons = tuple(_horizon(folder, described) for described in content["horizons"])
    model = RiskModel(rule, horizons, reference, content["card"], sample, folder.name, features)
    _check_golden(model, folder)
    return model


def _verify(folder: Path) -> None:
    manifest = folder / MANIFEST
    if not manifest.exists():
        raise ArtefactError(f"no model in {folder.name}: {MANIFEST} is missing; train again or roll back")
    if _sha256(manifest)[:12] != folder.name:
        raise ArtefactError(f"model {folder.name} does not match its name: {MANIFEST} was changed; roll back")
    expected = json.loads(manifest.read_text(encoding="utf-8"))
    present = {path.name for path in folder.iterdir()} - {MANIFEST}
    wrong = sorted(present ^ set(expected)) + sorted(
        name for name in present & set(expected) if _sha256(folder / name) != expected[name]
    )
    if wrong:
        raise ArtefactError(f"model {folder.name} was changed after training: {', '.join(wrong)}; roll back")


def _is_intact(folder: Path) -> bool:
    try:
        _verify(folder)
    except ArtefactError:
        return False
    return True


def _horizon(folder: Path, described: dict[str, Any]) -> HorizonModel:
    booster = None
    if described["kind"] == "boosted":
        booster = lgb.Booster(model_str=(folder / f"booster_{described['target']}.txt").read_text("utf-8"))
    return HorizonModel(
        **(described | {"calibration": Calibration(**described["calibration"])}), booster=booster
    )


def _check_golden(model: RiskModel, folder: Path) -> None:
    expected = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    given = _golden(model)
    if any(not np.allclose(given[name], expected[name], rtol=0, atol=1e-12) for name in expected):
        raise ArtefactError(f"model {folder.name} does not reproduce its golden predictions; roll back")


def model_card(model: RiskModel) -> str:
    """The model for people, in Markdown, under the headings of SR 26-2."""
    card = model.card
    after, before = card["late_after_days"], card["trained_on_facts_before"]
    roll = "printed due dates" if card["calendar_days"] else "due dates rolled to the next working day"
    lines = [
        "# Model card",
        "",
        "## Purpose",
        f"How likely every open invoice is to be settled more than {after}, 30 and 90 days late ({roll}), and why,",
        "so that customers are helped early. Not a probability of default; not a ground for refusing anybody.",
        "",
        "## Data",
        f"Facts known before {before}; outcomes only where the horizon had passed by then.",
        f"{card['features']} features, fingerprint {card['feature_fingerprint']}.",
        "",
        "| target | days | kind | invoices | late | rate | from | to | note |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for target, row in card["horizons"].items():
        cells = ("days", "kind", "invoices", "late_invoices", "late_rate", "from", "to", "note")
        lines.append(f"| {target} | " + " | ".join(str(row[cell]) for cell in cells) + " |")
    lines += [
        "",
        "## Conceptual soundness",
        "Gradient-boosted trees per horizon on dated facts about how the customer paid before; calibrated on later",
        "blocks of time that the trees had not seen; horizons held in order. Reasons are exact Shapley values.",
        "",
        "## Limitations",
        "A customer without history is scored from its segment and the invoice (`evidence: none`). A horizon of kind",
        "`ratio` or `rate` had too few late invoices for a model of its own. Association is not cause.",
        "",
        "## Outcomes analysis",
        "See the evaluation report of the training run.",
        "",
        "## Monitoring",
        "Train again as outcomes mature; compare predicted and actual late rates month by month.",
        "",
        "## Change log",
        f"Trained on facts before {before}.",
    ]
    return "\n".join(lines) + "\n"
