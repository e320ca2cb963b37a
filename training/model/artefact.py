"""What is a model on disk? A folder of readable files, which are verified before anything is parsed.

model.json           horizons, calibration, features, references, card
booster_<target>.txt LightGBM's own text; booster_timing.txt that of the time to payment
sample.parquet       some feature rows the model was trained on
golden.json          probabilities, ranges and payment days of some of these rows, and hashes of what the model is,
                     tree by tree: a loaded model must answer so again, and written again be so again
model_card.md        the same for people
manifest.json        SHA-256 of every file above, the fingerprints of the training data and of the features with
                     all code that computes them; the version is the hash of the manifest
signature.json       who vouches for the manifest (training/model/signing.py); no part of the version

What is verified is what is parsed: every file is read once, and parsed from memory.
"""

from __future__ import annotations

import hashlib
import io
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
from training.durable import make_durable, write_whole
from training.model.calibration import Calibration
from training.model.card import model_card
from training.model.ranges import ranges
from training.model.risk_model import HorizonModel, RiskModel
from training.model.signing import (
    SIGNATURE,
    SigningError,
    is_key_named,
    made_key,
    signature_of,
    signer_of,
    signing_key,
    trusted_keys,
    why_not_signed,
)
from training.model.timing import Timing, golden_facts, timing_from, timing_told
from training.model.uncertainty import Uncertainty

MANIFEST = "manifest.json"
GOLDEN_ROWS = 50
TIMING = "booster_timing.txt"


class ArtefactError(ValueError):
    """A model folder that must not be used; the text says why and what to do."""


def save_model(model: RiskModel, models: Path) -> RiskModel:
    """Write the model to `models/<version>`, signed where a key can be had, and return it with its version.

    The folder appears whole or not at all; the same content always has the same version and bytes.
    """
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=models, prefix=".writing-") as scratch:
        folder = Path(scratch) / "model"
        folder.mkdir()
        _write_files(model, folder)
        version = _write_manifest(model, folder)
        _sign(folder, models)
        for path in (*folder.iterdir(), folder):
            make_durable(path)
        target = models / version
        if target.exists() and not _is_intact(target):
            target.rename(Path(scratch) / "damaged")
        if not target.exists():
            folder.rename(target)
        make_durable(models)
    return load_model(target, model.features)


def _write_files(model: RiskModel, folder: Path) -> None:
    for name, text in _texts(model).items():
        (folder / name).write_bytes(text)
    model.sample.to_parquet(folder / "sample.parquet", index=False)
    _write_json(folder / "golden.json", {"answers": _golden(model), "hashes": _hashes(_texts(model))})
    (folder / "model_card.md").write_text(model_card(model.card), encoding="utf-8")


def _texts(model: RiskModel) -> dict[str, bytes]:
    """The files that say what the model is; of a model read from them, the very same bytes."""
    boosters = {f"booster_{horizon.target}.txt": horizon.booster for horizon in model.horizons}
    boosters[TIMING] = model.timing.booster if model.timing is not None else None
    texts = {
        name: booster.model_to_string(num_iteration=-1).encode()
        for name, booster in boosters.items()
        if booster is not None
    }
    return texts | {"model.json": _json(_content(model))}


def _content(model: RiskModel) -> dict[str, Any]:
    return {
        "rule": {"late_after_days": model.rule.late_after_days, "calendar_days": model.rule.calendar_days},
        "feature_names": model.features.names,
        "horizons": [
            {
                "target": horizon.target,
                "days": horizon.days,
                "kind": horizon.kind,
                "base": horizon.base,
                "note": horizon.note,
                "calibration": {"slope": horizon.calibration.slope, "shift": horizon.calibration.shift},
                "uncertainty": horizon.uncertainty.as_dict() if horizon.uncertainty else None,
            }
            for horizon in model.horizons
        ],
        "reference": {name: None if math.isnan(value) else value for name, value in model.reference.items()},
        "card": model.card,
        "timing": None if model.timing is None else timing_told(model.timing),
    }


