"""Which keys do these pages know? Shown by `?` on every page, and a page of its own."""

from __future__ import annotations

from typing import Any

from serving.languages import gettext
from serving.pages.routing import Page, Pages, Visit


def add(pages: Pages) -> None:
    """The page."""
    pages.page(Page("/help", "", "help.html", view))


def view(visit: Visit) -> dict[str, Any]:
    """The keys and what each does."""
    return {
        "keys": [
            {"keys": keys, "does": does}
            for keys, does in (
                (["j", "k"], gettext("the next and the previous line of a list")),
                (["Enter"], gettext("open the line you are on")),
                (["s"], gettext("on Today: set the case aside until a day")),
                (["a"], gettext("on Today: hand the case over to somebody")),
                (["m"], gettext("on Today: move the case to another place of the list")),
                (
                    ["/"],
                    gettext(
                        "search: on Today any customer and any invoice, and from most pages the way there"
                    ),
                ),
                (["Esc"], gettext("leave a field, or close what is open")),
                (["?"], gettext("show these keys")),
            )
        ]
    }
