"""Job tokens, the instance key, and names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from orvanta_platform.control import job_tokens, keys, names, scopes
from orvanta_platform.control.job_tokens import JobClaim
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.errors import BadRequest, SettingsError
from orvanta_platform.settings import Settings

JOB = UUID("0197a000-0000-7000-8000-000000000001")
KEYS = InstanceKeys(b"k" * 32)
CLAIM = JobClaim(JOB, 3, 7, UUID(int=1), UUID(int=2), "main", "ann@example.com", "u/ann")


def verified(token: str, claim: JobClaim, instance: InstanceKeys = KEYS) -> bool:
    """Return true if a token is accepted for this claim."""
    presented = job_tokens.parse(token)
    return presented is not None and job_tokens.is_signed(instance, presented, claim)


def test_job_token_names_its_attempt_and_is_valid_for_its_claim() -> None:
    token = job_tokens.mint(KEYS, CLAIM)
    presented = job_tokens.parse(token)
    assert token.startswith("jt_") and presented is not None
    assert (presented.job, presented.attempt, presented.generation) == (JOB, 3, 7)
    assert verified(token, CLAIM)


@pytest.mark.parametrize(
    "other",
    [
        {"attempt": 4},
        {"generation": 8},
        {"nonce": uuid4()},
        {"run": uuid4()},
        {"workspace": "other"},
        {"email": "eve@example.com"},
        {"permissioned_as": "u/eve"},
        {"workspace": "mainann@example.com", "email": ""},
    ],
)
def test_job_token_is_invalid_for_other_claims_of_its_job(other: dict[str, Any]) -> None:
    assert not verified(job_tokens.mint(KEYS, CLAIM), replace(CLAIM, **other))


@pytest.mark.parametrize(
    "changed",
    [
        lambda token: token.replace(".3.", ".4."),
        lambda token: token.replace(".7.", ".8."),
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token + "\n",
        lambda token: " " + token,
        lambda token: token.replace("jt_0", "jt_1"),
        lambda token: token.replace(".3.", ".03."),
        lambda _: "jt_",
    ],
)
def test_changed_job_token_is_invalid(changed: object) -> None:
    token = job_tokens.mint(KEYS, CLAIM)
    assert callable(changed)
    assert not verified(changed(token), CLAIM)


def test_another_instance_rejects_the_token() -> None:
    assert not verified(job_tokens.mint(KEYS, CLAIM), CLAIM, InstanceKeys(b"x" * 32))


def test_keys_differ_by_purpose_and_are_not_printed() -> None:
    assert KEYS.key("a") != KEYS.key("b")
    assert KEYS.key("a") == InstanceKeys(b"k" * 32).key("a")
    assert "k" * 8 not in repr(KEYS)


def test_instance_key_is_created_once_and_private(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    first = keys.load(settings).key("x")
    file = tmp_path / "home" / "instance.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert keys.load(settings).key("x") == first
    assert [each.name for each in file.parent.iterdir()] == ["instance.key"]
    os.chmod(file, 0o644)
    with pytest.raises(SettingsError):
        keys.load(settings)


def test_rotation_follows_no_link(tmp_path: Path) -> None:
    """The folder belongs to the user of the processes, but the rotation may run as root."""
    (tmp_path / "instance.key.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError), keys.rotating(Settings(home=tmp_path)):
        pass
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes owners")
def test_key_of_root_changes_owner_of_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    other.touch()
    os.chown(home, 1000, 1000)
    write = keys._write

    def swapped(path: Path, *more: Any) -> None:
        write(path, *more)
        path.rename(tmp_path / "written")
        path.symlink_to(other)

    monkeypatch.setattr(keys, "_write", swapped)
    keys.store(Settings(home=home), "k" * 40, replace=False)
    assert (other.stat().st_uid, (tmp_path / "written").stat().st_uid) == (0, 1000)


def test_short_instance_key_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        keys.load(Settings(home=tmp_path, instance_key="short"))


@pytest.mark.parametrize(
    "path", ["f/x/y", "u/ada/a.b", "f/x/y/z-1_2", "f/x/a.inline.v1", "f/продажи/отчёт", "u/ada/रिपोर्ट"]
)
def test_valid_paths(path: str) -> None:
    names.check_path(path)


@pytest.mark.parametrize(
    "path",
    [
        *("", "f", "f/x", "f/x/", "/f/x/y", "f//y", "f/x/..", "f/../y", "f/x/.y", "f/x/y.", "f/x/a..b", "g/x/y"),
        *(
            "f/x/y\0",
            "f/x/y\n",
            "f/x/y z",
            "u/ä/x",
            "f/x/u\u0308",
            "f/x/\u202ey",
            "f/x/\u200by",
            "f/x/%2e",
            "f\\x\\y",
            "f/x/y;z",
            "f/x.z/y",
            "f/x/" + "y" * 300,
        ),
    ],
)
def test_invalid_paths(path: str) -> None:
    with pytest.raises(BadRequest):
        names.check_path(path)


@pytest.mark.parametrize(
    "scope", ["jobs:run", "jobs:run:f/sales/*", "*:*", "scripts:read:u/ada/x", "jobs:preview", "jobs:run:f/продажи/*"]
)
def test_valid_scopes(scope: str) -> None:
    scopes.check(scope)


@pytest.mark.parametrize(
    "scope", ["", "jobs", "jobs:", "jobs:fly", "nothing:read", "jobs:run:", "jobs:run:%", "flows:preview"]
)
def test_invalid_scopes(scope: str) -> None:
    with pytest.raises(BadRequest):
        scopes.check(scope)


@pytest.mark.parametrize(
    ("held", "limits", "covered"),
    [
        (None, None, True),
        (None, ["jobs:run"], True),
        (["jobs:run"], None, False),
        (["*:*"], None, False),
        (["*:*"], ["jobs:run", "scripts:write:f/a/*"], True),
        (["jobs:run"], ["jobs:run:f/a/*"], True),
        (["jobs:run:f/a/*"], ["jobs:run"], False),
        (["jobs:run:f/a/*"], ["jobs:run:*"], False),
        (["jobs:run:f/*"], ["jobs:run:f/a/*"], True),
        (["jobs:run:f/a/*"], ["jobs:run:f/*"], False),
        (["jobs:run:f/a/b"], ["jobs:run:f/a/b"], True),
        (["variables:write"], ["variables:read"], True),
        (["variables:read"], ["variables:write"], False),
        (["jobs:*"], ["*:*"], False),
        (["jobs:*"], ["jobs:delegate"], False),
    ],
)
def test_limits_covered_by_other_limits(held: list[str] | None, limits: list[str] | None, covered: bool) -> None:
    assert scopes.covers(held, limits) is covered


@pytest.mark.parametrize(
    ("held", "path", "limits"),
    [
        (None, "f/a/b", None),
        (["jobs:run"], "f/a/b", ["jobs:run"]),
        (["*:*"], "f/a/b", ["*:*"]),
        (["jobs:run", "jobs:delegate:f/a/*"], "f/a/b", None),
        (["jobs:run", "jobs:delegate:f/a/*"], "f/b/b", ["jobs:run", "jobs:delegate:f/a/*"]),
        (["jobs:delegate"], None, ["jobs:delegate"]),
    ],
)
def test_limits_of_a_run(held: list[str] | None, path: str | None, limits: list[str] | None) -> None:
    assert scopes.of_run(held, path) == limits
