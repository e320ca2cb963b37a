"""Alembic's own entrance: it runs the steps on the connection it is given, inside its transaction."""

from alembic import context

from serving.desk.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
