"""Does an entry of a policy have the keys and values it should? The small questions, asked everywhere."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from serving.conditions import Condition, ConditionError, Term, Vocabulary, nearest, parse
from serving.messages.linting import DEFAULT_LANGUAGE, lint
from serving.policy.located import Located, Path, spoken
from serving.policy.tone import looks_at_scores, unwelcome
from serving.policy.vocabulary import CASE_TERMS

RESERVED = {"and", "or", "not", "in", "is", "if", "else", "for", "lambda", "from", "with", "as", "otherwise"}


class Fields:
    """Looks at places of a located text and reports what is wrong there; reads on whatever it finds."""

    def __init__(self, found: Located) -> None:
        self.found, self.data, self.report = found, found.data, found.report
        self.vocabulary: dict[str, Term] = dict(CASE_TERMS)
        self.facts: dict[str, Condition] = {}
        self.ids: dict[str, Path] = {}
        self.never_say: tuple[str, ...] = ()

    def at(self, path: Path) -> Any:
        value = self.data
        for step in path:
            value = value[step] if isinstance(step, int) else (value or {}).get(step)
        return value

    def keys(self, path: Path, required: set[str], optional: set[str]) -> None:
        entry = self.at(path)
        for key in entry.keys() - required - optional:
            self.report((*path, key), f"unknown key '{key}'", nearest(key, required | optional), at_name=True)
        for key in sorted(required - entry.keys()):
            self.report(path, f"'{key}' is missing", f"add {key}:")

    def mapping(self, path: Path) -> dict[str, Any]:
        return self.shaped(path, dict, "name: value lines")

    def entries(self, path: Path) -> list[dict[str, Any]]:
        entries = self.shaped(path, list, "a list of entries that start with '- '")
        for n, entry in enumerate(entries):
            if not isinstance(entry, dict):
                self.report((*path, n), f"'{entry}' is no entry", "write - id: …")
                entries[n] = {}
        return entries

    def shaped(self, path: Path, shape: type, wanted: str) -> Any:
        value = self.at(path)
        if value is not None and not isinstance(value, shape):
            self.report(path, f"'{value}' is not what belongs here", f"write {wanted}")
        return value if isinstance(value, shape) else shape()

    def words(self, path: Path) -> tuple[str, ...]:
        words = self.phrases(path)
        for n, word in enumerate(words):
            self.word((*path, n), word)
            if word in words[:n]:
                self.report((*path, n), f"'{word}' stands here twice", "keep one of them")
        return words

    def phrases(self, path: Path) -> tuple[str, ...]:
        parent = self.at(path[:-1])
        values = self.shaped(path, list, "a list") if isinstance(parent, dict) else []
        for n, value in enumerate(values):
            if not isinstance(value, str) or not value.strip(" *"):
                self.report((*path, n), f"'{value}' is no text", "write words")
        if not values:
            self.report(path, f"'{spoken(path)}' is empty", "see the packaged policy.yaml")
        return tuple(str(value) for value in values)

    def condition(self, path: Path, vocabulary: Vocabulary | None = None) -> Condition | None:
        text = self.at(path)
        if not isinstance(text, str):
            self.report(path, f"'{text}' is no condition", "write one such as days_past_due >= 1")
            return None
        try:
            return parse(text, self.vocabulary if vocabulary is None else vocabulary)
        except ConditionError as error:
            for flaw in error.flaws:
                message = f'{flaw.message} (character {flaw.position} of "{error.text}")'
                self.report(path, message, flaw.suggestion, flaw.position)
            return None

    def no_scores(self, path: Path, condition: Condition | None, reason: str) -> None:
        if condition and (scores := looks_at_scores(condition, self.facts)):
            self.report(
                path, f"looks at {', '.join(sorted(scores))}; {reason}", "use what happened, not a score"
            )

    def choice(self, path: Path, entry: Mapping[str, Any], known: Iterable[Any]) -> None:
        value, known = entry.get(str(path[-1])), list(known)
        if path[-1] in entry and value not in known:
            listed = "one of " + ", ".join(map(str, known))
            self.report(path, f"unknown {path[-1]} '{value}'", nearest(str(value), map(str, known)) or listed)

    def whole(self, path: Path, entry: Mapping[str, Any], most: int) -> None:
        value = entry.get(str(path[-1]), 0)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            self.report(path, f"'{value}' is not a whole number from 0 to {most}", "write a number")

    def share(self, path: Path, entry: Mapping[str, Any], most: float = 1) -> float:
        value = entry.get(str(path[-1]), 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            self.report(path, f"'{value}' is not between 0 and {most:g}", "write 50 % as 0.5")
            return 0.0
        return float(value)

    def text(self, path: Path, entry: Mapping[str, Any]) -> None:
        value = entry.get(str(path[-1]), "-")
        if not isinstance(value, str) or not value.strip():
            self.report(path, f"'{value}' is no text", "write a sentence")

    def sentence(
        self, path: Path, entry: Mapping[str, Any], never_say: Sequence[str], language: str = DEFAULT_LANGUAGE
    ) -> None:
        """A sentence in good manners: by the policy's list and, where customers hear it, by the vocabulary."""
        self.text(path, entry)
        said = str(entry.get(str(path[-1]), ""))
        for phrase in unwelcome(said, never_say):
            self.report(path, f"says '{phrase}', which wording.never_say rules out", "ask or offer instead")
        for found in lint(said, language) if entry.get("channel") != "internal" else ():
            if found.severity == "reject" and not unwelcome(found.phrase, never_say):
                self.report(path, f"says '{found.phrase}' ({found.rule}): {found.why}", found.instead)

    def new_name(self, path: Path, name: str) -> None:
        self.word(path, name)
        if name in self.vocabulary:
            self.report(
                path, f"the name '{name}' is taken: {self.vocabulary[name].meaning}", "choose another"
            )

    def new_id(self, path: Path, entry: Mapping[str, Any]) -> None:
        if "id" not in entry:
            return
        name, here = str(entry["id"]), (*path, "id")
        self.word(here, name)
        if name in self.ids:
            self.report(here, f"duplicate id '{name}', also of {spoken(self.ids[name])}", "ids are unique")
        self.ids.setdefault(name, path)

    def word(self, path: Path, word: str) -> None:
        if not re.fullmatch("[a-z][a-z0-9_]*", word) or word in RESERVED:
            self.report(path, f"'{word}' is no name", "use small letters, digits and _")
