"""Which policy is in force: the one named, the desk's active one, that of the home, or the packaged one?"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from serving.policy import Policy

if TYPE_CHECKING:
    from serving.desk import Desk, PolicyVersion

log = logging.getLogger(__name__)
DATABASE = "DUECOURSE_DATABASE_URL"
DESK_FILE = "desk.db"


@dataclass(frozen=True)
class InForce:
    """A policy, where it comes from, and what somebody should know about the choice."""

    policy: Policy
    source: str
    warning: str | None = None


def policy_in_force(home: Path, explicit: Path | None = None, desk: Desk | None = None) -> InForce:
    """The policy of an explicit file, else the desk's active one, else of `home`, else the packaged one.

    Without `desk`, the home's own is asked where there is one. Raises PolicyError for a text that is no policy.
    """
    if explicit:
        return InForce(Policy.load(explicit), str(explicit))
    beside = home / "policy.yaml"
    active = desk.active_policy() if desk else _active(home)
    if active:
        policy = policy_of(active)
        return InForce(policy, "the desk", _differs(policy, beside))
    if beside.exists():
        return InForce(Policy.load(beside), str(beside))
    return InForce(Policy.load(), "the packaged policy")


def policy_of(kept: PolicyVersion) -> Policy:
    """A policy kept at the desk.

    The version under which it was kept stays its name, also where a later release reads it otherwise.
    """
    read = Policy.read(kept.text, f"the desk's policy {kept.version}")
    return replace(read, version=kept.version)


def load_policy(home: Path, explicit: Path | None = None) -> Policy:
    """The policy in force; what should be known about the choice goes to the log."""
    found = policy_in_force(home, explicit)
    if found.warning:
        log.warning("%s", found.warning)
    return found.policy


def database_url() -> str | None:
    """The database of the desk where it is not a file in the home."""
    return os.environ.get(DATABASE) or None


def _active(home: Path) -> PolicyVersion | None:
    """The active policy of the home's desk; a home without a desk is left without one."""
    if not (database_url() or (home / DESK_FILE).exists()):
        return None
    from serving.desk import Desk

    with Desk.open(home, database_url()) as desk:
        return desk.active_policy()


def _differs(policy: Policy, beside: Path) -> str | None:
    """A warning where a policy.yaml lies in the home that is not what is in force."""
    if not beside.exists():
        return None
    try:
        other = Policy.load(beside)
    except ValueError:
        return f"{beside} is no policy that can be used; in force is version {policy.version} of the desk"
    if other.version == policy.version:
        return None
    return (
        f"{beside} (version {other.version}) is not in force; the desk's active policy is {policy.version}. "
        f"See what would change: duecourse policy dry-run LEDGER --policy {beside}. "
        f"Put it in force: duecourse policy activate {beside} --why '...'"
    )
