"""How is a finished English sentence told in the language of the moment?"""

from __future__ import annotations

from serving.languages import gettext


def retold(sentence: str) -> str:
    """The sentence in the language of the moment, as far as its words are known."""
    return gettext(sentence)
