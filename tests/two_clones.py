"""Do two trainings on the same input in two fresh clones give the same model? `python -m tests.two_clones`

The commit checked out here is cloned into two folders. In each, the command a user types trains with a home and
a signing key of its own, in another time zone and with another hash seed. Version and bytes of every file must be
the same, but for the signature, which says whose key it was. `--import FILE --mapping NAME` imports an export in
each clone first; else the sample ledger teaches.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from training.champion import MODELS
from training.model.signing import KEY, SIGNATURE

ROOT = Path(__file__).parent.parent
SURROUNDINGS = (
    {"TZ": "America/Anchorage", "PYTHONHASHSEED": "1", "LC_ALL": "C"},
    {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "77", "LC_ALL": "C.UTF-8"},
)
"""What must make no difference, for the first clone and the second."""


@dataclass(frozen=True)
class Trained:
    """What a training in one clone gave."""

    version: str
    files: dict[str, bytes]
    """Content of the model's files by name, without the signature."""
    signature: bytes


def two_trainings(
    scratch: Path, export: Path | None = None, mapping: str = "", config: Path | None = None
) -> tuple[Trained, Trained]:
    """Train in two fresh clones of the commit checked out here, below `scratch`."""
    one = trained_in(scratch / "one", SURROUNDINGS[0], export, mapping, config)
    return one, trained_in(scratch / "somewhere else" / "two", SURROUNDINGS[1], export, mapping, config)


def trained_in(
    folder: Path, surroundings: dict[str, str], export: Path | None, mapping: str, config: Path | None
) -> Trained:
    """Clone, import where there is something to import, train; raises CalledProcessError where a step fails."""
    clone, home = folder / "clone", folder / "home"
    home.mkdir(parents=True)
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    key = {KEY: str(folder / "signing-key.pem"), "DUECOURSE_HOME": str(home), "PYTHONPATH": str(clone)}
    environment = os.environ | surroundings | key

    def run(*arguments: object) -> str:
        command = [sys.executable, "-m", "serving.cli", *map(str, arguments)]
        return subprocess.run(
            command, cwd=clone, env=environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    ledger = clone / "data_samples" / "sample_ledger"
    if export is not None:
        ledger = folder / "ledger"
        run("import", export.resolve(), "--mapping", mapping, "--to", ledger)
    recipe = ["--config", config.resolve()] if config else []
    version = json.loads(run("train", ledger, *recipe, "--json"))["model_version"]
    files = {path.name: path.read_bytes() for path in (home / MODELS / version).iterdir()}
    signature = files.pop(SIGNATURE)
    return Trained(version, files, signature)


def differences(one: Trained, other: Trained) -> list[str]:
    """What is not the same in two trainings; empty where all is."""
    names = sorted(one.files.keys() | other.files.keys())
    found = [name for name in names if one.files.get(name) != other.files.get(name)]
    return found if one.version == other.version else [f"version {one.version} or {other.version}", *found]


def main() -> None:
    """Print the version of both, or what differs; exit code 1 where anything does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--import", dest="export", type=Path, help="an export of an ERP, with --mapping")
    parser.add_argument("--mapping", default="canonical")
    parser.add_argument("--config", type=Path, help="a mlflow.yaml other than the one of the commit")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        one, other = two_trainings(Path(scratch), given.export, given.mapping, given.config)
    wrong = differences(one, other)
    size = sum(map(len, one.files.values()))
    print(
        f"{len(one.files)} files, {size:,} bytes; signed by different keys: {one.signature != other.signature}"
    )
    print(
        f"not the same: {', '.join(wrong)}" if wrong else f"both are model {one.version}, byte for byte",
    )
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
