"""How does a desk of an earlier version become one of today's? Alembic's steps, run from code."""

HEAD = "0004"
"""The version of the desk that this code writes."""
