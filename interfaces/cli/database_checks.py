"""What `doctor` looks at in a database, without a server."""

from __future__ import annotations

from collections.abc import Iterator

from interfaces.cli.checks import OK, WRONG, Finding
from interfaces.cli.launchers import GivenSettings, Launchers, LaunchRefused

_UPGRADE = "scheduler db upgrade --database-url URL"


def examine_database(launchers: Launchers, settings: GivenSettings) -> Iterator[Finding]:
    """Whether it answers, and whether this version can work with its schema."""
    try:
        schema = launchers.db_schema(settings)
    except LaunchRefused as refused:
        yield Finding("database", WRONG, str(refused), "see that it runs, and that the address and password are right")
        return
    yield Finding("database", OK, "it answers")
    if not schema.present:
        yield Finding("schema", WRONG, "it has none yet", f"make it: {_UPGRADE}")
    elif schema.present == schema.wanted:
        yield Finding("schema", OK, f"{schema.present}, which this version needs")
    elif schema.is_older:
        yield Finding("schema", WRONG, f"{schema.present}; this version needs {schema.wanted}", f"upgrade: {_UPGRADE}")
    else:
        yield Finding("schema", WRONG, f"{schema.present}, made by a newer version; this one knows {schema.wanted}",
                      "start the version that upgraded it, or a later one")  # fmt: skip
