"""More verbs of the data scientist: `models` and `features`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from serving.cli.common import (
    Refusal,
    as_json,
    config_option,
    home,
    json_option,
    notes,
    now,
    out,
    refusing,
    who_option,
)


@click.group(invoke_without_command=True)
@config_option
@json_option
@click.pass_context
def models(context: click.Context, config: Path | None, is_json: bool) -> None:
    """List model versions, who vouches for each, and why it was promoted or not.

    `promote` and `rollback` move the champion, `history` tells who did; a running service follows by itself
    within a second or two.
    """
    context.obj = config
    if context.invoked_subcommand is None:
        _list_models(config, is_json)


def _registry(config: Path | None) -> Any:
    from training.registry import Registry
    from training.settings import load_settings

    return Registry(home(), load_settings(config, home()), now)


def _registry_errors() -> tuple[type[Exception], ...]:
    from training.registry import RegistryError

    return (RegistryError,)


def _list_models(config: Path | None, is_json: bool) -> None:
    try:
        found = [row | {"signature": _signature(row["version"])} for row in _registry(config).list_versions()]
    except _registry_errors() as error:
        raise Refusal(str(error)) from None
    if is_json:
        click.echo(as_json(found))
        return
    if not found:
        out.print("No model yet: run `duecourse train LEDGER`.")
    for row in found:
        aliases = f" [{', '.join(row['aliases'])}]" if row["aliases"] else ""
        out.print(f"{row['version']}{aliases}", markup=False, style="bold" if row["aliases"] else None)
        for name, value in row.items():
            if name not in ("version", "aliases") and value is not None:
                out.print(f"    {name.replace('_', ' ')}: {value}", markup=False)


def _signature(version: str) -> str:
    from training.champion import model_folder
    from training.model import describe_signature

    folder = model_folder(home(), version)
    return describe_signature(folder) if folder.is_dir() else "no folder here"


@models.command()
@click.argument("version")
@click.option("--why", required=True, help="For the record.")
@who_option
@click.pass_context
def promote(context: click.Context, version: str, why: str, who: str) -> None:
    """Put a version in charge."""
    try:
        _registry(context.obj).set_champion(version, who, why)
    except _registry_errors() as error:
        raise Refusal(str(error)) from None
    out.print(f"{version} is the champion now.")


@models.command()
@click.option("--why", default="rolled back by hand", show_default=True, help="For the record.")
@who_option
@click.pass_context
def rollback(context: click.Context, why: str, who: str) -> None:
    """Put the champion before this one back in charge."""
    try:
        version = _registry(context.obj).rollback(who, why)
    except _registry_errors() as error:
        raise Refusal(str(error)) from None
    out.print(f"{version} is the champion again.")


@models.command()
@click.argument("version")
@refusing()
def sign(version: str) -> None:
    """Vouch for a version that was trained before signing, or elsewhere, with the key of this machine.

    Its hashes are verified and a process of its own tries it first. Sign only what you know to be yours.
    """
    from training.champion import model_folder
    from training.model import describe_signature
    from training.model.trial import sign_tried

    folder = model_folder(home(), version)
    if not folder.is_dir():
        raise Refusal(f"there is no model {version!r} in {folder.parent}; `duecourse models` lists them")
    sign_tried(folder)
    out.print(f"{version} is {describe_signature(folder)} now.", markup=False)


@models.command()
@refusing()
def key() -> None:
    """Print the public key that models of this machine are signed for; made if there is none.

    Keep it in a file on a machine that only serves, and name that file in DUECOURSE_TRUSTED_KEYS there.
    """
    from training.model.signing import key_file, made_key, public_pem

    found = made_key()
    if found is None:
        raise Refusal("there is no signing key, and none can be made: name a file with DUECOURSE_KEY")
    notes.print(
        f"the public half of {key_file()}, which you keep to yourself and copy to a safe place:", markup=False
    )
    click.echo(public_pem(found.public_key()), nl=False)


@models.command()
@json_option
@click.pass_context
def history(context: click.Context, is_json: bool) -> None:
    """List every move of champion and challenger that took effect: when, from, to, by whom, why."""
    try:
        moves = _registry(context.obj).all_moves()
    except _registry_errors() as error:
        raise Refusal(str(error)) from None
    if is_json:
        click.echo(as_json([vars(move) for move in moves]))
        return
    if not moves:
        out.print("No model was ever in charge: run `duecourse train LEDGER`.")
    for move in moves:
        way = f"{move.origin or 'nobody'} → {move.to or 'nobody'}"
        back = ", rolled back" if move.is_rollback else ""
        out.print(f"{move.when}  {move.role}  {way}  by {move.who}{back}", markup=False, style="bold")
        out.print(f"    {move.why}", markup=False)


@click.command()
@click.option("--family", help="Only this family.")
@json_option
def features(family: str | None, is_json: bool) -> None:
    """List every feature: what it means, its unit, its fill, and what a higher value is expected to do."""
    from features.catalogue import CATALOGUE, FAMILIES

    if family is not None and family not in FAMILIES:
        raise Refusal(f"there is no feature family {family!r}; the families are {', '.join(FAMILIES)}")
    listed = [f for f in CATALOGUE.features if family in (None, f.family)]
    if is_json:
        click.echo(as_json([feature.describe() for feature in listed]))
        return
    for name, module in FAMILIES.items():
        mine = [f for f in listed if f.family == name]
        if mine:
            out.print(f"\n[bold]{(module.__doc__ or '').strip()}[/bold]")
        for f in mine:
            held = ", held to it" if f.is_monotone else ""
            fill = "missing" if f.fill != f.fill else f"{f.fill:g}"
            out.print(f"  {f.name:36} {f.meaning}", markup=False)
            expected = f"a higher value: {f.direction}{held}"
            out.print(
                f"  {'':36} {f.unit}; without evidence {fill}; {expected}; reason {f.reason}", style="dim"
            )
    out.print(f"\n{len(listed)} features.")


VERBS = (models, features)
