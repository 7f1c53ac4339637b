"""What an executor holds, counted one claim after the other, so that it never gets more than it has slots for."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# A statement sees the state at its beginning: two claims of one executor at the same moment would both count what was
# there before either. A volatile function sees the state at each of its own statements, so this counts after the lock.
# The last argument is not used: it is evaluated before the lock is taken.
HELD = """
CREATE FUNCTION held_tasks(executor text, session integer, undelivered boolean, besides uuid[], settled boolean)
RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('held_tasks'), hashtext(executor));
    RETURN (
        SELECT count(*) FROM tasks
        WHERE executor_id = executor AND epoch = session
            AND (undelivered OR claim_id IS NOT NULL OR status <> 'ASSIGNED')
            AND (besides IS NULL OR id <> ALL (besides))
    );
END
$$
"""


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(HELD)
