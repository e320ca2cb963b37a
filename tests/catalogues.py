"""Which texts are there to translate? `python -m tests.catalogues` writes them into every catalogue.

Three kinds: what templates and views mark (gettext and its kin); codes that are shown as words (context "code"); and
sentences that Python makes in English, stores and sends, and pages tell again (context "sentence"), with a named
place for each value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any, get_args, get_type_hints

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from features.reasons import REASON_CODES
from serving import roles
from serving.alerts.rules import RULES
from serving.desk.kinds import KINDS
from serving.kpis.catalogue import DEFINITIONS, SECTIONS
from serving.languages import CATALOGUES, ENGLISH, languages
from serving.languages.phrases import phrases
from serving.pages.glossary import TERMS
from serving.policy import Policy
from serving.policy.accounts import DECISIONS, OUTCOMES
from serving.policy.reading import Parts
from serving.policy.sentences import spaced

ROOT = Path(__file__).resolve().parent.parent
SERVING = ROOT / "serving"
KEYWORDS: dict[str, Any] = {
    "_": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2), "marked": None
}  # fmt: skip
METHODS = [("pages/templates/**.html", "jinja2"), ("**.py", "python")]
LISTED = (
    "serving.pages.frame:TOLD", "serving.pages.frame:PLACES", "serving.worklist:LEFT_OUT",
    "serving.pages.health:MEASURES", "serving.pages.health:TITLES", "serving.pages.health:GROUPINGS",
    "serving.pages.model:TITLES", "serving.pages.model:KINDS", "serving.pages.charts:BUCKETS",
    "serving.pages.invoice:QUESTIONS", "serving.pages.portfolio:BAND_TITLES",
)  # fmt: skip
"""Texts in lists, looked up where they are shown."""
MORE_CODES = (
    "raises", "lowers", "base", "result", "none", "little", "some", "ample", "internal", "email", "letter", "phone",
    "visit", "contact", "urgent", "warning", "notice", "open", "acknowledged", "assigned", "closed", "seen",
    "kept", "partially_kept", "broken", "cancelled", "cause not stated", "topic not stated", "AR system",
    "company", "sole_trader", "public_body", "AR assistant",
    "reached", "will_pay", "promised", "disputed", "plan_offered", "no_answer", "call_ended_call_back",
    "pricing", "delivery", "quality", "po_missing", "duplicate", "other", "not stated",
    "cannot_pay", "will_not_pay", "forgot", "process_delay", "read", "write",
    "open_terms", "reduced_limit", "part_prepaid", "cash_on_delivery", "refer",
    "settled", "created", "changed", "erased", "activated", "kept_policy", "issue to sending", "delivery to issue",
    "nothing", "add", "change", "erase", "save policy", "activate policy", "add user", "change role", "change password",
    "revoke user", "end session", "join user", "add token", "revoke token", "restore", "forget", "scopes", "until",
    "cash short", "purchase order missing", "invoice arrived late", "overlooked", "awaiting approval", "trade insurer",
)  # fmt: skip
_MANY = re.compile(r"""\bmany\(\s*(?:[^()"]+,\s*)?"([a-z ]+)"(?:\s*,\s*"([a-z ]+)")?""")


def messages() -> Catalog:
    """Every text there is, in English, in the order of where it stands."""
    found = Catalog(charset="utf-8")
    for text, context, where in (*_marked(), *_counted(), *_listed(), *_rights(), *_codes(), *_sentences()):
        if isinstance(text, str) and not text.strip():
            continue
        found.add(text, context=context or None, locations=[(where, 0)] if where else [])
    return found


def _marked() -> Iterator[tuple[Any, str, str]]:
    found = extract_from_dir(
        SERVING,
        METHODS,
        options_map={"pages/templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}},
        keywords=KEYWORDS,
    )
    for name, _line, text, _comments, context in found:
        yield text, context or "", name


def _counted() -> Iterator[tuple[Any, str, str]]:
    """What `many` counts, in templates and views."""
    for path in sorted([*SERVING.glob("pages/templates/*.html"), *SERVING.glob("pages/**/*.py")]):
        for one, more in _MANY.findall(path.read_text("utf-8")):
            yield (f"%(num)s {one}", f"%(num)s {more or one + 's'}"), "", str(path.relative_to(SERVING))


def _listed() -> Iterator[tuple[Any, str, str]]:
    for name, meaning in TERMS.items():
        yield name, "", "pages/glossary.py"
        yield meaning, "", "pages/glossary.py"
    for place in LISTED:
        module, _, name = place.partition(":")
        for text in _texts(getattr(import_module(module), name)):
            yield text, "", module.replace(".", "/").removeprefix("serving/") + ".py"
    for code in REASON_CODES.values():
        yield code.label, "", "features/reasons.py"
    for title in (*SECTIONS, *(figure.title for figure in DEFINITIONS.values())):
        yield title, "", "kpis/catalogue.py"


def _rights() -> Iterator[tuple[Any, str, str]]:
    for text in roles.RIGHTS.values():
        yield text, "", "roles.py"


def _texts(value: Any) -> Iterator[str]:
    """The texts in a list or a dictionary: not its codes, addresses and rights."""
    if isinstance(value, str):
        if re.search(r"[A-Z]|[a-z] ", value[:1] + value) and not re.fullmatch(
            r"[a-z_]+[:/]?[a-z_]*|/.*", value
        ):
            yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each) if not isinstance(each, str) else (each,)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _codes() -> Iterator[tuple[Any, str, str]]:
    for code in sorted(_code_words()):
        yield code, "code", "codes"


def _code_words() -> set[str]:
    parts = Policy.load().parts
    found = {*parts.tiers, *parts.actions, *parts.strategies, *roles.ROLES, roles.LOCAL}
    found |= {action.who for action in parts.actions.values()}
    found |= {action.channel for action in parts.actions.values()}
    found |= {register.name for register in parts.registers} | set(parts.numbers) | set(parts.facts)
    for kind, content in KINDS.items():
        found |= {kind, *content.model_fields}
        for hint in get_type_hints(content).values():
            found |= set(_literals(hint))
    found |= {guard.id for guard in parts.guards} | {*RULES, *DECISIONS, *OUTCOMES}
    found |= set(_rules_of(parts))
    found |= {rule.first_action for rule in RULES.values()}
    return {spaced(each) for each in (found | set(MORE_CODES)) if re.search("[a-z]{2}", each)}


def _rules_of(parts: Parts) -> Iterator[str]:
    """The id of every rule of a policy."""
    steps = [step for strategy in parts.strategies.values() for step in strategy.steps]
    yield from (each.id for each in (*parts.tier_rules, *parts.segments, *steps))
    if parts.credit:
        yield from (each.id for each in parts.credit.rules)
    if parts.reviews:
        yield from (each.id for each in parts.reviews.outcomes)
    if parts.exits:
        yield from (parts.exits.hand_over.id, parts.exits.write_down.id)


def _literals(hint: Any) -> Iterator[str]:
    for each in get_args(hint):
        if isinstance(each, str):
            yield each
        else:
            yield from _literals(each)


def _sentences() -> Iterator[tuple[Any, str, str]]:
    for text in phrases():
        yield text, "sentence", "languages/phrases.py"


def updated(code: str) -> Catalog:
    """The catalogue of a language with every text of now: what was translated stays, what is gone goes."""
    known = catalogue(code)
    made = Catalog(
        locale=code,
        charset="utf-8",
        header_comment=_header(code),
        creation_date=known.creation_date,
        fuzzy=False,
    )
    for message in messages():
        if message.id:
            old = known.get(message.id, message.context)
            made.add(message.id, old.string if old and not old.fuzzy else None, message.locations,
                     context=message.context)  # fmt: skip
    return made


def catalogue(code: str) -> Catalog:
    """A language's catalogue as it is."""
    return read_po(BytesIO((CATALOGUES / f"{code}.po").read_bytes()), locale=code)


def flaws(code: str) -> Iterator[str]:
    """Every text that a catalogue lacks, or tells with other places; and what it holds that nobody says."""
    known, wanted = catalogue(code), messages()
    for message in wanted:
        if message.id:
            yield from _flaws_of(message, known.get(message.id, message.context), code)
    for message in known:
        if message.id and wanted.get(message.id, message.context) is None:
            yield f"{code}: {message.id!r} is said nowhere"


def _flaws_of(message: Message, told: Message | None, code: str) -> Iterator[str]:
    name = f"{code}: {message.id!r}" + (f" ({message.context})" if message.context else "")
    strings = () if told is None else told.string if isinstance(told.string, tuple) else (told.string,)
    if told is None or not all(strings):
        yield f"{name} is not translated"
    elif told.fuzzy:
        yield f"{name} is fuzzy"
    elif message.pluralizable and len(strings) != 2:
        yield f"{name} needs one text for one and one for many"
    else:
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        allowed = set().union(*(_places(each) for each in ids))
        for text, own in zip(strings, ids, strict=True):
            # the form for one may leave its count unsaid: "ein Tag"
            needed = _places(own) - (
                {"count", "num", "n"} if message.pluralizable and own is ids[0] else set()
            )
            if (found := _places(text)) - allowed or needed - found:
                yield f"{name} has the places {sorted(allowed)}, its translation {sorted(found)}: {text!r}"


def _places(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)[sd]", text))


def _header(code: str) -> str:
    """What stands at the top of a catalogue: kept as it is, with the terms of the field in three languages."""
    lines = (CATALOGUES / f"{code}.po").read_text("utf-8").splitlines()
    return "\n".join(
        line for line in lines[: next((n for n, each in enumerate(lines) if not each.startswith("#")), 0)]
    )


def write() -> None:
    """Bring every catalogue up to date, and say what is left to translate."""
    for code in languages():
        if code != ENGLISH:
            made = updated(code)
            with (CATALOGUES / f"{code}.po").open("wb") as target:
                write_po(target, made, width=110, include_lineno=False, omit_header=False)
            left = sum(
                1 for each in made if each.id and not (all(each.string) if each.pluralizable else each.string)
            )
            print(f"{code}: {len(made)} texts, {left} to translate")


if __name__ == "__main__":
    write()
