"""Runs the migrations: on the connection that `infrastructure.sql.migrations` opened, or as a script of SQL."""

from __future__ import annotations

from alembic import context

if context.is_offline_mode():
    context.configure(
        dialect_name=context.config.attributes["dialect"],
        literal_binds=True,
        transactional_ddl=True,
    )
else:
    # One transaction around all, also in SQLite: a migration that fails leaves the schema as it was.
    context.configure(
        connection=context.config.attributes["connection"],
        transactional_ddl=True,
    )

with context.begin_transaction():
    context.run_migrations()
