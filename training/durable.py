"""How does a file appear whole or not at all, also through a power cut?"""

from __future__ import annotations

import os
import threading
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` in place of a file: a reader sees the old file or the new one, never a part."""
    scratch = path.with_name(f".writing-{os.getpid()}-{threading.get_ident()}-{path.name}")
    try:
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    make_durable(path.parent)


def make_durable(path: Path) -> None:
    """Wait until a file, or the list of files of a folder, is on disk: a rename survives only with its folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
