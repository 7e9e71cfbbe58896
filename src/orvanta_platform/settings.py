"""Settings, read once from the environment.

The class is the table: one field is one name, with its parser, default, unit and description.
`control.process_settings` generates the page docs/reference/settings.md from it.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

from orvanta_platform import readers
from orvanta_platform.errors import SettingsError

Isolation = Literal["auto", "required", "full", "userns", "landlock", "none"]

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Addresses and names that only programs on this machine reach."""

_STORES = ("file", "s3", "gs", "az")


def default_home(environ: Mapping[str, str]) -> Path:
    """Return the data folder that applies without ORVANTA_HOME."""
    if os.geteuid() == 0:
        return Path("/var/lib/orvanta")
    data = environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "orvanta"


def _setting(
    name: str,
    read: Callable[[str], Any],
    text: str,
    *,
    default: Any = None,
    shown: str | None = None,
    unit: str = "",
    secret: bool = False,
) -> Any:
    """Return the field of one setting. `shown` is the default as printed on the page; `secret` excludes the value from
    repr.
    """
    row = {"name": name, "read": read, "text": text, "shown": shown, "unit": unit, "secret": secret}
    return field(default=default, repr=not secret, metadata=row)


_database = readers.url("postgresql", "postgres")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings. Sizes are in bytes; names of times end in their unit."""

    home: Path = _setting(
        "ORVANTA_HOME",
        readers.folder,
        "Folder of the embedded database, keys, tokens and local objects.",
        default=Path("/var/lib/orvanta"),
        shown="/var/lib/orvanta for root, otherwise ~/.local/share/orvanta",
    )
    host: str = _setting("ORVANTA_HOST", str, "Address the server listens on.", default="127.0.0.1")
    port: int = _setting("ORVANTA_PORT", readers.integer(1, 65535), "Port the server listens on.", default=8000)
    base_url: str = _setting(
        "ORVANTA_BASE_URL",
        readers.url("http", "https"),
        "URL at which people and jobs reach the server.",
        default="http://127.0.0.1:8000",
        shown="http://ORVANTA_HOST:ORVANTA_PORT",
    )
    editor_origins: tuple[str, ...] = _setting(
        "ORVANTA_EDITOR_ORIGINS",
        readers.origins,
        "Other origins that serve the editor, comma-separated, such as https://orvanta.example.org; "
        "their pages can call the API with the session of the user.",
        default=(),
        shown="none",
    )
    database_url: str | None = _setting(
        "DATABASE_URL",
        _database,
        "PostgreSQL 15 or newer, with the application role; can be a transaction pooler.",
        shown="the embedded PostgreSQL",
        secret=True,
    )
    database_direct_url: str | None = _setting(
        "DATABASE_DIRECT_URL",
        _database,
        "The same database without a pooler, for notifications (LISTEN).",
        shown="DATABASE_URL",
        secret=True,
    )
    owner_url: str | None = _setting(
        "ORVANTA_OWNER_URL",
        _database,
        "The same database with the role that owns the tables, for migrations.",
        shown="DATABASE_DIRECT_URL",
        secret=True,
    )
    object_storage_url: str | None = _setting(
        "OBJECT_STORAGE_URL",
        readers.url(*_STORES),
        "Object storage of large values: `file:///path`, `s3://bucket/prefix?endpoint=&region=`, `gs://bucket/prefix` "
        "or `az://container/prefix`. Credentials are read from the variables of the vendor.",
        shown="the folder objects in ORVANTA_HOME",
        secret=True,
    )
    instance_key: str | None = _setting(
        "ORVANTA_INSTANCE_KEY",
        str,
        "Key that encrypts the keys of the workspaces; must be the same in every process.",
        shown="a file in ORVANTA_HOME, created at first start",
        secret=True,
    )
    second_instance_key: str | None = _setting(
        "ORVANTA_SECOND_INSTANCE_KEY",
        str,
        "Second instance key during a rotation: it opens and verifies, and never seals or signs.",
        shown="none",
        secret=True,
    )
    admin_email: str = _setting(
        "ORVANTA_ADMIN_EMAIL", readers.email, "E-mail address of the first administrator.", default="admin@localhost"
    )
    admin_password: str | None = _setting(
        "ORVANTA_ADMIN_PASSWORD",
        str,
        "Password of the first administrator, set at first start.",
        shown="set by a one-time link",
        secret=True,
    )
    workspace: str = _setting(
        "ORVANTA_WORKSPACE",
        readers.word,
        "Workspace created at first start, and that of client commands.",
        default="main",
    )
    client_url: str | None = _setting(
        "ORVANTA_URL", readers.url("http", "https"), "Server that client commands use.", shown="that of the profile"
    )
    client_token: str | None = _setting(
        "ORVANTA_TOKEN", str, "Token of client commands for ORVANTA_URL.", shown="that of the profile", secret=True
    )
    client_profile: str | None = _setting(
        "ORVANTA_PROFILE", str, "Profile of client commands.", shown="the current one"
    )
    slots: int = _setting(
        "ORVANTA_SLOTS",
        readers.integer(1, 1000),
        "Jobs that one worker runs concurrently.",
        default=4,
        shown="2 × cores, at least 4",
    )
    queues: tuple[str, ...] = _setting(
        "ORVANTA_QUEUES", readers.names, "Queues the worker serves, comma-separated.", default=(), shown="all"
    )
    worker_group: str = _setting("ORVANTA_WORKER_GROUP", readers.word, "Group of the worker.", default="default")
    isolation: Isolation = _setting(
        "ORVANTA_ISOLATION",
        readers.choice(*get_args(Isolation)),
        "Isolation level of user code; `auto` uses the best level that the machine supports, `required` refuses to "
        "start below userns.",
        default="auto",
    )
    job_ports: tuple[int, ...] | None = _setting(
        "ORVANTA_JOB_PORTS",
        readers.ports,
        "TCP ports that jobs may listen on by number, comma-separated, or `any`; a port that the kernel assigns is "
        "always allowed. Enforced on Linux 6.7 or newer with Landlock.",
        default=(),
        shown="none",
    )
    memory_limit: int = _setting(
        "ORVANTA_MEMORY_LIMIT", readers.size, "Maximum memory of one job.", default=1 << 30, shown="1GiB", unit="size"
    )
    process_limit: int = _setting(
        "ORVANTA_PROCESS_LIMIT",
        readers.integer(1, 100_000),
        "Maximum number of processes and threads of one job.",
        default=256,
    )
    disk_limit: int = _setting(
        "ORVANTA_DISK_LIMIT",
        readers.size,
        "Maximum total size of the files of one job.",
        default=1 << 30,
        shown="1GiB",
        unit="size",
    )
    result_limit: int = _setting(
        "ORVANTA_RESULT_LIMIT",
        readers.size,
        "Maximum size of the result of one job.",
        default=100 << 20,
        shown="100MiB",
        unit="size",
    )
    file_limit: int = _setting(
        "ORVANTA_FILE_LIMIT",
        readers.size,
        "Maximum size of one file of a workspace.",
        default=5 << 30,
        shown="5GiB",
        unit="size",
    )
    log_limit: int = _setting(
        "ORVANTA_LOG_LIMIT",
        readers.size,
        "Maximum size of the log of one job; a longer one is truncated, which its last line notes.",
        default=200 << 20,
        shown="200MiB",
        unit="size",
    )
    job_timeout_s: int = _setting(
        "ORVANTA_JOB_TIMEOUT_S", readers.integer(1, 31_536_000), "Maximum run time of one job.", default=3600, unit="s"
    )
    statement_timeout_ms: int = _setting(
        "ORVANTA_STATEMENT_TIMEOUT_MS",
        readers.integer(100, 60_000),
        "Maximum run time of one database statement of a server process; a longer one fails with `query_timeout`.",
        default=30_000,
        unit="ms",
    )
    wait_s: int = _setting(
        "ORVANTA_WAIT_S",
        readers.integer(1, 86_400),
        "Maximum time that a call waits for the result of a run.",
        default=600,
        unit="s",
    )
    anonymous_rate: int = _setting(
        "ORVANTA_ANONYMOUS_RATE",
        readers.integer(1, 10**6),
        "Maximum number of calls per minute without a token from one address.",
        default=3000,
    )
    trusted_proxies: tuple[str, ...] = _setting(
        "ORVANTA_TRUSTED_PROXIES",
        readers.networks,
        "Addresses and networks of the proxies in front of the server, comma-separated, such as 10.1.0.0/16,::1. For "
        "a call from one of them, the forwarded address is the caller.",
        default=(),
        shown="none",
    )
    forwarded_header: str = _setting(
        "ORVANTA_FORWARDED_HEADER",
        readers.choice("x-forwarded-for", "forwarded"),
        "Header in which these proxies forward the address of the caller; other such headers are ignored.",
        default="x-forwarded-for",
    )
    request_grace_s: int = _setting(
        "ORVANTA_REQUEST_GRACE_S",
        readers.integer(1, 3600),
        "Time limit for the headers of a call, and time after which `ORVANTA_REQUEST_RATE` applies to its body.",
        default=30,
        unit="s",
    )
    request_rate: int = _setting(
        "ORVANTA_REQUEST_RATE",
        readers.size,
        "Minimum average speed of a body in bytes per second, after `ORVANTA_REQUEST_GRACE_S`.",
        default=1 << 10,
        shown="1KiB",
        unit="size",
    )
    request_timeout_s: int = _setting(
        "ORVANTA_REQUEST_TIMEOUT_S",
        readers.integer(1, 604_800),
        "Maximum time for a body, regardless of its speed.",
        default=21_600,
        unit="s",
    )
    anonymous_body: int = _setting(
        "ORVANTA_ANONYMOUS_BODY",
        readers.size,
        "Maximum size of the body of a call without a token, such as to the route of an HTTP trigger.",
        default=2 << 20,
        shown="2MiB",
        unit="size",
    )
    waiting_run_limit: int = _setting(
        "ORVANTA_WAITING_RUN_LIMIT",
        readers.integer(0, 10**8),
        "Maximum number of waiting runs of a workspace; 0: unlimited.",
        default=0,
    )
    pythons: tuple[str, ...] = _setting(
        "ORVANTA_PYTHONS",
        readers.programs,
        "Interpreters for scripts that ask for another version of Python, separated by colons, in addition to those "
        "on PATH, of pyenv and of uv.",
        default=(),
        shown="none",
    )
    python_index: str | None = _setting(
        "ORVANTA_PYTHON_INDEX",
        readers.url("http", "https"),
        "Index of Python packages.",
        shown="that of uv or pip",
        secret=True,
    )
    npm_registry: str | None = _setting(
        "ORVANTA_NPM_REGISTRY",
        readers.url("http", "https"),
        "Registry of npm packages.",
        shown="that of npm or bun",
        secret=True,
    )
    composer_repository: str | None = _setting(
        "ORVANTA_COMPOSER_REPOSITORY",
        readers.url("http", "https"),
        "Repository of PHP packages.",
        shown="Packagist",
        secret=True,
    )
    gem_source: str | None = _setting(
        "ORVANTA_GEM_SOURCE",
        readers.url("http", "https"),
        "Source of Ruby gems.",
        shown="RubyGems.org",
        secret=True,
    )
    package_builds: str = _setting(
        "ORVANTA_PACKAGE_BUILDS",
        readers.choice("off", "on"),
        "Build Python packages without a wheel from source.",
        default="off",
    )
    beat_ms: int = _setting(
        "ORVANTA_BEAT_MS",
        readers.integer(10, 60_000),
        "Time between two heartbeats of a worker.",
        default=2000,
        unit="ms",
    )
    lease_ms: int = _setting(
        "ORVANTA_LEASE_MS",
        readers.integer(20, 600_000),
        "Time without a heartbeat after which a worker loses its jobs.",
        default=8000,
        unit="ms",
    )
    lost_beat_ms: int = _setting(
        "ORVANTA_LOST_BEAT_MS",
        readers.integer(20, 600_000),
        "Time without a successful heartbeat after which a worker starts no new jobs; less than the lease.",
        default=6000,
        unit="ms",
    )
    watch_ms: int = _setting(
        "ORVANTA_WATCH_MS",
        readers.integer(10, 60_000),
        "Time between two checks of the heartbeats of other processes.",
        default=2000,
        unit="ms",
    )
    cancel_grace_ms: int = _setting(
        "ORVANTA_CANCEL_GRACE_MS",
        readers.integer(0, 600_000),
        "Time for workers to stop a cancelled run.",
        default=10_000,
        unit="ms",
    )
    max_losses: int = _setting(
        "ORVANTA_MAX_LOSSES",
        readers.integer(0, 100),
        "Number of times a job may lose its worker before it fails.",
        default=3,
    )
    allowed_networks: tuple[str, ...] = _setting(
        "ORVANTA_ALLOWED_NETWORKS",
        readers.networks,
        "Private networks that the server may call, comma-separated: for HTTP request nodes, notifications, Git "
        "repositories and connection tests.",
        default=(),
        shown="none",
    )
    git_folder: Path | None = _setting(
        "ORVANTA_GIT_FOLDER",
        readers.folder,
        "Folder with Git repositories. A workspace may be bound by file URLs to those in the folder with its id.",
        shown="none",
    )
    metrics_host: str = _setting(
        "ORVANTA_METRICS_HOST",
        str,
        "Address on which metrics and health checks are served; one other than loopback requires "
        "`ORVANTA_METRICS_TOKEN`.",
        default="127.0.0.1",
    )
    metrics_port: int | None = _setting(
        "ORVANTA_METRICS_PORT",
        readers.integer(1, 65535),
        "Port on which a server serves metrics and health checks.",
        shown="off",
    )
    worker_metrics_port: int | None = _setting(
        "ORVANTA_WORKER_METRICS_PORT",
        readers.integer(1, 65535),
        "Port on which a worker serves metrics and health checks.",
        shown="off",
    )
    metrics_token: str | None = _setting(
        "ORVANTA_METRICS_TOKEN",
        readers.bearer,
        "Bearer token that metrics require; health checks need none.",
        shown="none",
        secret=True,
    )
    otlp_endpoint: str | None = _setting(
        "ORVANTA_OTLP_ENDPOINT",
        readers.url("http", "https"),
        "URL to which traces of runs are sent (OTLP over HTTP), such as http://collector:4318/v1/traces. Needs the "
        "extra `otel`.",
        shown="off",
    )
    retention_days: int = _setting(
        "ORVANTA_RETENTION_DAYS",
        readers.integer(0, 36_500),
        "Age in days at which runs are deleted; 0: never.",
        default=90,
        unit="days",
    )
    search_mb: int = _setting(
        "ORVANTA_SEARCH_MB",
        readers.integer(1, 10**6),
        "Maximum size of the search index of a workspace.",
        default=512,
        unit="MiB",
    )
    log_level: str = _setting(
        "ORVANTA_LOG_LEVEL",
        readers.choice("debug", "info", "warning", "error"),
        "Lowest level of the log, which is written to standard error. `orvanta up` defaults to warning.",
        default="info",
    )
    log_format: str = _setting(
        "ORVANTA_LOG_FORMAT",
        readers.choice("console", "json"),
        "Format of the log: `console` writes key=value pairs, `json` one JSON object per line.",
        default="console",
    )
    token_max_age_days: int | None = _setting(
        "ORVANTA_TOKEN_MAX_AGE_DAYS",
        readers.integer(1, 3650),
        "Maximum lifetime of a new API token. Takes precedence over the setting `token_max_age_days`, like the four "
        "below over theirs; set them to the same value for every server.",
        shown="the stored setting",
        unit="days",
    )
    require_totp: str | None = _setting(
        "ORVANTA_REQUIRE_TOTP",
        readers.choice("true", "false"),
        "Whether each login with a password needs a code as well.",
        shown="the stored setting",
    )
    audit_retention_days: int | None = _setting(
        "ORVANTA_AUDIT_RETENTION_DAYS",
        readers.integer(30, 36_500),
        "Age at which audit rows are deleted.",
        shown="the stored setting",
        unit="days",
    )
    default_tags: tuple[str, ...] | None = _setting(
        "ORVANTA_DEFAULT_TAGS",
        readers.pairs,
        "Queues of runs that name none, by workspace, such as `sales=gpu,*=shared`; `*` stands for the other "
        "workspaces.",
        shown="the stored setting",
    )
    branding_color: str | None = _setting(
        "ORVANTA_BRANDING_COLOR",
        readers.color,
        "Colour of the line above the login and the pages of workspaces without a colour, such as #4f46e5.",
        shown="the stored setting",
    )

    @property
    def objects(self) -> str:
        """URL of the object storage: the configured one, otherwise the folder in home."""
        return self.object_storage_url or (self.home / "objects").as_uri()


def setting_fields() -> list[Field[Any]]:
    """Return the fields of the table. The metadata of each has its name in the environment, text, unit and parser."""
    return list(fields(Settings))


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of this process. An empty value counts as unset.

    Raises SettingsError for an unknown ORVANTA_ name, an invalid value, or contradictory times.
    """
    _refuse_unknown(environ)
    values = {row.name: _read(row, environ) for row in setting_fields() if environ.get(row.metadata["name"])}
    values.setdefault("home", default_home(environ))
    values.setdefault("slots", max(4, 2 * (os.cpu_count() or 1)))
    values.setdefault("base_url", f"http://{_in_url(values.get('host', '127.0.0.1'))}:{values.get('port', 8000)}")
    settings = Settings(**values)
    if not settings.beat_ms < settings.lost_beat_ms < settings.lease_ms:
        raise SettingsError(
            f"The heartbeat settings contradict each other: heartbeat {settings.beat_ms} ms, "
            f"lost heartbeat {settings.lost_beat_ms} ms, lease {settings.lease_ms} ms.",
            hint="Set ORVANTA_BEAT_MS < ORVANTA_LOST_BEAT_MS < ORVANTA_LEASE_MS.",
        )
    _check_metrics(settings)
    _check_traces(settings)
    return _complete_urls(settings)


