"""Starts the product's programs; imports the product only when one does, so that `--help` stays quick."""

from __future__ import annotations

from interfaces.cli.launchers import DevOptions, Launchers, LaunchRefused, ServerOptions, WorkerOptions


class ProductLaunchers(Launchers):
    """What the command line starts."""

    def dev(self, options: DevOptions) -> int:
        from bootstrap.dev import run_dev

        return run_dev(options)

    def server(self, options: ServerOptions) -> int:
        from bootstrap.server import run_server

        return run_server(options)

    def worker(self, options: WorkerOptions) -> int:
        from bootstrap.worker import run_worker

        return run_worker(options)

    def db_upgrade(self, url: str) -> str:
        from infrastructure.sql import migrations

        with _refusals():
            before = migrations.current(url)
            migrations.upgrade(url)
            after = migrations.current(url)
        return (
            f"The schema is up to date ({after})."
            if before == after
            else f"Upgraded from {before or 'nothing'} to {after}."
        )

    def db_current(self, url: str) -> str:
        from infrastructure.sql import migrations

        with _refusals():
            present = migrations.current(url)
        return f"{present or 'none'} (this version needs {migrations.head()})"

    def db_sql(self, url: str) -> str:
        from infrastructure.sql import migrations

        with _refusals():
            return migrations.sql(url)


class _refusals:  # noqa: N801 - reads as a block
    """What a person can mend, as `LaunchRefused`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from application.shared.errors import StoreUnavailable
        from infrastructure.sql.migrations import SchemaMismatch

        if isinstance(error, StoreUnavailable | SchemaMismatch | ValueError):
            raise LaunchRefused(str(error)) from None
