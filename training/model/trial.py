"""May this process parse a model? Only once another process has survived it.

Hashes and signatures say who made a model, not that it is sound, and LightGBM ends the process on some broken
texts, or loops for ever. So a version that this process has not met is first parsed by a child,
`python -m training.model.trial FOLDER MANIFEST_HASH`, with limits of memory and time. It walks every tree,
answers the golden predictions and explains them; only then does the parent parse the very bytes that the child
has tried.

Tried before a model takes charge and before a running service takes it up. Commands that score once
(`score`, `explain`) verify hashes and signature and spare the two seconds: their champion was tried when it took
charge, and a crash would end one command that has written nothing.
"""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from training.model.artefact import MANIFEST, ArtefactError, parsed, sign_model, verified, whole_files
from training.model.risk_model import RiskModel

MOST_PROCESSOR_SECONDS = 60
MOST_SECONDS = 600
"""By the clock: on a busy machine a sound model takes long too."""
MOST_BYTES = 8 << 30
"""Of address space: libraries and threads reserve far more than they use."""
EXPLAINED_ROWS = 5
_SAID = "trial: "
_tried: set[str] = set()
"""Manifests, by their hash, that a child of this process survived."""


def load_tried(folder: Path) -> RiskModel:
    """The model of a folder, verified, and parsed by a child before this process does; raises ArtefactError."""
    files = verified(folder)
    _try(folder, files[MANIFEST])
    return parsed(files, folder.name)


def sign_tried(folder: Path) -> None:
    """Sign a model that is whole and survives its trial; raises ArtefactError, SigningError where it is not signed."""
    manifest = whole_files(folder)[MANIFEST]
    _try(folder, manifest)
    sign_model(folder, manifest)


def _try(folder: Path, manifest: bytes) -> None:
    """Raises ArtefactError unless a child finds the folder of this manifest sound."""
    digest = hashlib.sha256(manifest).hexdigest()
    if digest not in _tried:
        why_not = _said_by_child(folder, digest)
        if why_not:
            raise ArtefactError(why_not)
        _tried.add(digest)


def _said_by_child(folder: Path, digest: str) -> str:
    """Why the model is not sound; empty where it is."""
    ours = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "training.model.trial", str(folder), digest],
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=MOST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"model {folder.name} kept its trial busy for {MOST_SECONDS} seconds; roll back"
    except OSError as error:
        return f"model {folder.name} could not be tried: no process could be started ({error.strerror})"
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    said = [line.removeprefix(_SAID) for line in lines if line.startswith(_SAID)]
    if said and (done.returncode == 0) == (said[-1] == ""):
        return said[-1]
    how = signal.Signals(-done.returncode).name if done.returncode < 0 else f"exit code {done.returncode}"
    return f"model {folder.name} ended the process that parsed it ({how}); roll back"


def try_here(folder: Path, digest: str) -> None:
    """Parse, walk, answer and explain the model of a manifest in this process; raises ArtefactError."""
    files = whole_files(folder)
    if hashlib.sha256(files[MANIFEST]).hexdigest() != digest:
        raise ArtefactError(f"model {folder.name} changed while it was tried; try again")
    model = parsed(files, folder.name)
    for horizon in model.horizons:
        if horizon.booster is not None:
            _walk(horizon.booster.dump_model(), len(model.features.names))
    model.explain(model.sample.to_numpy(np.float64)[:EXPLAINED_ROWS])


def _walk(dumped: dict[str, Any], columns: int) -> None:
    """Golden rows reach some branches; whatever row comes, no branch may ask for a column that is not there."""
    waiting = [tree["tree_structure"] for tree in dumped["tree_info"]]
    while waiting:
        node = waiting.pop()
        if "split_feature" in node:
            if not 0 <= node["split_feature"] < columns:
                raise ArtefactError(
                    f"a tree splits on column {node['split_feature']} of {columns}; roll back"
                )
            waiting += (node["left_child"], node["right_child"])


def main(folder: Path, digest: str) -> int:
    """The child: says on one line of its output what it found; the exit code."""
    for limited, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, MOST_PROCESSOR_SECONDS),
        (resource.RLIMIT_AS, MOST_BYTES),
    ):
        hardest = resource.getrlimit(limited)[1]
        resource.setrlimit(
            limited, (most if hardest == resource.RLIM_INFINITY else min(most, hardest), hardest)
        )
    why_not = ""
    try:
        try_here(folder, digest)
    except ArtefactError as error:
        why_not = " ".join(str(error).splitlines())
    print(f"\n{_SAID}{why_not}", flush=True)
    return 1 if why_not else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
