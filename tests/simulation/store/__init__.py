"""A store of scheduling in memory, with transactions as PostgreSQL has them at READ COMMITTED."""
