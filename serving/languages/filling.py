"""How do values come into a sentence? One that ends in a point ends the sentence too: "am 4. Okt.", not "4. Okt..".

    filled("Bis zum %(day)s.", {"day": "4. Okt."})   "Bis zum 4. Okt."
    filled("Bis zum %(day)s.", {"day": "4. Mai"})    "Bis zum 4. Mai."

The same holds for a name ("Northwind Inc.") and for what stands in a tag (<time>4. Okt.</time>).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

Text = TypeVar("Text", bound=str)
_ENDS_SENTENCE = re.compile(r"(?<!%)%\((\w+)\)[sd]\.(?![\w.])")
"""A place right before a full stop; in %(name)s.json and %(name)s... the points belong to a longer word."""
_TAGS_AT_END = re.compile(r"(?:</\w+>)+$")


class Sentence(str):
    """A text to be filled with % as `filled` fills it."""

    __slots__ = ()

    def __mod__(self, values: Any) -> str:
        return filled(str(self), values) if isinstance(values, Mapping) else str(self) % values


def filled(template: Text, values: Mapping[str, Any]) -> Text:
    """The template with its values, and never two points where one of them ends its sentence."""
    if any(_ends_in_point(values.get(name)) for name in _last(str(template))):
        template = type(template)(_ENDS_SENTENCE.sub(lambda found: _without_point(found, values), template))
    return template % values  # type: ignore[return-value]


@lru_cache(8_192)
def _last(template: str) -> tuple[str, ...]:
    """The places that stand right before a full stop."""
    return tuple(_ENDS_SENTENCE.findall(template))


def _without_point(found: re.Match[str], values: Mapping[str, Any]) -> str:
    return found[0][:-1] if _ends_in_point(values.get(found[1])) else found[0]


def _ends_in_point(value: Any) -> bool:
    return isinstance(value, str) and _TAGS_AT_END.sub("", value).endswith(".")
