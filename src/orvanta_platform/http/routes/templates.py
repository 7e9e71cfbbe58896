"""Routes of workflow templates."""

from __future__ import annotations

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from msgspec import Raw

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, platform_of
from orvanta_platform.http.schemas.items import FlowSource
from orvanta_platform.services.catalog import templates

_T = "/api/w/{workspace:str}/templates"


class TemplateHead(msgspec.Struct, kw_only=True):
    """A workflow template without its text."""

    name: str
    summary: str
    description: str
    nodes: int
    kinds: list[str]
    languages: list[str]


class Template(TemplateHead, kw_only=True):
    """A workflow template."""

    source: FlowSource
    """Source in the form that `flows/create` accepts."""

    input: Raw
    """Example input."""


@get(f"{_T}/list", opt=call(answer=list[TemplateHead]))
async def list_templates(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List all templates by name."""
    found = await templates.list_all(platform_of(request), actor_of(request), workspace)
    return answers.json([TemplateHead(**_shown(each)) for each in found])  # type: ignore[arg-type]


@get(f"{_T}/get/{{name:str}}", opt=call(answer=Template))
async def get_template(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Get a template with its text (YAML with comments) and an example input."""
    found = await templates.get(platform_of(request), actor_of(request), workspace, name)
    source = FlowSource("yaml", found.text)
    return answers.json(Template(**_shown(found), source=source, input=Raw(found.input)))  # type: ignore[arg-type]


def _shown(found: templates.Template) -> dict[str, object]:
    return {name: getattr(found, name) for name in TemplateHead.__struct_fields__}


ROUTES = [list_templates, get_template]
