"""Host of SQL scripts for Snowflake inside a cell. Standard library, and Snowflake's driver of the job's package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.runtimes import dbapi
from orvanta_platform.worker.runtimes.sql_text import STANDARD

_OPTIONS = ("database", "schema", "warehouse", "role", "host", "port", "protocol")


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Execute the statements in order; see `Host.run`."""
    dbapi.run_script(job, content, args, dialect=STANDARD, connect=_connect, error_name="SnowflakeError")


def _connect(database: Mapping[str, Any]) -> Any:
    import snowflake.connector

    account = str(database.get("account_identifier") or database.get("account") or "")
    if not account:
        raise dbapi.NoDatabase("the resource names no account_identifier")
    options = {name: database[name] for name in _OPTIONS if database.get(name)}
    return snowflake.connector.connect(
        account=account, user=str(database.get("username") or database.get("user") or ""), **_login(database), **options
    )


def _login(database: Mapping[str, Any]) -> dict[str, Any]:
    """Return the credentials: a private key (PEM), a token, or a password."""
    key = str(database.get("private_key") or "")
    if key:
        from cryptography.hazmat.primitives import serialization as forms

        loaded = forms.load_pem_private_key(key.encode(), None)
        return {
            "private_key": loaded.private_bytes(forms.Encoding.DER, forms.PrivateFormat.PKCS8, forms.NoEncryption())
        }
    if database.get("token"):
        return {"token": str(database["token"]), "authenticator": "oauth"}
    return {"password": str(database.get("password") or "")}


finish: None = None
"""No function, as the process writes its result itself."""
