"""The store: SQLAlchemy Core over PostgreSQL and SQLite."""
