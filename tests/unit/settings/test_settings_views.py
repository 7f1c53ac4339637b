"""Settings are shown with their origin and without what is secret."""

from __future__ import annotations

import pytest

from bootstrap.settings_views import views_of, without_password
from tests.unit.settings.conftest import Load


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://db/x", "postgresql://db/x"),
        ("postgresql://user@db/x", "postgresql://user@db/x"),
        ("postgresql://user:hunter2@db:5432/x?ssl=on", "postgresql://user:***@db:5432/x?ssl=on"),
        ("postgresql://user:hun@ter2@db/x", "postgresql://user:***@db/x"),
        ("postgresql:///x?host=/run/pg&user=u&password=hunter2", "postgresql:///x?host=/run/pg&user=u&password=***"),
        ("redis://:hunter2@r:6379/0", "redis://:***@r:6379/0"),
        ("sqlite:////var/lib/x.sqlite", "sqlite:////var/lib/x.sqlite"),
        ("postgresql://user:hun/te?r2@db/x", "postgresql://user:***@db/x"),
    ],
)
def test_a_password_is_hidden_wherever_it_stands(address: str, shown: str) -> None:
    assert without_password(address) == shown


def test_every_setting_is_shown_with_its_origin(load: Load) -> None:
    views = views_of(load(DATABASE_URL="postgresql://u:hunter2@db/x", PLATFORM_SCHEDULER_LOGGING_LEVEL_DOMAIN="DEBUG"))
    by_name = {view.name.removeprefix("platform.scheduler."): view for view in views}
    assert (by_name["database.url"].value, by_name["database.url"].origin) == (
        "postgresql://u:***@db/x",
        "DATABASE_URL",
    )
    assert (by_name["redis.url"].value, by_name["redis.url"].origin) == (None, "default")
    assert by_name["logging.level.domain"].value == "DEBUG"
    assert next(iter(by_name)) == "profile"
