"""In which ways is a model damaged or forged on disk? For the rehearsal in tests/damage.py.

A signature says who vouches for a model, golden.json what was saved. So a file that was changed and signed again
is refused too, whatever number in it was changed. Who holds the key can make golden.json anew as well: that is
another model, by another name, and no damage.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from training.champion import Champion
from training.durable import write_whole
from training.model.artefact import MANIFEST
from training.model.signing import SIGNATURE, made_key, signature_of

Damage = Callable[[Path, random.Random], Path]
"""Damages the model of a folder; gives the folder of what came of it."""


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def truncated(folder: Path, draw: random.Random) -> Path:
    path = draw.choice(files_of(folder))
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(len(content))])
    return folder


def flipped(folder: Path, draw: random.Random) -> Path:
    path = draw.choice(files_of(folder))
    content = bytearray(path.read_bytes())
    for _ in range(draw.choice((1, 1, 2, 50))):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    if bytes(content) == path.read_bytes():  # two flips of one bit
        content[0] ^= 1
    path.write_bytes(bytes(content))
    return folder


def swapped_files(folder: Path, draw: random.Random) -> Path:
    one, other = draw.sample(files_of(folder), 2)
    contents = one.read_bytes(), other.read_bytes()
    other.write_bytes(contents[0])
    one.write_bytes(contents[1])
    return folder


def reordered(folder: Path, draw: random.Random) -> Path:
    path = draw.choice([path for path in files_of(folder) if path.suffix != ".parquet"])
    lines = path.read_bytes().splitlines(keepends=True)
    one, other = draw.sample(range(len(lines)), 2)
    while lines[one] == lines[other]:
        one, other = draw.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    path.write_bytes(b"".join(lines))
    return folder


def extra(folder: Path, draw: random.Random) -> Path:
    more = folder / draw.choice(("booster_p_late_90x.txt", ".hidden", "notes.md", "model.json.bak", "folder"))
    if more.name == "folder":
        more.mkdir()
    else:
        more.write_bytes(draw.randbytes(draw.randrange(100)))
    return folder


def missing(folder: Path, draw: random.Random) -> Path:
    draw.choice(files_of(folder)).unlink()
    return folder


def no_file(folder: Path, draw: random.Random) -> Path:
    """A file gives way to something else of its name."""
    path = draw.choice(files_of(folder))
    path.unlink()
    sort = draw.choice(("folder", "pipe", "dangling link", "link to a device"))
    if sort == "folder":
        path.mkdir()
    elif sort == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/nowhere" if sort == "dangling link" else "/dev/zero")
    return folder


def gone(folder: Path, draw: random.Random) -> Path:
    shutil.rmtree(folder)
    if draw.random() < 0.5:
        folder.mkdir()
    return folder


def changed_text(folder: Path, draw: random.Random) -> None:
    """Other predictions that still parse: what somebody would forge."""
    path = folder / "model.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["horizons"][0]["calibration"]["shift"] += draw.choice((-1, 1)) * draw.uniform(0.01, 2)
    path.write_text(json.dumps(content), encoding="utf-8")


def changed_number(folder: Path, draw: random.Random) -> None:
    """One number somewhere: in a leaf or a branch that few invoices reach, a step of a table, a level, the card."""
    path = draw.choice([folder / "model.json", *sorted(folder.glob("booster_*.txt"))])
    if path.name == "model.json":
        content = json.loads(path.read_text(encoding="utf-8"))
        holder, key = draw.choice(list(_numbers(content)))
        holder[key] += draw.choice((-1, 1, 1e-6))
        path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return
    text = path.read_text(encoding="utf-8")
    digits = [
        at for line in re.finditer(r"^(?:threshold|leaf_value)=.*$", text, re.M) for at in _digits(line)
    ]
    at = draw.choice(digits)  # as long as before: the text says how long its trees are
    path.write_text(text[:at] + str((int(text[at]) + 5) % 10) + text[at + 1 :], encoding="utf-8")


def _digits(line: re.Match[str]) -> list[int]:
    """Where the first digits of the numbers of a line stand: the others may be too small to matter."""
    return [line.start() + number.start(1) for number in re.finditer(r"[= ]-?(\d)", line[0])]


def _numbers(content: Any) -> Iterator[tuple[Any, Any]]:
    """Where in a JSON document a fraction stands: what holds it, and by which key or place."""
    places = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in places:
        if isinstance(value, float):
            yield content, key
        elif isinstance(value, dict | list):
            yield from _numbers(value)


def with_hashes(folder: Path) -> Path:
    """The folder with a manifest that fits its files, named by it."""
    path = folder / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["files"] = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files_of(folder)
        if file.name not in (MANIFEST, SIGNATURE)
    }
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return folder.rename(folder.with_name(hashlib.sha256(path.read_bytes()).hexdigest()[:12]))


def forged(folder: Path, draw: random.Random) -> Path:
    """Consistent hashes, and the signature of another content, of a stranger, or none."""
    changed_text(folder, draw)
    made = with_hashes(folder)
    how = draw.choice(("old", "stranger", "none", "junk"))
    if how == "stranger":
        content = signature_of((made / MANIFEST).read_bytes(), Ed25519PrivateKey.generate())
        (made / SIGNATURE).write_bytes(content)
    elif how == "none":
        (made / SIGNATURE).unlink()
    elif how == "junk":
        (made / SIGNATURE).write_bytes(draw.randbytes(100))
    return made


def signed(folder: Path) -> Path:
    """The folder with hashes that fit, and a valid signature of the real key."""
    made, key = with_hashes(folder), made_key()
    assert key is not None
    (made / SIGNATURE).write_bytes(signature_of((made / MANIFEST).read_bytes(), key))
    return made


def signed_crash(folder: Path, draw: random.Random) -> Path:
    """Booster text that LightGBM may not survive, vouched for by the real key."""
    path = draw.choice(sorted(folder.glob("booster_*.txt")))
    lines = path.read_text(encoding="utf-8").splitlines()
    wanted = draw.choice(
        ("left_child=", "split_feature=", "num_leaves=", "threshold=", "leaf_value=", "tree_sizes=")
    )
    place = draw.choice([at for at, line in enumerate(lines) if line.startswith(wanted)])
    name, _, given = lines[place].partition("=")
    values = given.split(" ")
    how = draw.choice(("huge", "shorter", "negative", "cut"))
    if how == "huge":
        values[draw.randrange(len(values))] = str(draw.choice((10**6, 2**31 - 1)))
    elif how == "negative":
        values[draw.randrange(len(values))] = str(-(10 ** draw.randrange(5, 9)))
    elif how == "shorter":
        values = values[: len(values) // 2]
    lines[place] = f"{name}={' '.join(values)}"
    text = "\n".join(lines) + "\n"
    if how == "cut":
        text = text[: draw.randrange(len(text) // 4, 3 * len(text) // 4)]
    path.write_text(text, encoding="utf-8")
    return signed(folder)


def signed_liar(folder: Path, draw: random.Random) -> Path:
    """A model that parses but is not the one that was judged, vouched for by the real key."""
    sort = draw.choice(("calibration", "number", "number", "golden", "junk", "columns"))
    if sort == "calibration":
        changed_text(folder, draw)
    elif sort == "number":
        changed_number(folder, draw)
    elif sort == "golden":
        (folder / "golden.json").write_text("{}", encoding="utf-8")
    elif sort == "junk":
        file = folder / draw.choice(("model.json", "golden.json", "sample.parquet"))
        file.write_bytes(draw.randbytes(200))
    else:
        path = draw.choice(sorted(folder.glob("booster_*.txt")))
        lines = path.read_text(encoding="utf-8").splitlines()
        at = next(at for at, line in enumerate(lines) if line.startswith("feature_names="))
        names = lines[at].removeprefix("feature_names=").split(" ")
        lines[at] = "feature_names=" + " ".join(names[1:] + names[:1])
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return signed(folder)


def broken_pointer(pointer: Path, champion: Champion, draw: random.Random) -> None:
    """Something else where the champion's pointer was; it names an undamaged model, if it names any."""
    whole = json.dumps(asdict(champion)).encode()
    sort = draw.choice(("cut", "empty", "junk", "elsewhere", "unknown", "list", "gone", "folder", "more"))
    if sort in ("folder", "gone"):
        pointer.unlink()
    if sort == "folder":
        pointer.mkdir()
    elif sort == "cut":
        write_whole(pointer, whole[: draw.randrange(1, len(whole))])
    elif sort == "junk":
        write_whole(pointer, draw.randbytes(draw.randrange(1, 200)))
    elif sort == "list":
        write_whole(pointer, b"[" * draw.choice((1, 100_000)))
    elif sort in ("elsewhere", "unknown", "more"):
        given = json.loads(whole)
        given["version"] = {"elsewhere": f"../models/{given['version']}", "unknown": "0123456789ab"}.get(
            sort, 7
        )
        write_whole(pointer, json.dumps(given).encode())
    elif sort == "empty":
        write_whole(pointer, b"")


KINDS: dict[str, tuple[int, Damage | None]] = {
    "truncated file": (14, truncated),
    "bits flipped": (22, flipped),
    "files swapped": (8, swapped_files),
    "lines reordered": (12, reordered),
    "extra file": (5, extra),
    "missing file": (6, missing),
    "no regular file": (5, no_file),
    "folder gone or empty": (2, gone),
    "forged, hashes consistent": (12, forged),
    "signed text that breaks LightGBM": (3, signed_crash),
    "signed, but not what was judged": (2, signed_liar),
    "pointer damaged": (9, None),
}
"""Share per hundred, and how; None: the pointer itself."""