def _golden(model: RiskModel) -> dict[str, list[Any]]:
    """What a model says of some rows of its sample, from the earliest to the latest."""
    sample = model.sample.to_numpy(np.float64)
    values = sample[np.linspace(0, len(sample) - 1, min(GOLDEN_ROWS, len(sample))).astype(int)]
    given = model.predict(values)
    golden: dict[str, list[Any]] = {str(name): given[name].tolist() for name in given}
    for target, low_and_high in ranges(model, values, given).items():
        for bound, found in zip(("low", "high"), low_and_high, strict=True):
            golden[f"{target}_{bound}"] = found.tolist()
    if model.timing is not None:
        waited = values[:, model.features.names.index("days_past_due")]
        facts = golden_facts(waited, len(model.rule.period_starts))
        days = model.payment_days(values, facts, model.anchors(given))
        golden |= {f"payment_day_{k}": days[:, k].tolist() for k in range(3)}
    return golden


def _json(content: Any) -> bytes:
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return (text + "\n").encode()


def _write_json(path: Path, content: Any) -> None:
    path.write_bytes(_json(content))


def _write_manifest(model: RiskModel, folder: Path) -> str:
    manifest = {
        "files": _hashes({path.name: path.read_bytes() for path in folder.iterdir()}),
        "data_fingerprint": model.card.get("data_fingerprint"),
        "feature_fingerprint": model.features.fingerprint(model.rule),
    }
    _write_json(folder / MANIFEST, manifest)
    return _version((folder / MANIFEST).read_bytes())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _version(manifest: bytes) -> str:
    return _sha256(manifest)[:12]


def _sign(folder: Path, models: Path) -> None:
    """Sign the manifest of a folder; without a key that can be had, leave it unsigned.

    Unasked, a key is made only where no model of the store is signed: a store whose key is elsewhere (another
    machine, a container that forgot) would else hold models of two keys, and refuse the older ones.
    """
    has_signed = any(models.glob(f"*/{SIGNATURE}"))
    key = signing_key() if has_signed and not is_key_named() else made_key()
    if key is not None:
        (folder / SIGNATURE).write_bytes(signature_of((folder / MANIFEST).read_bytes(), key))


def sign_model(folder: Path, manifest: bytes) -> None:
    """Vouch for the manifest of a model with the signing key of this machine; made where there is none.

    Raises SigningError where no key can be had.
    """
    key = made_key()
    if key is None:
        raise SigningError("there is no signing key, and none can be made: name a file with DUECOURSE_KEY")
    write_whole(folder / SIGNATURE, signature_of(manifest, key))


def load_model(folder: Path, features: FeatureSet = CATALOGUE) -> RiskModel:
    """The model of a folder, verified before it is parsed (a corrupt booster text would end the process).

    Raises ArtefactError where a file is missing, changed or extra, where no trusted key vouches for it, or where
    the features or their code have changed since.
    """
    return parsed(verified(folder), folder.name, features)


def verified(folder: Path) -> dict[str, bytes]:
    """The content of a folder's files by name, once hashes and signature are verified; raises ArtefactError."""
    files = whole_files(folder)
    try:
        why_not = why_not_signed(files[MANIFEST], files.get(SIGNATURE), trusted_keys())
    except SigningError as error:
        raise ArtefactError(f"model {folder.name} cannot be verified: {error}") from None
    if why_not:
        raise ArtefactError(
            f"model {folder.name} is not vouched for: {why_not}; train again, roll back, or if you know that it "
            f"is yours, `duecourse models sign {folder.name}`"
        )
    return files


def whole_files(folder: Path) -> dict[str, bytes]:
    """The content of a folder's files by name, once the manifest fits the name and the files the manifest."""
    try:
        return _checked_files(folder)
    except OSError as error:
        raise ArtefactError(
            f"model {folder.name} cannot be read ({error.strerror}: {error.filename}); "
            "mend the rights of its folder, or roll back"
        ) from None


def _checked_files(folder: Path) -> dict[str, bytes]:
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise ArtefactError(f"no model in {folder.name}: {MANIFEST} is missing; train again or roll back")
    content = manifest.read_bytes()
    if _version(content) != folder.name:
        raise ArtefactError(f"model {folder.name} does not match its name: {MANIFEST} was changed; roll back")
    expected = _manifest(content, folder.name)["files"]
    present = {path.name for path in folder.iterdir()} - {MANIFEST, SIGNATURE}
    known = present & set(expected)
    # nothing unexpected is read, for its length, and no pipe or device: reading one would not end
    read = {name: (folder / name).read_bytes() for name in [*known, SIGNATURE] if (folder / name).is_file()}
    wrong = sorted(present ^ set(expected)) + sorted(
        name for name in known if name not in read or _sha256(read[name]) != expected[name]
    )
    if wrong:
        raise ArtefactError(f"model {folder.name} was changed after training: {', '.join(wrong)}; roll back")
    return read | {MANIFEST: content}