def _check_metrics(settings: Settings) -> None:
    """Require a token for metrics on an address that other machines reach. Raises SettingsError."""
    served = settings.metrics_port is not None or settings.worker_metrics_port is not None
    if served and settings.metrics_token is None and settings.metrics_host not in LOOPBACK:
        raise SettingsError(
            f"Metrics on {settings.metrics_host} need a token.",
            hint="Set ORVANTA_METRICS_TOKEN, or remove ORVANTA_METRICS_HOST.",
        )


def _check_traces(settings: Settings) -> None:
    """Require the libraries of OpenTelemetry for traces. Raises SettingsError."""
    if settings.otlp_endpoint is not None and find_spec("opentelemetry") is None:
        raise SettingsError(
            "ORVANTA_OTLP_ENDPOINT needs libraries that are not installed.",
            hint="Run `pip install 'orvanta-platform[otel]'`, or remove the setting.",
        )


def with_database(settings: Settings, app_url: str, owner_url: str) -> Settings:
    """Return the settings with this database, the embedded one."""
    return replace(settings, database_url=app_url, database_direct_url=app_url, owner_url=owner_url)


def secrets(settings: Settings) -> dict[str, str]:
    """Return the secret values that are set, by their names in the environment, as `load` reads them."""
    found = [(row.metadata["name"], getattr(settings, row.name)) for row in setting_fields() if row.metadata["secret"]]
    return {name: value for name, value in found if value}


def secret_names() -> tuple[str, ...]:
    """Return the names in the environment that hold secrets and must be removed from it."""
    return tuple(row.metadata["name"] for row in setting_fields() if row.metadata["secret"])


def known_names() -> tuple[str, ...]:
    """Return every name of the environment that is read, in the order of the table."""
    return tuple(row.metadata["name"] for row in setting_fields())


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    known = known_names()
    for name in environ:
        if name.startswith("ORVANTA_") and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise SettingsError(f"Unknown setting {name}.", hint=f"Did you mean {near}?", details={"name": name})


def _read(row: Field[Any], environ: Mapping[str, str]) -> Any:
    name = row.metadata["name"]
    try:
        return row.metadata["read"](environ[name])
    except ValueError as error:
        shown = "" if row.metadata["secret"] else f" ({environ[name]!r})"
        raise SettingsError(f"{name}{shown} is not {error}.", details={"name": name}) from None


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _complete_urls(settings: Settings) -> Settings:
    direct = settings.database_direct_url or settings.database_url
    return replace(settings, database_direct_url=direct, owner_url=settings.owner_url or direct)
