"""The verb `documents`: the pages of the project that are made from its code."""

from __future__ import annotations

import re
from pathlib import Path

import click

from serving.cli.common import out, refusing

ROOT = Path(__file__).parents[2]
PACKAGES = ("features", "training", "serving")


def pages() -> dict[str, str]:
    """The text of every page that is made from code, by its path in the project."""
    from features.pages import catalogue_page, reasons_page
    from serving.cli import main
    from serving.reference import reference_page
    from serving.scoring import COLUMNS

    return {
        "features/catalogue.md": catalogue_page(),
        "features/reasons.md": reasons_page(),
        "serving/reference.md": reference_page(main, COLUMNS, variables()),
    }


def variables() -> set[str]:
    """Every environment variable of ours that the source names."""
    sources = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    own = ROOT / "serving" / "reference.py"
    texts = [path.read_text(encoding="utf-8") for path in sources if path != own]
    return {name for text in texts for name in re.findall(r"\bDUECOURSE_[A-Z]+(?:_[A-Z]+)*\b", text)}


@click.command()
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="The folder of the project, or any other.",
)
@refusing()
def documents(to: Path) -> None:
    """Write the pages made from code: the features, the reason codes, and the reference of commands.

    They are kept in the project; a test fails where they differ from the code.
    """
    for name, text in pages().items():
        path = to / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        out.print(f"Wrote {path}", markup=False)


VERBS = (documents,)
