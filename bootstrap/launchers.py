"""Starts the product's programs; imports the product only when one does, so that `--help` stays quick."""

from __future__ import annotations

from collections.abc import Sequence

from interfaces.cli.launchers import (
    DevOptions,
    GivenSettings,
    Launchers,
    LaunchRefused,
    SchemaState,
    ServerOptions,
    SettingView,
    WorkerOptions,
)


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

    def db_upgrade(self, settings: GivenSettings) -> str:
        from infrastructure.sql import migrations

        with _refusals():
            url = _database(settings)
            before = migrations.current(url)
            migrations.upgrade(url)
            after = migrations.current(url)
        return (
            f"The schema is up to date ({after})."
            if before == after
            else f"Upgraded from {before or 'nothing'} to {after}."
        )

    def db_schema(self, settings: GivenSettings) -> SchemaState:
        from infrastructure.sql import migrations

        with _refusals():
            present = migrations.current(_database(settings))
        wanted = migrations.head()
        return SchemaState(present, wanted, present != wanted and migrations.is_known(present))

    def db_current(self, settings: GivenSettings) -> str:
        from infrastructure.sql import migrations

        with _refusals():
            present = migrations.current(_database(settings))
        return f"{present or 'none'} (this version needs {migrations.head()})"

    def db_sql(self, settings: GivenSettings) -> str:
        from infrastructure.sql import migrations

        with _refusals():
            return migrations.sql(_database(settings))

    def settings(self, given: GivenSettings, *, for_server: bool = False) -> Sequence[SettingView]:
        from bootstrap.settings_loading import load_settings
        from bootstrap.settings_views import views_of

        loaded = load_settings(given)
        if for_server:
            loaded.require_database()
        return views_of(loaded)


def _database(settings: GivenSettings) -> str:
    from bootstrap.settings_loading import load_settings

    return load_settings(settings).require_database()


class _refusals:  # noqa: N801 - reads as a block
    """What a person can mend, as `LaunchRefused`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from application.shared.errors import StoreUnavailable
        from infrastructure.sql.migrations import DatabaseRefused

        if isinstance(error, StoreUnavailable | DatabaseRefused | ValueError):
            raise LaunchRefused(str(error)) from None
