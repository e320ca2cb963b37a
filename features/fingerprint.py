"""Which code computes feature values, and has it changed since a model was trained?

The modules are found, not listed: those that define the features, and every module of `features` that these
import, directly or not. Their syntax trees are hashed without comments, docstrings and layout, so that a word
in a comment does not invalidate a champion, while a changed constant in the running totals does. The hash is
the same under Python 3.11 and 3.12.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PACKAGE = "features"
WITHOUT_VALUES = frozenset({"features.fingerprint", "features.ledger.problems", "features.ledger.writing"})
"""What is hashed, how a problem is worded and how a ledger is written to disk moves no feature."""
_ROOT = Path(__file__).parent.parent
# Python 3.12 knows type parameters; the prefix of u"" and type comments mean nothing to a value.
_NO_MEANING = frozenset({"type_params", "type_comment", "kind", "ctx"})


def code_fingerprint(modules: Iterable[str]) -> str:
    """Hash of the code of some modules and of all that they import of `features`; SHA-256 in hex."""
    return _fingerprint(frozenset(modules))


def value_modules(modules: Iterable[str]) -> list[str]:
    """The modules that the hash covers, sorted."""
    found: set[str] = set()
    waiting = set(modules)
    while waiting:
        found |= waiting
        waiting = {name for module in waiting for name in _read(module)[1]} - found - WITHOUT_VALUES
    return sorted(found)


@cache
def _fingerprint(modules: frozenset[str]) -> str:
    parts = [f"{name} {_read(name)[0]}" for name in value_modules(modules)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def _read(module: str) -> tuple[str, frozenset[str]]:
    """The hash of a module's code, and the modules of `features` that it imports."""
    tree = ast.parse(_file_of(module).read_text(encoding="utf-8"))
    return code_hash(tree), frozenset(_imported(tree))


def _file_of(module: str) -> Path:
    place = _ROOT.joinpath(*module.split("."))
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    elsewhere = getattr(sys.modules.get(module), "__file__", None)
    return Path(elsewhere) if elsewhere and not file.exists() else file


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_ours(alias.name))
        elif isinstance(node, ast.ImportFrom) and not node.level and _is_ours(node.module or ""):
            yield str(node.module)
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name for name in names if _file_of(name).exists())


def _is_ours(module: str) -> bool:
    return module == PACKAGE or module.startswith(f"{PACKAGE}.")


def code_hash(tree: ast.AST) -> str:
    """SHA-256 of a syntax tree without docstrings, comments and places."""
    words: list[str] = []
    _write(tree, words)
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def _write(node: object, words: list[str]) -> None:
    """Append a node in words that do not depend on the version of Python."""
    if isinstance(node, ast.AST):
        words.append(type(node).__name__)
        for name, value in ast.iter_fields(node):
            if name not in _NO_MEANING:
                # Python 3.12 cuts f-strings elsewhere than 3.11
                _write(_joined(value) if isinstance(node, ast.JoinedStr) else value, words)
    elif isinstance(node, list):
        words.append("[")
        for each in node:
            if not _is_remark(each):
                _write(each, words)
        words.append("]")
    else:
        words.append(repr(node))


def _is_remark(node: object) -> bool:
    """A text that stands alone is a docstring, of whatever it follows."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _joined(parts: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string with neighbouring texts made one, and empty ones left out."""
    merged: list[ast.expr] = []
    for part in parts:
        text = part.value if isinstance(part, ast.Constant) else None
        last = merged[-1] if merged else None
        if text == "":
            continue
        if isinstance(text, str) and isinstance(last, ast.Constant):
            merged[-1] = ast.Constant(str(last.value) + text)
        else:
            merged.append(part)
    return merged
