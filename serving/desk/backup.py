"""How is a desk copied while it is in use, and put back?

A backup is one SQLite file, whatever database the desk lies in, so it is checked, restored and moved between
SQLite and PostgreSQL in one way. Putting it back is one transaction: readers see the old desk or the new one.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from serving.desk import engine as engines
from serving.desk.anchor import replace_anchor
from serving.desk.audit import Head
from serving.desk.erasure import erase_again, erasures_of
from serving.desk.errors import DeskError, DeskUnavailable
from serving.desk.records import Actor
from serving.desk.tables import metadata, sessions
from serving.desk.verifying import verdict
from serving.desk.writing import Writing
from training.durable import make_durable

if TYPE_CHECKING:
    from serving.desk import Desk

_AT_ONCE = 1_000


class RestoreRefused(DeskError, ValueError):  # noqa: N818 - a state to report
    """Nothing was restored; the text says why and what to do."""


def back_up(desk: Desk, file: Path) -> Head:
    """Write the desk as it is at one moment into a file, whole or not at all; where its audit log ends."""
    copy = _pages if desk.engine.dialect.name == "sqlite" else _rows
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as folder:
        scratch = Path(folder) / "copy.db"
        with engines.told():
            copy(desk, scratch)
        head = _checked(scratch, file.name)
        with closing(_raw(scratch)) as whole:
            whole.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        scratch.chmod(0o600)
        make_durable(scratch)
        scratch.replace(file)
    make_durable(file.parent)
    return head


def _pages(desk: Desk, file: Path) -> None:
    with desk.engine.connect() as connection, closing(_raw(file)) as target:
        connection.connection.driver_connection.backup(target)  # type: ignore[union-attr]


def _rows(desk: Desk, file: Path) -> None:
    with (
        _opened(file) as copy,
        engines.reading(desk.engine) as source,
        engines.writing(copy.engine) as target,
    ):
        copy_rows(source, target)


def copy_rows(source: sa.Connection, target: sa.Connection) -> None:
    """Fill a desk that is as new with all of another, less its sessions: nobody is signed in by a backup."""
    target.execute(sa.delete(metadata.tables["about"]))
    for table in (each for each in metadata.sorted_tables if each is not sessions):
        streamed = source.execution_options(yield_per=_AT_ONCE).execute(sa.select(table)).mappings()
        for rows in streamed.partitions():
            target.execute(sa.insert(table), [dict(row) for row in rows])


def restore(desk_home: Path, url: str | None, file: Path, actor: Actor, now: datetime, replace: bool) -> Head:
    """Put a backup in place of the desk of a home, once it is shown to be sound; where its audit log ends now.

    What was erased at the desk since the backup is erased again.

    Raises RestoreRefused for a backup that is not sound, and for a desk that holds something without `replace`.
    """
    with tempfile.TemporaryDirectory(dir=_made(desk_home), prefix=".restoring-") as folder:
        copy = Path(folder) / "backup.db"
        shutil.copyfile(file, copy)
        _checked(copy, file.name)
        with _opened(copy) as backup, _target(desk_home, url, replace) as desk:
            before = desk.head()
            if before.position and not replace:
                raise RestoreRefused(
                    f"the desk holds {before.position:,} entries, the backup {backup.head().position:,}: "
                    "pass --replace to put the backup in its place (back it up first)"
                )
            with engines.reading(backup.engine) as source, engines.writing(desk.engine) as target:
                erased = erasures_of(target)
                engines.make_anew(target)
                copy_rows(source, target)
                written = Writing(target, actor, now)
                written.chain.counted = before.position
                came_from = {"from": str(written.chain.head), "replaced": str(before)}
                written.chain.append("restore", "", detail=came_from)
                erase_again(written, erased)
        replace_anchor(desk_home, written.chain.head)
    return written.chain.head


def _made(home: Path) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    return home


def _target(home: Path, url: str | None, replace: bool) -> Desk:
    from serving.desk import Desk

    try:
        return Desk.open(home, url)
    except DeskUnavailable as error:
        if error.reason != "damaged" or url is not None or not replace:
            raise
    _put_aside(home / engines.FILE_NAME)
    return Desk.open(home, url)


def _put_aside(file: Path) -> None:
    """A damaged database is kept: somebody may still get something out of it."""
    number = next(n for n in range(1, 1_000_000) if not file.with_name(f"{file.name}.damaged-{n}").exists())
    for end in ("", "-wal", "-shm"):
        part = file.with_name(file.name + end)
        if part.exists():
            part.rename(part.with_name(f"{file.name}.damaged-{number}{end}"))


def _checked(file: Path, name: str) -> Head:
    """Where the audit log of a backup ends; RestoreRefused for a file that is damaged, or whose log does not hold."""
    import pysqlite3

    try:
        with closing(_raw(file)) as connection:
            said = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    except pysqlite3.DatabaseError as error:
        raise RestoreRefused(f"{name} is no backup of a desk: {error}") from None
    if said != ["ok"]:
        raise RestoreRefused(f"{name} is damaged: {'; '.join(said[:3])}. Take an earlier backup")
    if not {"about", "audit", "records", "alembic_version"} <= tables:
        raise RestoreRefused(f"{name} is no backup of a desk: it has other tables")
    with _opened(file) as backup, engines.reading(backup.engine) as connection:
        found = verdict(connection, None)
        if not found.is_valid:
            raise RestoreRefused(f"{name}: {found.sentence} {'; '.join(found.problems[:3])}")
        return found.head


def _opened(file: Path) -> Desk:
    """A file alone in its folder as a desk, migrated where it is of an earlier version."""
    from serving.desk import Desk

    return Desk.open(file.parent, f"sqlite:///{file}")


def _raw(file: Path) -> Any:
    import pysqlite3

    return pysqlite3.connect(str(file))
