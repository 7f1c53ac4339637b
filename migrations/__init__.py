"""Alembic migrations of the store, for PostgreSQL and SQLite."""
