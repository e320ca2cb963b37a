"""Is everybody answered in their language, and in English where a text is not translated yet?"""

from __future__ import annotations

from serving.languages import ENGLISH, gettext, language, languages, ngettext, speaking


def test_english_is_there_without_a_catalogue() -> None:
    assert language() == ENGLISH == languages()[0]
    assert gettext("Today") == "Today"
    assert ngettext("%(num)s invoice", "%(num)s invoices", 2) == "%(num)s invoices"


def test_what_no_catalogue_holds_stays_english() -> None:
    with speaking("xx"):
        assert gettext("Today") == "Today"
    assert language() == ENGLISH