def _manifest(content: bytes, version: str) -> dict[str, Any]:
    try:
        manifest = json.loads(content)
        if isinstance(manifest["files"], dict) and isinstance(manifest["feature_fingerprint"], str):
            return manifest
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise ArtefactError(
        f"model {version} is not of this version of duecourse, by its {MANIFEST}; train again"
    )


def _is_intact(folder: Path) -> bool:
    try:
        verified(folder)
    except ArtefactError:
        return False
    return True


def describe_signature(folder: Path) -> str:
    """Who vouches for a model, in words for a list."""
    try:
        files, keys = whole_files(folder), trusted_keys()
    except (ArtefactError, SigningError) as error:
        return f"not verified: {error}"
    signer, why_not = (
        signer_of(files.get(SIGNATURE)),
        why_not_signed(files[MANIFEST], files.get(SIGNATURE), keys),
    )
    if why_not:
        return f"refused: {why_not}"
    if keys:
        return f"signed by the key {signer}"
    return f"signed by the key {signer}, which is not known here" if signer else "not signed"


def parsed(files: dict[str, bytes], version: str, features: FeatureSet = CATALOGUE) -> RiskModel:
    """The model of verified files; raises ArtefactError where they do not make one that answers as it did."""
    try:
        model = _model(files, version, features)
        _check_golden(model, files)
    except ArtefactError:
        raise
    except Exception as error:  # whatever a parser says of a file that it cannot read
        raise ArtefactError(
            f"model {version} cannot be read ({type(error).__name__}: {error}); roll back"
        ) from error
    return model


def _model(files: dict[str, bytes], version: str, features: FeatureSet) -> RiskModel:
    content = json.loads(files["model.json"])
    rule = LatenessRule(**content["rule"])
    trained_with, here = (
        _manifest(files[MANIFEST], version)["feature_fingerprint"],
        features.fingerprint(rule),
    )
    if trained_with != here:
        raise ArtefactError(
            f"model {version} was trained with other features, or other code of them, than this program has "
            f"({trained_with}, here {here}): train again"
        )
    reference = {name: float("nan") if v is None else v for name, v in content["reference"].items()}
    sample = pd.read_parquet(io.BytesIO(files["sample.parquet"]))
    horizons = tuple(_horizon(files, described, features) for described in content["horizons"])
    timing = _timing(files, content.get("timing"))
    return RiskModel(rule, horizons, reference, content["card"], sample, version, features, timing=timing)


def _horizon(files: dict[str, bytes], described: dict[str, Any], features: FeatureSet) -> HorizonModel:
    booster = None
    if described["kind"] in ("boosted", "prior"):
        name = f"booster_{described['target']}.txt"
        booster = lgb.Booster(model_str=files[name].decode("utf-8"))
        if booster.feature_name() != features.names:
            raise ValueError(f"{name} has other columns than the features")
    given: dict[str, Any] = {"calibration": Calibration(**described["calibration"]), "uncertainty": None}
    if described.get("uncertainty"):
        given["uncertainty"] = Uncertainty.from_dict(described["uncertainty"])
    return HorizonModel(**(described | given), booster=booster)


def _timing(files: dict[str, bytes], described: dict[str, Any] | None) -> Timing | None:
    if described is None:
        return None
    booster = lgb.Booster(model_str=files[TIMING].decode("utf-8")) if described["kind"] == "boosted" else None
    return timing_from(described, booster)


def _check_golden(model: RiskModel, files: dict[str, bytes]) -> None:
    """Golden rows reach some leaves of the trees and steps of the tables: the hashes stand for all of them."""
    golden, texts = json.loads(files["golden.json"]), _texts(model)
    if golden.get("hashes") != _hashes(texts) or any(files[name] != text for name, text in texts.items()):
        raise ArtefactError(
            f"model {model.version} is not the one that was saved, by its golden.json; roll back or train again"
        )
    expected, given = golden["answers"], _golden(model)
    if list(expected) != sorted(given) or any(
        not np.allclose(given[name], expected[name], rtol=0, atol=1e-12) for name in expected
    ):
        raise ArtefactError(f"model {model.version} does not reproduce its golden predictions; roll back")


def _hashes(texts: dict[str, bytes]) -> dict[str, str]:
    return {name: _sha256(text) for name, text in texts.items()}
