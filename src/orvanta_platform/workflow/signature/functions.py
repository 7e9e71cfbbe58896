"""Parameters of `main` in languages whose simple forms are matched by patterns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from orvanta_platform.workflow.signature.parameter import Parameter, resource, snake

_MAX_CHARS: Final = 20_000
_OPENING, _CLOSING = "([{", ")]}"
_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_PHP_TYPES: Final[Mapping[str, dict[str, Any]]] = {
    "string": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "array": {"type": "array"},
    "object": {"type": "object"},
    "mixed": {},
    "DateTime": {"type": "string", "format": "date-time"},
}


_R_VALUES: Final = {"TRUE": "true", "FALSE": "false", "NULL": "null"}
_NU_TYPES: Final[Mapping[str, dict[str, Any]]] = {
    "string": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "number": {"type": "number"},
    "bool": {"type": "boolean"},
    "list": {"type": "array"},
    "table": {"type": "array"},
    "record": {"type": "object"},
    "datetime": {"type": "string", "format": "date-time"},
}
_JAVA_TYPES: Final[Mapping[str, dict[str, Any]]] = {
    **{key: {"type": "string"} for key in ("String", "CharSequence")},
    **{key: {"type": "integer"} for key in ("int", "Integer", "long", "Long", "short", "Short", "BigInteger")},
    **{key: {"type": "number"} for key in ("double", "Double", "float", "Float", "BigDecimal", "Number")},
    **{key: {"type": "boolean"} for key in ("boolean", "Boolean")},
    **{key: {"type": "array"} for key in ("List", "Collection", "Iterable")},
    "Map": {"type": "object"},
}
_CSHARP_TYPES: Final[Mapping[str, dict[str, Any]]] = {
    **{key: {"type": "string"} for key in ("string", "String", "char", "Guid")},
    **{key: {"type": "integer"} for key in ("int", "long", "short", "byte", "uint", "ulong", "Int32", "Int64")},
    **{key: {"type": "number"} for key in ("double", "float", "decimal", "Double", "Decimal")},
    **{key: {"type": "boolean"} for key in ("bool", "Boolean")},
    **{key: {"type": "array"} for key in ("List", "IList", "IEnumerable", "ICollection", "IReadOnlyList")},
    **{key: {"type": "object"} for key in ("Dictionary", "IDictionary")},
    "DateTime": {"type": "string", "format": "date-time"},
}
_CSHARP_PARAMETER: Final = re.compile(
    r"\s*(?:params\s+)?(?P<type>[\w.]+)(?:<.*>)?(?P<optional>\??)(?P<array>\[\])*\s+"
    r"(?P<name>@?\w+)\s*(?:=(?P<default>.*))?",
    re.DOTALL,
)
_QUOTED: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_RUST_TYPES: Final[Mapping[str, dict[str, Any]]] = {
    **{key: {"type": "string"} for key in ("String", "char")},
    **{f"{sign}{bits}": {"type": "integer"} for sign in "iu" for bits in ("8", "16", "32", "64", "128", "size")},
    **{key: {"type": "number"} for key in ("f32", "f64")},
    "bool": {"type": "boolean"},
    "Vec": {"type": "array"},
    **{key: {"type": "object"} for key in ("HashMap", "BTreeMap")},
}
_NU_PARAMETER: Final = re.compile(
    r"(?P<name>-{0,2}[^\W\d][\w-]*)(?P<optional>\?)?(?:[ \t]*:[ \t]*(?P<type>\w+(?:<[^>]*>)?))?"
    r"(?:[ \t]*=[ \t]*(?P<default>\"[^\"]*\"|'[^']*'|\[[^\]]*\]|\{[^}]*\}|[^\s,]+))?"
)


def of_php(content: str) -> list[Parameter] | None:
    """Return the parameters of `function main(string $name, ?int $n = 3)`."""
    parts = _parameter_parts(_COMMENT.sub(" ", content), r"^[ \t]*function[ \t]+main[ \t]*\(")
    return None if parts is None else [found for part in parts for found in _of_php(part)]


def _of_php(part: str) -> Iterator[Parameter]:
    match = re.match(r"(?P<type>[?\\\w|]*)[ \t]*&?\$(?P<name>\w+)[ \t]*(?:=[ \t]*(?P<default>.*))?$", part, re.DOTALL)
    if match is None:
        return
    kind = match["type"].lstrip("?\\")
    schema = dict(_PHP_TYPES.get(kind, {} if not kind or "|" in kind else resource(snake(kind))))
    yield _with_default(match["name"], schema, match["default"])


def of_ruby(content: str) -> list[Parameter] | None:
    """Return the parameters of `def main(a, b = 1, c:, d: 2)`."""
    text = re.sub(r"^[ \t]*#[^\n]*", "", content, flags=re.MULTILINE)
    parts = _parameter_parts(text, r"^[ \t]*def[ \t]+main[ \t]*\(")
    if parts is None:
        return [] if re.search(r"^[ \t]*def[ \t]+main[ \t]*\r?$", text, re.MULTILINE) else None
    found = []
    for part in parts:
        match = re.match(r"(?P<name>[a-z_]\w*)[ \t]*(?:=[ \t]*(?P<value>.+)|:[ \t]*(?P<keyword>.*))?$", part, re.DOTALL)
        if match is not None:
            found.append(_with_default(match["name"], {}, match["value"] or match["keyword"] or None))
    return found


def of_r(content: str) -> list[Parameter] | None:
    """Return the parameters of `main <- function(a, b = 1)`."""
    text = re.sub(r"#[^\n]*", "", content)
    parts = _parameter_parts(text, r"^[ \t]*main[ \t]*(?:<-|=)[ \t]*function[ \t]*\(")
    if parts is None:
        return None
    found = []
    for part in parts:
        match = re.match(r"(?P<name>[^\W\d][\w.]*)[ \t]*(?:=[ \t]*(?P<default>.+))?$", part, re.DOTALL)
        if match is not None:
            default = match["default"] and _R_VALUES.get(match["default"].strip(), match["default"])
            found.append(_with_default(match["name"], {}, default))
    return found


def of_nu(content: str) -> list[Parameter] | None:
    """Return the positional parameters of `def main [a: int, b: string = "x", c?: list]`."""
    found = _nu(content)
    if found is None:
        return None
    made = []
    for match in found:
        schema = dict(_NU_TYPES.get((match["type"] or "").partition("<")[0].strip(), {}))
        made.append(_with_default(match["name"], schema, "null" if match["optional"] else match["default"]))
    return made


def nu_parameters(content: str) -> list[tuple[str, str | None]] | None:
    """Return the positional parameters of `main` in Nushell, with the text of their defaults; None without `main`."""
    found = _nu(content)
    if found is None:
        return None
    return [(match["name"], "null" if match["optional"] else match["default"]) for match in found]


def of_java(content: str) -> list[Parameter] | None:
    """Return the parameters of `public static Object main(String name, int n)` of the class Main."""
    text = _COMMENT.sub(" ", content)
    head = re.search(r"\bstatic\b[^;{}()=]*\bmain\s*\((?P<parameters>[^)]*)\)", text)
    if head is None:
        return None
    found = []
    for part in re.split(r",(?![^<]*>)", head["parameters"]):
        match = re.match(
            r"\s*(?:final\s+)?(?P<type>[\w.]+)(?:<.*>)?(?P<array>(?:\[\]|\.\.\.)*)\s+(?P<name>\w+)\s*$", part
        )
        if match is not None:
            schema = {"type": "array"} if match["array"] else dict(_JAVA_TYPES.get(match["type"], {}))
            found.append(Parameter(match["name"], schema, True))
    return found


def of_csharp(content: str) -> list[Parameter] | None:
    """Return the parameters of `static object Main(string name, int times = 2)`; those of `T?` may be missing."""
    text = _COMMENT.sub(" ", content)
    head = re.search(r"\bstatic\b[^;{}()=]*\b[Mm]ain\s*\(", text)
    if head is None:
        return None
    found, start = [], head.end()
    for masked in _split_parameters(_QUOTED.sub(lambda match: "_" * len(match[0]), text[start:])):
        part = text[start : start + len(masked)]
        start += len(masked) + 1
        match = _CSHARP_PARAMETER.fullmatch(part)
        if match is not None:
            schema = {"type": "array"} if match["array"] else dict(_CSHARP_TYPES.get(match["type"].split(".")[-1], {}))
            parameter = _with_default(match["name"].lstrip("@"), schema, match["default"])
            found.append(replace(parameter, required=False) if match["optional"] else parameter)
    return found


def of_rust(content: str) -> list[Parameter] | None:
    """Return the parameters of `fn main(name: String, n: Option<i64>)`; an argument of an Option may be missing."""
    text = _COMMENT.sub(" ", content)
    head = re.search(r"^(?:pub\s+)?fn\s+main\s*\(", text, re.MULTILINE)
    if head is None:
        return None
    found = []
    for part in _split_parameters(text[head.end() :]):
        match = re.fullmatch(r"\s*(?:mut\s+)?(?P<name>\w+)\s*:\s*(?P<type>.+?)\s*", part, re.DOTALL)
        if match is not None:
            inner = re.fullmatch(r"Option\s*<(.*)>", match["type"], re.DOTALL)
            kind = re.match(r"(?:\w+::)*(\w+)", (inner[1] if inner else match["type"]).strip())
            found.append(Parameter(match["name"], dict(_RUST_TYPES.get(kind[1], {})) if kind else {}, inner is None))
    return found


def _split_parameters(text: str) -> Iterator[str]:
    """Yield the parameters up to the closing parenthesis."""
    depth, start = 0, 0
    for at, letter in enumerate(text):
        if depth == 0 and letter in ",)":
            yield text[start:at]
            start = at + 1
            if letter == ")":
                return
        depth += {"(": 1, "<": 1, "[": 1, ")": -1, ">": -1, "]": -1}.get(letter, 0)


def _nu(content: str) -> list[re.Match[str]] | None:
    head = re.search(r"^[ \t]*(?:export[ \t]+)?def[ \t]+[\"']?main[\"']?[ \t]*\[", content, re.MULTILINE)
    if head is None:
        return None
    depth, end = 1, head.end()
    while end < len(content) and depth:
        depth += {"[": 1, "]": -1}.get(content[end], 0)
        end += 1
    text = re.sub(r"#[^\n]*", "", content[head.end() : end - 1])
    return [match for match in _NU_PARAMETER.finditer(text) if not match["name"].startswith("-")]


def _with_default(name: str, schema: dict[str, Any], default: str | None) -> Parameter:
    if default is None:
        return Parameter(name, schema, True)
    value = default.strip()
    if value.lower() in ("null", "nil"):
        return Parameter(name, schema | {"default": None}, False)
    quoted = re.fullmatch(r"'([^'\\]*)'", value)
    try:
        literal = quoted[1] if quoted else json.loads(value)
    except ValueError:
        return Parameter(name, schema, False)
    kinds = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    return Parameter(name, (schema or {"type": kinds[type(literal)]}) | {"default": literal}, False)


def _parameter_parts(content: str, start_pattern: str) -> list[str] | None:
    """Return the text between the parentheses opened by `start_pattern`, split at top-level commas."""
    match = re.search(start_pattern, content, re.MULTILINE)
    if match is None:
        return None
    parts, depth, quote = [""], 0, ""
    for char in content[match.end() : match.end() + _MAX_CHARS]:
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in _CLOSING and depth == 0:
            break
        elif char == "," and depth == 0:
            parts.append("")
            continue
        else:
            depth += (char in _OPENING) - (char in _CLOSING)
        parts[-1] += char
    else:
        return None
    return [" ".join(part.split()) for part in parts if part.strip()]
