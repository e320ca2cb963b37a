"""Where does a person in difficulty find help that is not ours? The policy's section `places_of_help`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from serving.messages.linting import code_of

if TYPE_CHECKING:
    from serving.policy.fields import Fields
    from serving.policy.located import Path

SECTION = "places_of_help"
_PHONE = re.compile(r"\+?[0-9][0-9 ()/.-]{2,30}")


@dataclass(frozen=True)
class PlaceOfHelp:
    """One independent place, for people of a country, in a language."""

    country: str
    language: str
    name: str
    what_for: str
    phone: str = ""
    web: str = ""

    @property
    def line(self) -> str:
        """As a text names it: name, what for, and how it is reached."""
        return ", ".join(filter(None, (f"{self.name}: {self.what_for}", self.phone, self.web)))


def places_for(places: Iterable[PlaceOfHelp], country: str, language: str) -> list[PlaceOfHelp]:
    """The places of a country in a language; those of its other languages where there is none."""
    there = [place for place in places if place.country == country]
    spoken = code_of(language)
    return [place for place in there if place.language == spoken] or there


def read_places(found: Fields) -> tuple[PlaceOfHelp, ...]:
    """The section of a policy; problems are reported to `found`."""
    result = []
    for n, entry in enumerate(found.entries((SECTION,))):
        here: Path = (SECTION, n)
        found.keys(here, {"country", "language", "name", "what_for"}, {"phone", "web"})
        for field, pattern, mend in (
            ("country", "[A-Z]{2}", "write an ISO code such as GB"),
            ("language", "[a-z]{2,3}", "write a code such as en"),
        ):
            if field in entry and not re.fullmatch(pattern, str(entry[field])):
                found.report((*here, field), f"'{entry[field]}' is no {field}", mend)
        for field in ("name", "what_for"):
            found.sentence((*here, field), entry, found.never_say)
        if not entry.keys() & {"phone", "web"}:
            found.report(here, "nobody can reach this place", "add phone or web")
        if "phone" in entry and not _PHONE.fullmatch(str(entry["phone"])):
            found.report(
                (*here, "phone"), f"'{entry['phone']}' is no telephone number", 'write "+44 800 000 0000"'
            )
        if "web" in entry and not _is_web(str(entry["web"])):
            found.report((*here, "web"), f"'{entry['web']}' is no web address", "write https://example.org")
        known = {
            name: str(value) for name, value in entry.items() if name in PlaceOfHelp.__dataclass_fields__
        }
        result.append(PlaceOfHelp(**{"country": "", "language": "", "name": "", "what_for": ""} | known))
    return tuple(result)


def _is_web(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme == "https" and bool(parts.netloc) and not re.search(r"\s", text)


def section_of(places: Sequence[PlaceOfHelp]) -> dict[str, Any]:
    """The section as plain data; empty where no place is named."""
    listed = [{name: value for name, value in asdict(place).items() if value} for place in places]
    return {SECTION: listed} if listed else {}
