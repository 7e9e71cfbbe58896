"""Popular packages from the indexes of this machine: each is locked, installed and used once.

With PACKAGES_TABLE=docs/reference/packages.md, the table of that page is updated.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace
from tests.conftest import TestDatabase
from tests.packages.conftest import Log
from tests.worker.jobs import run_spec, spec

from orvanta_platform.services.platform import open_platform
from orvanta_platform.services.runs.locks import Locks
from orvanta_platform.settings import Settings
from orvanta_platform.worker.imports import Imports
from orvanta_platform.worker.packages.store import PackageError, PackageRequest, Packages
from orvanta_platform.worker.runtimes.pool import Runtimes

pytestmark = pytest.mark.soak(minutes=20)

PYTHON = {
    "requests": ("import requests", "requests.Request('GET', 'http://a/b', params={'c': 1}).prepare().url"),
    "httpx": ("import httpx", "str(httpx.URL('http://a/b').copy_with(query=b'c=1'))"),
    "pandas": ("import pandas as pd", "int(pd.DataFrame({'a': [1, 2]}).a.sum())"),
    "numpy": ("import numpy as np", "float(np.arange(4).mean())"),
    "polars": ("import polars as pl", "pl.DataFrame({'a': [1, 2]}).select(pl.col('a').sum()).item()"),
    "pyarrow": ("import pyarrow as pa", "pa.array([1, 2]).to_pylist()"),
    "psycopg2-binary": ("import psycopg2", "psycopg2.extensions.make_dsn(host='a', dbname='b')"),
    "psycopg": (
        "# extra_requirements:\n# psycopg[binary]\n\nimport psycopg",
        "psycopg.conninfo.make_conninfo(host='a')",
    ),
    "sqlalchemy": ("import sqlalchemy as sa", "str(sa.select(sa.literal(1)))"),
    "pydantic": ("import pydantic", "pydantic.TypeAdapter(list[int]).validate_python(['1'])"),
    "boto3": (
        "import boto3",
        "boto3.client('s3', 'eu-west-1', aws_access_key_id='a', aws_secret_access_key='b').meta.region_name",
    ),
    "openai": ("import openai", "str(openai.OpenAI(api_key='a').base_url)"),
    "anthropic": ("import anthropic", "str(anthropic.Anthropic(api_key='a').base_url)"),
    "supabase": ("import supabase", "supabase.ClientOptions().schema"),
    "matplotlib": (
        "import io\nimport matplotlib; matplotlib.use('agg')\nimport matplotlib.pyplot as plt",
        "(plt.plot([1, 2]), plt.savefig(out := io.BytesIO()), out.tell() > 1000)[2]",
    ),
    "shapely": ("import shapely", "shapely.Point(0, 0).buffer(1).area > 3"),
    "weasyprint": ("import weasyprint", "weasyprint.HTML(string='<p>a').write_pdf()[:4].decode()"),
    "beautifulsoup4": ("import bs4", "bs4.BeautifulSoup('<p>a', 'html.parser').p.text"),
    "lxml": ("import lxml.etree as etree", "etree.fromstring('<a><b/></a>')[0].tag"),
    "openpyxl": ("import openpyxl", "openpyxl.Workbook().active.title"),
    "pyyaml": ("import yaml", "yaml.safe_load('a: [1]')"),
    "jinja2": ("import jinja2", "jinja2.Template('{{ a }}').render(a=1)"),
    "pillow": ("import PIL.Image as image", "image.new('RGB', (2, 3)).size"),
    "scikit-learn": (
        "import sklearn.linear_model as models",
        "round(float(models.LinearRegression().fit([[0], [1]], [0, 1]).coef_[0]), 3)",
    ),
    "cryptography": ("from cryptography.fernet import Fernet", "len(Fernet.generate_key())"),
    "paramiko": ("import paramiko", "paramiko.RSAKey.generate(1024).get_bits()"),
    "redis": ("import redis", "redis.Redis('a').get_encoder().encode(1).decode()"),
    "stripe": ("import stripe", "stripe.StripeClient('sk_a') is not None"),
}
"""Python packages: name → imports, and an expression that uses the package."""

NPM = {
    "lodash": ('import _ from "lodash"', "_.chunk([1, 2, 3], 2)"),
    "zod": ('import { z } from "zod"', "z.array(z.number()).parse([1])"),
    "axios": ('import axios from "axios"', "axios.getUri({ url: '/a', params: { b: 1 } })"),
    "cheerio": ('import * as cheerio from "cheerio"', "cheerio.load('<p>a</p>')('p').text()"),
    "date-fns": ('import { addDays } from "date-fns"', "addDays(new Date(0), 1).toISOString()"),
    "dayjs": ('import dayjs from "dayjs"', "dayjs(0).add(1, 'day').toISOString()"),
    "papaparse": ('import Papa from "papaparse"', "Papa.parse('a,b').data"),
    "sharp": (
        'import sharp from "sharp"',
        "(await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } }).png().toBuffer()).length",
    ),
    "postgres": ('import postgres from "postgres"', "postgres('postgres://a/b').options.database"),
    "uuid": ('import { v4 } from "uuid"', "v4().length"),
    "nanoid": ('import { nanoid } from "nanoid"', "nanoid().length"),
    "openai": ('import OpenAI from "openai"', "new OpenAI({ apiKey: 'a' }).baseURL"),
    "stripe": ('import Stripe from "stripe"', "typeof new Stripe('sk_a').charges.create"),
    "nodemailer": (
        'import nodemailer from "nodemailer"',
        "typeof nodemailer.createTransport({ jsonTransport: true }).sendMail",
    ),
}
"""npm packages: name → import, and an expression that uses the package."""


@dataclass(frozen=True)
class Line:
    """Outcome of one package."""

    ecosystem: str
    name: str
    fault: str | None
    first_s: float
    later_s: float


@pytest.fixture
async def store(database: TestDatabase) -> AsyncIterator[tuple[Runtimes, Packages]]:
    # On disk: files in memory would count towards the memory of the jobs.
    folder = Path(tempfile.mkdtemp(prefix="orvanta-packages-", dir="/var/tmp"))
    folder.chmod(0o755)
    settings = Settings(home=folder / "home", database_url=database.app_url, database_direct_url=database.app_url)
    platform = await open_platform(settings)
    runtimes = Runtimes(settings.home, [])
    await runtimes.start()
    imports = Imports(platform, runtimes)
    yield runtimes, Packages(runtimes, settings, Locks(platform), imports, dict(os.environ))
    await runtimes.close()
    await platform.close()
    shutil.rmtree(folder, ignore_errors=True)


def scripts() -> list[tuple[str, str, str, str]]:
    """Return (ecosystem, package, language, content) of all packages."""
    python = [
        ("PyPI", name, "python3", f"{start}\n\ndef main():\n    return {value}\n")
        for name, (start, value) in PYTHON.items()
    ]
    npm = [
        ("npm", name, "bun", f"{start};\nexport async function main() {{\n  return {value};\n}}\n")
        for name, (start, value) in NPM.items()
    ]
    return python + npm


async def test_popular_packages(store: tuple[Runtimes, Packages]) -> None:
    runtimes, packages = store
    lines = []
    for ecosystem, name, language, content in scripts():
        request = PackageRequest(uuid4(), 1, "main", language, content)
        seconds, fault = [], None
        for _ in range(2):
            started = time.monotonic()
            log = Log()
            try:
                package = await packages.provide(request, log, asyncio.Event())
                ran = await run_spec(runtimes, replace(spec(language, content, timeout_s=60), package=package))
                fault = None if ran.outcome.error is None else f"{ran.outcome.error.name}: {ran.outcome.error.message}"
            except PackageError as error:
                fault = f"{error.name}: {error.message}"
            seconds.append(time.monotonic() - started)
        lines.append(Line(ecosystem, name, fault, *seconds))
        print(lines[-1], flush=True)
    if "PACKAGES_TABLE" in os.environ:
        Path(os.environ["PACKAGES_TABLE"]).write_text(page(lines))
    assert [line for line in lines if line.fault is not None] == []


def page(lines: list[Line]) -> str:
    """Return the page of the documentation."""
    good = sum(line.fault is None for line in lines)
    rows = [
        f"| {line.ecosystem} | `{line.name}` | {f'**no**: {_short(line.fault)}' if line.fault else 'yes'} | "
        f"{line.first_s:.1f} | {line.later_s:.2f} |"
        for line in lines
    ]
    taken = f"{os.cpu_count()} processors, level full, {datetime.now(UTC):%Y-%m-%d}"
    return "\n".join(
        [
            "# Tested packages",
            "",
            f"{len(lines)} packages that scripts use most: a job locks, installs and imports each, and does one thing.",
            f"{good} of {len(lines)} work. The first run locks and installs the package, later ones use the installed",
            f"folder ({taken}). `make soak ARGS=tests/soak/test_popular_packages.py` repeats it, and writes",
            "this page if `PACKAGES_TABLE` names it. Packages that need libraries of the system, such as Pango for",
            "weasyprint, find those of the machine of the worker. Times depend on the index and on the load.",
            "",
            "| index | package | works | first run, s | later runs, s |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _short(fault: str) -> str:
    return " ".join(fault.split()).replace("|", "\\|")[:120]
