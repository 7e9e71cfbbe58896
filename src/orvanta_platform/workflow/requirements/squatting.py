"""Typosquatting: package names that resemble a well-known package. Only a hint for people, never an error."""

from __future__ import annotations

from typing import Final

from orvanta_platform.workflow.requirements.needs import Requirements

_MIN_LENGTH: Final = 5
"""Minimum length of compared names; shorter names all resemble each other."""


def suspicions(requirements: Requirements) -> list[str]:
    """Return a sentence for each direct requirement whose name is one typing error away from a well-known one."""
    known = _KNOWN.get(requirements.ecosystem, ())
    found = []
    for name, _ in requirements.packages:
        base_name = name.partition("[")[0]
        if base_name in known:
            continue
        similar = next((other for other in known if _is_similar(base_name, other)), None)
        if similar is not None:
            found.append(f"{base_name} is almost the name of {similar}: make sure that it is the package you want.")
    return found


def _is_similar(name: str, known: str) -> bool:
    """Return whether the names differ by one typing error: an extra, missing or wrong letter, or two swapped ones."""
    if min(len(name), len(known)) < _MIN_LENGTH or abs(len(name) - len(known)) > 1:
        return False
    if _squeezed(name) == _squeezed(known):
        return True
    start = next((i for i, (a, b) in enumerate(zip(name, known, strict=False)) if a != b), min(len(name), len(known)))
    one, other = name[start:], known[start:]
    return (
        one[1:] == other[1:]
        or one[1:] == other
        or one == other[1:]
        or (one[:2] == other[1::-1] and one[2:] == other[2:])
    )


def _squeezed(name: str) -> str:
    return name.replace("-", "").replace("_", "").replace(".", "")


_PYTHON: Final = """
aiohttp alembic anthropic anyio asyncpg attrs azure-identity beautifulsoup4 boto3 botocore cachetools celery certifi
cffi charset-normalizer click colorama coverage cryptography django docutils fastapi filelock flask google-auth
google-cloud-storage grpcio gunicorn httpx hypothesis idna jinja2 jsonschema kubernetes langchain lxml markdown
markupsafe matplotlib msgpack mypy networkx numpy oauthlib openai openpyxl packaging pandas paramiko pillow platformdirs
polars prometheus-client protobuf psutil psycopg psycopg2-binary pyarrow pycryptodome pydantic pygments pyjwt pymongo
pymysql pyopenssl pytest python-dateutil python-dotenv pytz pyyaml redis regex requests rich scikit-learn scipy selenium
sentry-sdk setuptools simplejson slack-sdk snowflake-connector-python sqlalchemy starlette stripe tabulate tensorflow
torch tornado tqdm transformers twilio typing-extensions urllib3 uvicorn virtualenv websockets werkzeug xlsxwriter
"""
_NPM: Final = """
@aws-sdk/client-s3 @octokit/rest @slack/web-api ajv async axios bluebird body-parser chalk cheerio classnames commander
cookie cors cross-env cross-spawn csv-parse date-fns dayjs debug discord.js dotenv electron esbuild eslint express
fast-xml-parser firebase fs-extra glob googleapis graphql handlebars ioredis jquery jsonwebtoken knex lodash lodash-es
luxon marked mime minimist mkdirp moment mongodb mongoose mysql2 nanoid node-fetch nodemailer openai papaparse postgres
prettier puppeteer ramda react react-dom redis request rimraf rxjs semver sharp socket.io stripe tslib twilio typescript
undici underscore uuid validator webpack winston xml2js yargs zod
"""
_KNOWN: Final = {"python": tuple(_PYTHON.split()), "npm": tuple(_NPM.split())}
