"""All terms on one page, in alphabetical order."""

from __future__ import annotations

from typing import Any

from serving.languages import gettext
from serving.pages.glossary import TERMS
from serving.pages.routing import Page, Pages, Visit


def add(pages: Pages) -> None:
    """The page."""
    pages.page(Page("/glossary", "read:models", "glossary.html", view))


def view(visit: Visit) -> dict[str, Any]:
    """Every term and its meaning."""
    ordered = sorted(TERMS.items(), key=lambda each: gettext(each[0]).lower())
    return {
        "terms": [
            {"term": term, "name": gettext(term), "meaning": gettext(meaning)} for term, meaning in ordered
        ]
    }
