"""Does the fingerprint follow every line of code that computes a feature value, and nothing else?"""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from features import fingerprint
from features.catalogue import CATALOGUE
from features.featureset import BESIDE
from features.fingerprint import WITHOUT_VALUES, code_fingerprint, code_hash, value_modules

MODULES = {*(each.module for each in CATALOGUE.features), BESIDE}


def hashed(text: str) -> str:
    return code_hash(ast.parse(text))


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("x = 1", "x  =  1  # why", True),
        ("x = 1", "x = 2", False),
        ("x = 1", "x = 1.0", False),
        ("x = 1", "x = True", False),
        ("x = 'a'", 'x = "a"', True),
        ("x = 'a'", "x = b'a'", False),
        ("def f(): return 1", "def f():\n    '''What.'''\n    return 1", True),
        ("x: int\ny: int", "x: int\n'''A count.'''\ny: int", True),
        ("class A: x = 1", "class A:\n    '''What.'''\n    x = 1", True),
        ("f(a)[b]", "f(a[b])", False),
        ("a < b", "a <= b", False),
        ("f'{x}' 'a' ''", "f'{x}a'", True),
        ("f'{x:.2f}'", "f'{x:.3f}'", False),
        ("f'{x!r}'", "f'{x}'", False),
        ("x = [[a], b]", "x = [[a, b]]", False),
    ],
)
def test_what_is_the_same_code(one: str, other: str, is_same: bool) -> None:
    assert (hashed(one) == hashed(other)) == is_same


def test_every_python_gives_the_same_hash() -> None:
    """Pinned, because no single Python can tell that another one agrees: f-strings are cut differently."""
    text = "def f(a, b):\n    return f'{a[\"k\"]!r:>{b}} {a=} {{x}} {b:%Y-%m-%d}' 'tail' f'{b:,.{a}f}'\n"
    assert hashed(text) == "1855081c72ec5a8c3525da1d07928a9a2fc56b7c859503fdf064d22066d03202"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of `features` that the fingerprint is taken of, to be changed."""
    package = Path(fingerprint.__file__).parent
    shutil.copytree(package, tmp_path / "features", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "_ROOT", tmp_path)
    monkeypatch.setattr(fingerprint, "_read", read)
    yield tmp_path / "features"
    fingerprint._fingerprint.cache_clear()


READ: dict[tuple[str, str], tuple[str, frozenset[str]]] = {}
READING = fingerprint._read.__wrapped__


def read(module: str) -> tuple[str, frozenset[str]]:
    """What a module holds; the same text is read once, in however many copies it stands."""
    key = (module, fingerprint._file_of(module).read_text(encoding="utf-8"))
    if key not in READ:
        READ[key] = READING(module)
    return READ[key]


def fresh() -> str:
    fingerprint._fingerprint.cache_clear()
    return code_fingerprint(MODULES)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("totals.py", "DAY_BITS = ", "DAY_BITS = 1 + "),
        ("lateness.py", "late_after_days: int = 5", "late_after_days: int = 6"),
        ("catalogue/habit.py", 'mean("days_late")', 'sum("days_late")'),
        ("ledger/cells.py", "import re", "import re as re"),
        (
            "ledger/events.py",
            "from __future__ import annotations",
            "from __future__ import annotations\nx = 1",
        ),
    ],
)
def test_a_changed_line_changes_it(copied: Path, file: str, old: str, new: str) -> None:
    before = fresh()
    text = (copied / file).read_text(encoding="utf-8")
    assert old in text
    (copied / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    assert fresh() != before


@pytest.mark.parametrize("module", sorted(set(value_modules(MODULES))))
def test_every_module_of_values_counts_and_no_remark_does(copied: Path, module: str) -> None:
    place = copied.parent.joinpath(*module.split("."))
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    before, text = fresh(), file.read_text(encoding="utf-8")
    file.write_text(f"# a remark\n{text}\n'''Another.'''\n", encoding="utf-8")
    assert fresh() == before
    file.write_text(f"{text}\nANOTHER = 1\n", encoding="utf-8")
    assert fresh() != before


def test_what_runs_when_features_are_computed_is_covered() -> None:
    """All of `features` but what is named here: a new module counts unless somebody says why not."""
    package = Path(fingerprint.__file__).parent
    files = {path.relative_to(package.parent).with_suffix("") for path in package.rglob("*.py")}
    everything = {".".join(file.parts).removesuffix(".__init__") for file in files}
    aside = {"features.catalogue", "features.mappings", "features.pages", "features.reasons"}
    aside |= {"features.ledger.importing", "features.ledger.mapping"}
    assert everything - set(value_modules(MODULES)) == aside | WITHOUT_VALUES


def test_features_of_another_module_count_too() -> None:
    assert code_fingerprint({__name__}) != code_fingerprint(MODULES)
    assert __name__ in value_modules({__name__})
