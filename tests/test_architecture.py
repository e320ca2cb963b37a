"""Does every module import only what it may, stay short, and are the installed libraries recent enough?"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PACKAGES = ("features", "training", "serving", "data_samples")
SOURCES = sorted(path for package in (*PACKAGES, "tests") for path in (ROOT / package).rglob("*.py"))
MOST_LINES = 400
EXPERIMENTS = ROOT / "training" / "registry"
FOR_SERVING = {"training.model", "training.champion", "training.durable"}
"""What of training may be imported when a module of serving is: what the service process needs."""
WATCHING = ROOT / "serving" / "monitoring"
"""A job and never the service, which must not import it: it judges models as training does, with the same measures."""
UNSAFE = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "skops"}
FLOORS = {
    "bentoml": "1.4.39",
    "mlflow": "3.16.1",
    "starlette": "1.0.1",
    "python-multipart": "0.0.18",
    "jinja2": "3.1.6",
    "lightgbm": "4.6.0",
}
"""The earliest versions without a known vulnerability that concerns us."""


@dataclass(frozen=True)
class Import:
    """One imported module, and whether importing the importing module is enough to import it."""

    name: str
    is_immediate: bool
    line: int

    def is_of(self, *packages: str) -> bool:
        return any(self.name == package or self.name.startswith(f"{package}.") for package in packages)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """Every import of a file but those for the type checker alone."""
    return tuple(_imports(tree_of(path), path.relative_to(ROOT).parent.parts, True))


def _imports(node: ast.AST, package: tuple[str, ...], is_immediate: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, is_immediate, node.lineno) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package[: len(package) - node.level + 1] if node.level else ()
        module = ".".join([*above, node.module] if node.module else above)
        names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
        yield from (
            Import(name, is_immediate, node.lineno) for name in names if name == module or is_module(name)
        )
    else:
        inside = is_immediate and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in runtime_children(node):
            yield from _imports(child, package, inside)


def runtime_children(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        yield from node.orelse
    else:
        yield from ast.iter_child_nodes(node)


@cache
def is_module(name: str) -> bool:
    place = ROOT / Path(*name.split("."))
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def files_of(*packages: str) -> list[Path]:
    return [path for path in SOURCES if path.relative_to(ROOT).parts[0] in packages]


def wrong(paths: list[Path], is_wrong: object) -> list[str]:
    assert callable(is_wrong)
    return [
        f"{path.relative_to(ROOT)}:{found.line} imports {found.name}"
        for path in paths
        for found in imports_of(path)
        if is_wrong(found)
    ]


class TestTheArrow:
    def test_there_is_something_to_walk(self) -> None:
        assert all(len(files_of(package)) > 5 for package in PACKAGES)
        names = {found.name for found in imports_of(ROOT / "training" / "train.py")}
        assert {"features.history", "training.model", "training.evaluation"} <= names

    @pytest.mark.parametrize(
        ("package", "others"),
        [
            ("features", ("training", "serving", "data_samples", "tests")),
            ("training", ("serving", "data_samples", "tests")),
            ("serving", ("tests",)),
            ("data_samples", ("training", "serving", "tests")),
        ],
    )
    def test_points_one_way(self, package: str, others: tuple[str, ...]) -> None:
        assert wrong(files_of(package), lambda found: found.is_of(*others)) == []

    def test_serving_starts_with_the_model_and_the_champion_alone(self) -> None:
        def is_wrong(found: Import) -> bool:
            return found.is_immediate and found.is_of("training") and not found.is_of(*FOR_SERVING)

        assert wrong(outside(WATCHING), is_wrong) == []

    def test_the_rest_of_training_is_for_the_verbs_of_the_command(self) -> None:
        others = outside(WATCHING, ROOT / "serving" / "cli")

        def is_wrong(found: Import) -> bool:
            return found.is_of("training") and not found.is_of(*FOR_SERVING)

        assert wrong(others, is_wrong) == []

    def test_only_its_verb_and_itself_know_the_watch(self) -> None:
        others = [path for path in outside(WATCHING) if path != ROOT / "serving" / "cli" / "monitor.py"]
        assert wrong(others, lambda found: found.is_of("serving.monitoring")) == []

    def test_the_verb_imports_the_watch_only_when_it_runs(self) -> None:
        verb = [ROOT / "serving" / "cli" / "monitor.py"]
        assert wrong(verb, lambda found: found.is_immediate and found.is_of("serving.monitoring")) == []

    def test_the_model_needs_no_other_part_of_training_when_it_is_loaded(self) -> None:
        loaded = {ROOT / "training" / "model" / "__init__.py"}
        waiting = set(loaded)
        while waiting:
            names = {found.name for path in waiting for found in imports_of(path) if found.is_immediate}
            waiting = {path for name in names if (path := file_of(name))} - loaded
            loaded |= waiting
        parts = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in loaded}
        assert {part for part in parts if part.startswith("training")} == {
            "training.cohort",  # which questions recalibrate the model, and what came of them
            "training.durable",
            "training.model.__init__",
            "training.model.artefact",
            "training.model.calibration",
            "training.model.card",
            "training.model.cash",
            "training.model.levels",
            "training.model.ranges",
            "training.model.recalibration",
            "training.model.risk_model",
            "training.model.signing",
            "training.model.timing",
            "training.model.uncertainty",
        }


def outside(*folders: Path) -> list[Path]:
    """The files of serving in none of these folders."""
    return [path for path in files_of("serving") if not set(folders) & set(path.parents)]


def file_of(name: str) -> Path | None:
    """The file of one of our own modules."""
    place = ROOT / Path(*name.split("."))
    found = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in found if path in SOURCES), None)


class TestLibraries:
    def test_mlflow_is_known_to_the_registry_alone(self) -> None:
        others = [path for path in files_of(*PACKAGES) if EXPERIMENTS not in path.parents]
        assert wrong(others, lambda found: found.is_of("mlflow")) == []
        assert any(found.is_of("mlflow") for path in EXPERIMENTS.glob("*.py") for found in imports_of(path))

    def test_evidently_is_known_to_monitoring_alone(self) -> None:
        others = [path for path in files_of(*PACKAGES) if path != WATCHING / "distances.py"]
        assert wrong(others, lambda found: found.is_of("evidently")) == []

    @pytest.mark.parametrize(
        ("module", "libraries"), [("rivals", ("xgboost", "catboost")), ("search", ("optuna",))]
    )
    def test_the_extras_are_known_to_one_module_each(self, module: str, libraries: tuple[str, ...]) -> None:
        only = ROOT / "training" / f"{module}.py"
        others = [path for path in files_of(*PACKAGES) if path != only]
        assert wrong(others, lambda found: found.is_of(*libraries)) == []
        imported = [found for found in imports_of(only) if found.is_of(*libraries)]
        assert imported and not any(found.is_immediate for found in imported)

    def test_nothing_pickles(self) -> None:
        assert wrong(SOURCES, lambda found: found.is_of(*UNSAFE)) == []

    @pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
    def test_nothing_runs_text_or_unpickles(self, path: Path) -> None:
        called = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
        assert [f"line {node.lineno}: {ast.unparse(node.func)}" for node in called if is_unsafe(node)] == []

    @pytest.mark.slow
    def test_the_service_starts_without_the_slow_ones(self) -> None:
        program = (
            "import sys, serving.api.app, serving.scoring\n"
            "print(*sorted({name.split('.')[0] for name in sys.modules}))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
        )
        loaded = set(done.stdout.split())
        assert {"lightgbm", "pandas"} <= loaded
        assert not loaded & {"mlflow", "evidently", "shap", "matplotlib", "mapie"}


def is_unsafe(call: ast.Call) -> bool:
    """eval, exec, and the readers that may build any object from a file."""
    name = ast.unparse(call.func)
    if name in ("eval", "exec", "compile", "builtins.eval", "builtins.exec", "__import__"):
        return True
    if name.endswith(("read_pickle", "to_pickle", "yaml.unsafe_load", "yaml.full_load")):
        return True
    given = {word.arg: ast.unparse(word.value) for word in call.keywords}
    if name == "yaml.load":
        return given.get("Loader") not in ("yaml.BaseLoader", "yaml.SafeLoader")
    return given.get("allow_pickle", "False") != "False"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eval('1')", True),
        ("yaml.load(text)", True),
        ("yaml.load(text, Loader=yaml.Loader)", True),
        ("yaml.load(text, Loader=yaml.BaseLoader)", False),
        ("yaml.safe_load(text)", False),
        ("np.load(path, allow_pickle=True)", True),
        ("np.load(path, allow_pickle=False)", False),
        ("re.compile('a')", False),
        ("frame.eval('a + b')", False),
    ],
)
def test_what_counts_as_unsafe(text: str, expected: bool) -> None:
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    assert is_unsafe(call) == expected


@pytest.mark.parametrize("path", files_of(*PACKAGES), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_and_begins_with_what_it_answers(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    said = ast.get_docstring(tree_of(path))
    assert said or not text.strip(), "begin with the question that the file answers"


def test_nine_functions_in_ten_are_under_forty_lines() -> None:
    lengths = [
        (node.end_lineno or 0) - node.lineno + 1
        for path in files_of(*PACKAGES)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert sum(length < 40 for length in lengths) / len(lengths) >= 0.9


class TestVersions:
    @pytest.mark.parametrize(("name", "floor"), FLOORS.items())
    def test_what_is_installed_is_recent_enough(self, name: str, floor: str) -> None:
        assert Version(version(name)) >= Version(floor)

    @pytest.mark.parametrize(("name", "floor"), FLOORS.items())
    def test_what_is_locked_is_recent_enough(self, name: str, floor: str) -> None:
        lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
        locked = re.findall(rf"^{re.escape(name)}==(\S+)", lock, re.MULTILINE)
        assert len(locked) == 1
        assert Version(locked[0]) >= Version(floor)

    @pytest.mark.parametrize(
        ("name", "fewest"), [("requirements.lock", 100), ("requirements-rivals.lock", 3)]
    )
    def test_the_locks_have_hashes_and_no_addresses(self, name: str, fewest: int) -> None:
        lock = (ROOT / name).read_text(encoding="utf-8")
        pins = re.findall(r"^[a-z0-9][\w.\[\],-]*==", lock, re.MULTILINE)
        assert len(pins) >= fewest
        assert lock.count("--hash=sha256:") >= len(pins)
        assert "://" not in lock
