"""Settings: defaults, readers, errors, and the table in the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from orvanta_platform import settings
from orvanta_platform.errors import SettingsError


def test_defaults_need_nothing_in_the_environment() -> None:
    made = settings.load({})
    assert (made.host, made.port, made.base_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert (made.beat_ms, made.lost_beat_ms, made.lease_ms) == (2000, 6000, 8000)
    assert made.slots >= 4
    assert made.database_url is None
    assert made.queues == ()


def test_every_name_of_the_table_is_read() -> None:
    values = {
        "ORVANTA_HOME": "/srv/orvanta",
        "ORVANTA_HOST": "::1",
        "ORVANTA_PORT": "9000",
        "DATABASE_URL": "postgresql://app@db/orvanta",
        "ORVANTA_QUEUES": "fast, slow,,",
        "ORVANTA_MEMORY_LIMIT": "512 MiB",
        "ORVANTA_ISOLATION": "REQUIRED",
        "ORVANTA_LOG_LIMIT": "1GB",
    }
    made = settings.load(values)
    assert made.home == Path("/srv/orvanta")
    assert made.base_url == "http://[::1]:9000"
    assert made.queues == ("fast", "slow")
    assert made.memory_limit == 512 << 20
    assert made.log_limit == 10**9
    assert made.isolation == "required"
    assert made.database_direct_url == made.owner_url == made.database_url


def test_empty_value_is_unset() -> None:
    assert settings.load({"ORVANTA_PORT": "", "DATABASE_URL": ""}).port == 8000


def test_unknown_name_is_rejected_with_a_suggestion() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load({"ORVANTA_PROT": "8000"})
    assert caught.value.message == "Unknown setting ORVANTA_PROT."
    assert caught.value.hint == "Did you mean ORVANTA_PORT?"


def test_foreign_names_are_ignored() -> None:
    assert settings.load({"PATH": "/bin", "PGHOST": "db"}).port == 8000


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ORVANTA_PORT", "http", "ORVANTA_PORT ('http') is not a whole number from 1 to 65535."),
        ("ORVANTA_PORT", "70000", "ORVANTA_PORT ('70000') is not a whole number from 1 to 65535."),
        ("ORVANTA_PORT", "²", "ORVANTA_PORT ('²') is not a whole number from 1 to 65535."),
        (
            "ORVANTA_MEMORY_LIMIT",
            "lots",
            "ORVANTA_MEMORY_LIMIT ('lots') is not a size such as 512MiB or 1GiB.",
        ),
        ("ORVANTA_MEMORY_LIMIT", "0", "ORVANTA_MEMORY_LIMIT ('0') is not a size such as 512MiB or 1GiB."),
        ("ORVANTA_ADMIN_EMAIL", "root", "ORVANTA_ADMIN_EMAIL ('root') is not an e-mail address."),
        ("ORVANTA_WORKSPACE", "a b", "ORVANTA_WORKSPACE ('a b') is not a name of letters, digits, - and _."),
        (
            "ORVANTA_LOG_LEVEL",
            "loud",
            "ORVANTA_LOG_LEVEL ('loud') is not one of debug, info, warning, error.",
        ),
    ],
)
def test_invalid_value_is_reported_in_one_sentence(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load({name: value})
    assert caught.value.message == message


def test_invalid_secret_is_not_echoed() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load({"DATABASE_URL": "mysql://root:hunter2@db/x"})
    assert "hunter2" not in caught.value.message


def test_contradictory_lease_times_are_rejected() -> None:
    with pytest.raises(SettingsError, match="contradict"):
        settings.load({"ORVANTA_LEASE_MS": "3000"})


def test_secrets_stay_out_of_repr() -> None:
    made = settings.load({"DATABASE_URL": "postgresql://app:hunter2@db/x", "ORVANTA_ADMIN_PASSWORD": "hunter3"})
    assert "hunter" not in repr(made)
    assert {"DATABASE_URL", "ORVANTA_ADMIN_PASSWORD", "ORVANTA_INSTANCE_KEY"} <= set(settings.secret_names())


def test_embedded_database_settings_reach_children() -> None:
    made = settings.with_database(settings.load({}), "postgresql://app@/o", "postgresql://owner@/o")
    again = settings.load(settings.secrets(made))
    assert (again.database_url, again.owner_url) == ("postgresql://app@/o", "postgresql://owner@/o")
