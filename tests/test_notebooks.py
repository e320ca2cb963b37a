"""Do the notebooks run from a clean kernel, and do their committed copies read well anywhere?

`python -m tests.test_notebooks` runs them all and renews the outputs that are committed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST_KILOBYTES = 400
MOST_KILOBYTES_OF_AN_OUTPUT = 70
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(home|work|tmp|root|usr|opt|var|mnt|Users)/|\b[A-Z]:\\")
# The kernel's own warnings about its shutdown are not the notebook's.
EVERY_WARNING_FAILS = (
    "import warnings; warnings.simplefilter('error'); warnings.filterwarnings('ignore', module='ipykernel')"
)

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def complaints(notebook: Any) -> list[str]:
    """What went wrong while the notebook ran: errors, and whatever was written to stderr."""
    return [
        output.get("text") or output.get("evalue", "")
        for output in outputs(notebook)
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


def question_of(notebook: Any) -> str:
    return str(notebook.cells[0].source).splitlines()[0].removeprefix("# ")


def executed(path: Path, folder: Path) -> Any:
    """The notebook, run in `folder` by a kernel of its own in which every warning is an error."""
    client = NotebookClient(
        nbformat.read(path, as_version=4),
        kernel_name="python3",
        timeout=600,  # a busy machine is no fault of the notebook
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=[f"--IPKernelApp.exec_lines={EVERY_WARNING_FAILS}"],
    )
    return client.execute()


def renew(path: Path) -> None:
    """Writes the notebook with the outputs of a fresh run, and nothing of the machine it ran on."""
    notebook = executed(path, ROOT)
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


def test_there_is_a_notebook() -> None:
    assert [path.name for path in NOTEBOOKS][:1] == ["01_the_ledger.ipynb"]


@each_notebook
def test_is_a_valid_notebook_without_a_clock(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    nbformat.validate(content)
    assert not [cell["id"] for cell in content["cells"] if "execution" in cell["metadata"]]


@each_notebook
def test_first_cell_asks_the_question_that_the_readme_lists(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[0].cell_type == "markdown"
    assert re.match(r"# .+\?$", notebook.cells[0].source.splitlines()[0])
    assert f"[{path.name}]({path.name})" in (FOLDER / "README.md").read_text(encoding="utf-8")
    assert question_of(notebook) in (FOLDER / "README.md").read_text(encoding="utf-8")


@each_notebook
def test_was_committed_as_it_ran_from_top_to_bottom(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    assert complaints(notebook) == []


@each_notebook
def test_is_small(path: Path) -> None:
    assert path.stat().st_size < MOST_KILOBYTES * 1024
    sizes = [len(json.dumps(output)) // 1024 for output in outputs(nbformat.read(path, as_version=4))]
    assert max(sizes) < MOST_KILOBYTES_OF_AN_OUTPUT


@each_notebook
def test_names_no_folder_of_a_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = MACHINE_PATH.search(text)
    assert found is None, f"{path.name} names a folder of a machine: …{text[found.start() :][:60]!r}"
    assert str(ROOT) not in text


@each_notebook
def test_every_chart_says_in_words_what_it_shows(path: Path) -> None:
    charts = [
        output.data["image/svg+xml"]
        for output in outputs(nbformat.read(path, as_version=4))
        if "image/svg+xml" in output.get("data", {})
    ]
    assert charts
    assert [chart[:60] for chart in charts if 'aria-label="' not in chart] == []


@pytest.mark.parametrize("text", ["'/home/ada/ledger'", r"C:\Users", " /tmp/x", '"/var/main"'])
def test_machine_paths_are_recognised(text: str) -> None:
    assert MACHINE_PATH.search(text)


@pytest.mark.parametrize("text", ["../data_samples/data_dictionary.md", "http://www.w3.org/home/svg"])
def test_relative_paths_and_addresses_are_no_machine_paths(text: str) -> None:
    assert not MACHINE_PATH.search(text)


@pytest.mark.slow
@each_notebook
def test_runs_the_same_from_the_root_and_from_its_folder(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    from_root, from_folder = executed(path, ROOT), executed(path, FOLDER)
    assert complaints(from_root) == []
    assert outputs(from_root) == outputs(from_folder)


if __name__ == "__main__":
    for notebook_path in NOTEBOOKS:
        renew(notebook_path)
