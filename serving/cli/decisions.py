"""The verbs of the credit manager: `policy show` and `policy check`."""

from __future__ import annotations

from pathlib import Path

import click

from serving.cli.common import as_json, home, json_option, out, policy_option, refusing
from serving.policy import Policy, PolicyError
from serving.scoring import load_policy


@click.group()
def policy() -> None:
    """Read and check the policy that turns scores into tiers and next actions."""


@policy.command()
@policy_option
@json_option
@refusing()
def show(policy: Path | None, is_json: bool) -> None:
    """The policy as plain sentences."""
    loaded = load_policy(home(), policy)
    if is_json:
        click.echo(as_json({"policy_version": loaded.version, **loaded.as_dict()}))
        return
    for sentence in loaded.sentences():
        out.print(sentence, markup=False)
    out.print(f"Version {loaded.version}.")


@policy.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check_(file: Path) -> None:
    """Check a policy file: every problem with its line and what to write instead. Exit code 2 for any."""
    try:
        loaded = Policy.load(file)
    except PolicyError as error:
        for problem in error.problems:
            click.echo(str(problem))
        count = "1 problem" if len(error.problems) == 1 else f"{len(error.problems)} problems"
        click.echo(f"{count}: this policy cannot be used.")
        raise SystemExit(2) from None
    out.print(f"This policy can be used. Version {loaded.version}.")


VERBS = (policy,)
