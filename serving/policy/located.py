"""What does a YAML text say, and at which line and column does it say it?"""

from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]
LONGEST = 1_000_000  # characters; a policy is a page or three
DEEPEST = 20


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a policy: the line (from 1), the place in it, what is wrong and how to mend it.

    `column` is that of the line, from 1; 0 where it is unknown.
    """

    line: int
    place: str
    message: str
    suggestion: str = ""
    column: int = 0

    def __str__(self) -> str:
        mend = f"; {self.suggestion}" if self.suggestion else ""
        at = f"line {self.line}, column {self.column}" if self.column else f"line {self.line}"
        return f"{at}: {self.place + ': ' if self.place else ''}{self.message}{mend}"


class PolicyError(ValueError):
    """A policy that cannot be used, with all its problems."""

    def __init__(self, problems: list[Problem], source: str = "policy") -> None:
        self.problems = sorted(problems, key=lambda problem: (problem.line, problem.column))
        listed = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{source} has {len(problems)} problem{'s' * (len(problems) != 1)}:\n{listed}")


@dataclass
class Located:
    """Plain data read from YAML, where every place of it stands, and the problems found so far."""

    data: Any = None
    text: str = ""
    keys: dict[Path, yaml.Mark] = field(default_factory=dict)
    """Where the name of a place begins, or the place itself where it has none."""
    values: dict[Path, yaml.Node] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def report(
        self, path: Path, message: str, suggestion: str = "", character: int = 0, at_name: bool = False
    ) -> None:
        """Note a problem at the line of `path`, or of the nearest place around it.

        The column is that of the value where it stands on this line, else (or with `at_name`) that of the name;
        `character` (from 1) points into a text value.
        """
        around = next((path[:n] for n in range(len(path), 0, -1) if path[:n] in self.keys), ())
        key, value = self.keys.get(around), self.values.get(around)
        line, column = (key.line, key.column) if key else (0, 0)
        if value is not None and not at_name and (around == path or isinstance(value, yaml.ScalarNode)):
            line, column = self._within(value, character) if character else _begin(key, value)
        self.problems.append(Problem(line + 1, spoken(path), message, suggestion, column + 1))

    def _within(self, node: yaml.Node, character: int) -> tuple[int, int]:
        """Line and column of a character of a text, whose runs of blanks count as one."""
        at = node.start_mark.index + (self.text[node.start_mark.index : node.start_mark.index + 1] in "'\"")
        for _ in range(character - 1):
            at += 1
            while at + 1 < len(self.text) and self.text[at - 1].isspace() and self.text[at].isspace():
                at += 1
        before = self.text[: min(at, node.end_mark.index)]
        return before.count("\n"), len(before) - before.rfind("\n") - 1


def _begin(key: yaml.Mark | None, value: yaml.Node) -> tuple[int, int]:
    """Where a value begins on the line of its name, else where the name begins."""
    start = value.start_mark
    return (start.line, start.column) if key is None or key.line == start.line else (key.line, key.column)


def spoken(path: Path) -> str:
    """`rules[3].when` for ("rules", 2, "when"): people count from one."""
    parts = [f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(parts).lstrip(".")


def locate(text: str) -> Located:
    """The data of a YAML text without aliases; what cannot be read is reported, never raised."""
    found = Located(text=text)
    if len(text) > LONGEST:
        found.report((), f"{len(text)} characters are no policy", f"keep it under {LONGEST}")
        return found
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        found.data = _plain(loader, node, (), found) if node is not None else None
    except _Obstacle as obstacle:
        found.problems.append(obstacle.problem)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 0)
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        mend = "mind indentation and quotes"
        found.problems.append(Problem(line, "", f"is no YAML here: {reason}", mend, column))
    return found


class _Obstacle(Exception):  # noqa: N818 - nothing failed, reading was stopped
    """What would make reading dear: aliases grow exponentially, and deep nesting exhausts the stack."""

    def __init__(self, event: yaml.Event, message: str, suggestion: str) -> None:
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 0)
        self.problem = Problem(line, "", message, suggestion, column)


class _Loader(yaml.SafeLoader):
    """Reads a text once, and stops at the first obstacle."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise _Obstacle(event, "aliases (*name) are not read", "write it out, or use a fact")
        if self.depth == DEEPEST and isinstance(event, yaml.CollectionStartEvent):
            raise _Obstacle(event, "is nested too deeply", "a policy has four levels")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _plain(loader: yaml.SafeLoader, node: yaml.Node, path: Path, found: Located) -> Any:
    found.keys.setdefault(path, node.start_mark)
    found.values[path] = node
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, (*path, n), found) for n, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(loader, node, path, found)
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        here = (*path, key)
        if key in result:
            found.keys[here] = key_node.start_mark
            found.report(here, f"'{key}' stands here twice", "keep one of them", at_name=True)
            continue
        found.keys[here] = key_node.start_mark
        result[key] = _plain(loader, value_node, here, found)
    return result


def _scalar(loader: yaml.SafeLoader, node: yaml.Node, path: Path, found: Located) -> Any:
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        found.report(path, f"'{node.value}' cannot be read", "put it in quotes")
        return None
