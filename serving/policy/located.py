"""What does a YAML text say, and on which line does it say it?"""

from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]
LONGEST = 1_000_000  # characters; a policy is a page or three
DEEPEST = 20


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a policy: the line (from 1), the place in it, what is wrong and how to mend it."""

    line: int
    place: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        mend = f"; {self.suggestion}" if self.suggestion else ""
        return f"line {self.line}: {self.place + ': ' if self.place else ''}{self.message}{mend}"


class PolicyError(ValueError):
    """A policy that cannot be used, with all its problems."""

    def __init__(self, problems: list[Problem], source: str = "policy") -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line)
        listed = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{source} has {len(problems)} problem{'s' * (len(problems) != 1)}:\n{listed}")


@dataclass
class Located:
    """Plain data read from YAML, the line of every place in it, and the problems found so far."""

    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def report(self, path: Path, message: str, suggestion: str = "") -> None:
        """Note a problem at the line of `path`, or of the nearest place around it."""
        around = next((path[:n] for n in range(len(path), 0, -1) if path[:n] in self.lines), ())
        self.problems.append(Problem(self.lines.get(around, 1), spoken(path), message, suggestion))


def spoken(path: Path) -> str:
    """`rules[3].when` for ("rules", 2, "when"): people count from one."""
    parts = [f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(parts).lstrip(".")


def locate(text: str) -> Located:
    """The data of a YAML text without aliases; what cannot be read is reported, never raised."""
    found = Located()
    if len(text) > LONGEST:
        found.report((), f"{len(text)} characters are no policy", f"keep it under {LONGEST}")
        return found
    try:
        if obstacle := _obstacle(text):
            found.problems.append(obstacle)
            return found
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        found.data = _plain(loader, node, (), found) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        found.problems.append(Problem(line, "", f"is no YAML here: {reason}", "mind indentation and quotes"))
    return found


def _obstacle(text: str) -> Problem | None:
    """What would make reading dear: aliases grow exponentially, and deep nesting exhausts the stack."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            return Problem(line, "", "aliases (*name) are not read", "write it out, or use a fact")
        if depth > DEEPEST:
            return Problem(line, "", "is nested too deeply", "a policy has four levels")
    return None


def _plain(loader: yaml.SafeLoader, node: yaml.Node, path: Path, found: Located) -> Any:
    found.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, (*path, n), found) for n, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(loader, node, path, found)
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        here = (*path, key)
        if key in result:
            found.lines[here] = key_node.start_mark.line + 1
            found.report(here, f"'{key}' stands here twice", "keep one of them")
            continue
        found.lines[here] = key_node.start_mark.line + 1
        result[key] = _plain(loader, value_node, here, found)
    return result


def _scalar(loader: yaml.SafeLoader, node: yaml.Node, path: Path, found: Located) -> Any:
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        found.report(path, f"'{node.value}' cannot be read", "put it in quotes")
        return None
