"""How is the database reached? SQLite and PostgreSQL behave alike; faults become `DeskUnavailable`."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from serving.desk.errors import DeskTooNew, DeskUnavailable
from serving.desk.migrations import HEAD
from serving.desk.tables import metadata

FILE_NAME = "desk.db"
PATIENCE_SECONDS = 10.0
"""So long a write waits for others before the desk counts as locked."""
_MIGRATION_LOCK = 0x6475_6563  # any number of ours, the same for every process
_AGAIN = "Nothing was written; try again shortly."


def make_engine(home: Path, url: str | None, patience: float) -> sa.Engine:
    """An engine for the database of a home; a plain postgresql:// address is taken too."""
    if url is None:
        return _sqlite(home / FILE_NAME, patience)
    try:
        address = sa.make_url(url)
    except exc.ArgumentError:
        raise ValueError(
            "DUECOURSE_DATABASE_URL is no address of a database; write postgresql://USER@HOST/DATABASE, "
            "or leave it unset for a file in DUECOURSE_HOME"
        ) from None
    if address.get_backend_name() == "sqlite" and address.database:
        return _sqlite(Path(address.database), patience)
    if address.get_backend_name() in ("postgresql", "postgres"):
        return _postgresql(address.set(drivername="postgresql+psycopg"), patience)
    raise ValueError(
        f"DUECOURSE_DATABASE_URL begins with {address.drivername}; take postgresql:// or sqlite:///"
    )


def _sqlite(file: Path, patience: float) -> sa.Engine:
    # The standard library's SQLite can corrupt a database in WAL mode; this one is mended.
    import pysqlite3

    address = sa.URL.create("sqlite+pysqlite", database=str(file))
    engine = sa.create_engine(address, module=pysqlite3, connect_args={"timeout": patience})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        connection.isolation_level = (
            None  # transactions begin where `begin` says, not where the driver thinks
        )
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        is_writing = connection.get_execution_options().get("is_writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")

    return engine


def _postgresql(address: sa.URL, patience: float) -> sa.Engine:
    milliseconds = int(patience * 1000)
    engine = sa.create_engine(
        address,
        isolation_level="REPEATABLE READ",
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": max(2, int(patience)),
            "options": f"-c lock_timeout={milliseconds} -c TimeZone=UTC",
            "application_name": "duecourse",
        },
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        # A server may be set up to acknowledge before anything is on disk; an acknowledged record is not lost here.
        with connection.cursor() as cursor:
            if cursor.execute("SHOW synchronous_commit").fetchone()[0] == "off":
                cursor.execute("SET synchronous_commit = on")
        connection.commit()

    return engine


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A view of the desk at one moment."""
    with told(), engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """The one transaction that writes now; it sees all that was written before, and is whole or nothing."""
    with told(), engine.connect() as connection:
        own = connection.execution_options(**_WRITING[engine.dialect.name])
        with own.begin():
            if engine.dialect.name == "postgresql":
                own.exec_driver_sql("LOCK TABLE audit IN EXCLUSIVE MODE")
            yield own


@contextmanager
def outside_transactions(engine: sa.Engine) -> Iterator[Callable[[str], Any]]:
    """How to run a statement that no transaction may hold."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":  # its driver begins no transaction by itself; SQLAlchemy would
            assert connection.connection.driver_connection is not None
            yield connection.connection.driver_connection.execute
        else:
            yield connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql


# Under the lock, what others committed while we waited for it must be seen: not a view from before.
_WRITING: dict[str, dict[str, Any]] = {
    "sqlite": {"is_writing": True},
    "postgresql": {"isolation_level": "READ COMMITTED"},
}


def bring_up_to_date(engine: sa.Engine, home: Path) -> None:
    """Make or migrate the tables where needed, one process at a time; DeskTooNew for those of a later version."""
    home.mkdir(parents=True, exist_ok=True)
    if engine.dialect.name == "postgresql":
        return _migrate(engine)
    # Two processes that both turn a new file to WAL would get in each other's way, whatever their patience.
    file = Path(engine.url.database or "")
    with told(), file.with_name(f".{file.name}.opening").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file.touch(mode=0o600)  # what people told us is for this user's eyes; the log beside it follows
        return _migrate(engine)


def _migrate(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        if _version(connection) == HEAD:
            return
    with told(), engine.connect() as connection:
        own = connection.execution_options(**_WRITING[engine.dialect.name])
        with own.begin():
            if engine.dialect.name == "postgresql":
                own.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            if _version(own) != HEAD:
                _upgrade(own, _version(own))


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: sa.Connection, version: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise DeskTooNew(
            f"the desk's database is of version {version}, later than this duecourse knows ({HEAD}): "
            "install the duecourse that wrote it, or a later one"
        )
    command.upgrade(config, "head")


def make_anew(connection: sa.Connection) -> None:
    """Take all tables away and make them as new, in the transaction at hand: for a backup that takes their place."""
    metadata.drop_all(connection)
    connection.exec_driver_sql("DROP TABLE alembic_version")
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP FUNCTION desk_is_append_only")
    _upgrade(connection, None)


@contextmanager
def told() -> Iterator[None]:
    """Turn what the database's drivers raise into DeskUnavailable; a fault of ours stays as it is."""
    try:
        yield
    except exc.TimeoutError:
        raise DeskUnavailable("locked", "is busy: no connection became free", _AGAIN) from None
    except exc.DBAPIError as error:
        why = _unavailable(error)
        if why is None:
            raise
        raise why from error


def _unavailable(error: exc.DBAPIError) -> DeskUnavailable | None:
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", "") or ""
    for codes, reason, is_told, mend in _FAULTS:
        if state.startswith(codes):
            return DeskUnavailable(reason, is_told, mend)
    if error.connection_invalidated or (isinstance(error, exc.OperationalError) and not state):
        return DeskUnavailable(*_DOWN)
    return None


_DOWN: tuple[Any, str, str] = (
    "down",
    "cannot be reached",
    "See that the server runs and that DUECOURSE_DATABASE_URL names it; what broke off while it was being "
    "committed is whole or not there: ask again with the same key.",
)
_FAULTS: tuple[tuple[tuple[str, ...], Any, str, str], ...] = (
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED", "55P03", "40P01", "40001", "57014"),
        "locked",
        "is locked by another writer",
        f"{_AGAIN} If it stays so, look for a program that holds it open.",
    ),
    (
        ("SQLITE_FULL", "53100", "53200"),
        "full",
        "has no room left",
        "Nothing was written. Free space on its disk; what is there is whole.",
    ),
    (
        ("SQLITE_READONLY", "25006"),
        "read_only",
        "cannot be written",
        "Nothing was written. Give this user the right to write it, or end the server's read-only mode.",
    ),
    (
        ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002"),
        "damaged",
        "is damaged",
        "Keep a copy of it, and restore the latest backup with `duecourse desk restore`.",
    ),
    (
        ("SQLITE_IOERR", "SQLITE_CANTOPEN", "58030"),
        "failed",
        "could not be read or written",
        "Nothing was written. See that its folder exists, that this user may write it, and that its disk is sound.",
    ),
    (("08", "57P", "53300", "3D000", "28"), *_DOWN),
)
