"""Names that look like a well-known package's and are not it: a hint for a person, never a refusal."""

from __future__ import annotations

from typing import Final

from orvanta_platform.workflow.requirements.needs import Requirements

_SHORTEST: Final = 5
"""Shorter names are all near to one another."""


def suspicions(requirements: Requirements) -> list[str]:
    """A sentence for each direct requirement whose name is one slip away from a well-known one."""
    known = _KNOWN[requirements.ecosystem]
    found = []
    for name, _ in requirements.packages:
        bare = name.partition("[")[0]
        near = next((other for other in known if _is_near(bare, other)), None) if bare not in known else None
        if near is not None:
            found.append(f"{bare} is not {near}, but nearly named so: make sure that it is the one you mean.")
    return found


def _is_near(name: str, known: str) -> bool:
    """Whether one slip leads from one to the other: a letter too many, too few, another one, or two swapped."""
    if min(len(name), len(known)) < _SHORTEST or abs(len(name) - len(known)) > 1:
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
