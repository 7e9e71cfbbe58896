"""JSON Schema of a script's inputs, determined from its text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from orvanta_platform.workflow.signature import go
from orvanta_platform.workflow.signature.fault import fault_of
from orvanta_platform.workflow.signature.schema import schema_of

S, I, N, B = ({"type": kind} for kind in ("string", "integer", "number", "boolean"))  # noqa: E741
O: dict[str, Any] = {"type": "object"}  # noqa: E741


def of(language: str, content: str) -> dict[str, Any]:
    schema = schema_of(language, content)
    assert schema is not None
    jsonschema_rs.validator_for(schema)
    return schema


def one(language: str, parameter: str, before: str = "") -> Any:
    """Return the schema of one parameter."""
    heads = {
        "python3": "def main({}): pass",
        "bun": "export function main({}) {{}}",
        "go": "func main({}) (any, error) {{}}",
    }
    heads["php"] = "function main({}) {{}}"
    found = of(language, f"{before}\n{heads[language].format(parameter)}")
    return next(iter(found["properties"].values()))


@pytest.mark.parametrize(
    ("parameter", "wanted"),
    [
        *(
            ("a uint8", I),
            ("a []byte", S | {"contentEncoding": "base64"}),
            ("a any", {}),
            ("a interface{ M(x int) }", {}),
        ),
        *(("a time.Time", S | {"format": "date-time"}), ("a json.RawMessage", {}), ("a func(x, y int) string", {})),
        *(("a [][3]int", {"type": "array", "items": {"type": "array", "items": I}}), ("a map[string][]int", O)),
        *(("a ...string", {"type": "array", "items": S}), ("a *Line", O | {"properties": {"n": N}}), ("a Kind", S)),
        ('a struct{ B, C int; d int; E string `json:"-"` }', O | {"properties": {"B": I, "C": I}}),
        ("a Order", O | {"properties": {"Lines": {"type": "array", "items": O | {"properties": {"n": N}}}}}),
        *(("a Self", O | {"properties": {"X": {}}}), ("a rsc.PostgresDb", O | {"format": "resource-postgres_db"})),
    ],
)
def test_types_of_go(parameter: str, wanted: Any) -> None:
    declared = """
// type Kind int
type (
	Line struct {
		N float64 `json:"n,omitempty"` // the number
	}
	Kind string
)

type Order struct {
	*Base
	Lines []Line
}

type Self struct{ X any }

func (o Order) main(z int) {}
"""
    found = one("go", parameter, declared)
    assert found == wanted


def test_parts_of_a_go_script() -> None:
    content = '// a\npackage inner\n\nimport f "fmt"\nimport (\n\t"os" /* "no" */; _ `a/b`\n)\n\nvar s = `import "c"`\n'
    assert go.package(content) == "inner"
    assert [(each.path, each.line) for each in go.imports(content)] == [("fmt", 4), ("os", 6), ("a/b", 6)]
    assert go.names("func main(a, _ int,\n b pkg.T, // c\n) {}") == ["a", "", "b"]
    assert go.names("func main(string, pkg.T, map[string]int, []int) {}") == [""] * 4
    assert go.names('var s = "func main(x int) {}"\nfunc (t T) main(y int) {}') is None


@pytest.mark.parametrize(
    ("parameter", "wanted"),
    [
        *(
            ("a: str", S),
            ("a: int", I),
            ("a: float", N),
            ("a: bool", B),
            ("a: dict", O),
            ("a: list", {"type": "array"}),
        ),
        ("a: list[int]", {"type": "array", "items": I}),
        ("a: List['str']", {"type": "array", "items": S}),
        ("a: dict[str, int]", O),
        ("a: Optional[int]", I),
        ("a: int | None", I),
        ("a: None | typing.List[float]", {"type": "array", "items": N}),
        ("a: Union[int, str]", {"anyOf": [I, S]}),
        ("a: int | Any", {}),
        ("a: Literal['x', 'y']", {"type": "string", "enum": ["x", "y"]}),
        ("a: Literal[1, 'y']", {"enum": [1, "y"]}),
        ("a: Literal['x'] | Literal['y']", {"type": "string", "enum": ["x", "y"]}),
        ("a: datetime", {"type": "string", "format": "date-time"}),
        ("a: datetime.date", {"type": "string", "format": "date"}),
        ("a: bytes", {"type": "string", "contentEncoding": "base64"}),
        ("a: Any", {}),
        ("a", {}),
        ("a: postgresql", {"type": "object", "format": "resource-postgresql"}),
        ("a: wmill.SlackBot", {"type": "object", "format": "resource-slack_bot"}),
        ("a: Annotated[int, 'x']", I),
        ("a: 'broken['", {}),
        ("a: f()", {}),
        ("a=1", I | {"default": 1}),
        ("a=-1.5", N | {"default": -1.5}),
        ("a=True", B | {"default": True}),
        ("a=None", {"default": None}),
        ("a={'b': [1]}", O | {"default": {"b": [1]}}),
        ("a: float = 1e999", N),
        ("a: str = f()", S),
        ("a: bytes = b'x'", {"type": "string", "contentEncoding": "base64"}),
        ("a: list[int] = [1, 2]", {"type": "array", "items": I, "default": [1, 2]}),
    ],
)
def test_parameters_of_python(parameter: str, wanted: Any) -> None:
    assert one("python3", parameter) == wanted


CLASSES = """
class T(TypedDict, total=False):
    a: int
    b: list["T"]
@dataclass
class D:
    c: str
    d: int = 3
class E(Enum):
    X = "x"
    Y = "y"
"""


def test_types_that_a_python_script_defines() -> None:
    assert one("python3", "p: D", CLASSES) == {
        "type": "object",
        "properties": {"c": S, "d": I | {"default": 3}},
        "order": ["c", "d"],
        "required": ["c"],
    }
    assert one("python3", "p: E = E.X", CLASSES) == {"type": "string", "enum": ["x", "y"]}
    found = one("python3", "p: T", CLASSES)
    assert found["properties"]["a"] == I and "required" not in found
    assert found["properties"]["b"]["items"]["order"] == ["a", "b"]


def test_nested_types_are_bounded() -> None:
    fields = "".join(f"    f{n}: A\n" for n in range(30))
    schema = one("python3", "p: A", f"class A(TypedDict):\n{fields}")
    assert str(schema).count("'order'") < 2_100
    fields = " ".join(f"f{n}: A;" for n in range(30))
    assert str(one("bun", "p: A", f"interface A {{ {fields} }}")).count("'order'") < 2_100


def test_order_and_required_members() -> None:
    schema = of("python3", "def main(b, /, a: int, c=1, *rest, d, e=None, **more): pass")
    assert schema["order"] == ["b", "a", "c", "d", "e"] == list(schema["properties"])
    assert schema["required"] == ["b", "a", "d"] and schema["type"] == "object"
    assert of("python3", "async def main(): pass")["properties"] == {}


def test_parameters_of_csharp() -> None:
    parameters = 'string a, // no, b\n int[] b, Dictionary<string, int> c = null, string d = "x, (y"'
    parameters += ", int? e, Own f, double g = 1.5"
    found = of("csharp", f"using System;\nclass Script {{ public static async Task<object> Main({parameters}) {{ }} }}")
    assert found["order"] == ["a", "b", "c", "d", "e", "f", "g"] and found["required"] == ["a", "b", "f"]
    kinds = ["string", "array", "object", "string", "integer", None, "number"]
    assert [found["properties"][name].get("type") for name in found["order"]] == kinds
    assert [found["properties"][name].get("default") for name in "cdeg"] == [None, "x, (y", None, 1.5]
    assert of("csharp", "class Script { static void Main() {} }")["order"] == []


def test_parameters_of_r_java_nushell_and_rust() -> None:
    found = of("rlang", "# main <- function(no)\nmain <- function(a, b.c = 'x', n = 3, yes = TRUE, ...) {}")
    assert found["order"] == ["a", "b.c", "n", "yes"] and found["required"] == ["a"]
    assert [found["properties"][name].get("default") for name in found["order"]] == [None, "x", 3, True]
    found = of("java", "class Main { public static Object main(final String a, int[] b, Map<String, Object> c) {} }")
    assert found["order"] == ["a", "b", "c"]
    assert [found["properties"][name].get("type") for name in found["order"]] == ["string", "array", "object"]
    found = of("nu", 'def main [a: int, b: list<string> = ["x"], c?: record # no, d\n --flag] { [$x] }')
    assert found["order"] == ["a", "b", "c"] and found["required"] == ["a"]
    assert [found["properties"][name].get("type") for name in found["order"]] == ["integer", "array", "object"]
    parameters = "a: String, // no, b\n mut b: Option<Vec<(i64, f64)>>, c: std::HashMap<String, i64>, d: Own"
    found = of("rust", f"use std::fmt;\npub fn main({parameters}) -> Result<(), String> {{ Ok(()) }}")
    assert found["order"] == ["a", "b", "c", "d"] and found["required"] == ["a", "c", "d"]
    assert [found["properties"][name].get("type") for name in found["order"]] == ["string", "array", "object", None]
    assert of("rust", "fn main() {}")["order"] == []


@pytest.mark.parametrize(
    ("language", "content"),
    [
        *(("python3", "def main(:"), ("python3", "x = 1"), ("python3", "class A:\n    def main(self): pass")),
        *(
            ("bun", "function main() {}"),
            ("bun", "export const other = 1"),
            ("bun", "export default function main(a: string) {}"),
            ("bun", "function main() {}\nexport { main as other };"),
            ("rust", "fn other() {}"),
            ("go", "package x"),
        ),
        *(
            ("php", "<?php echo 1;"),
            ("ruby", "puts 1"),
            ("python3", "(" * 10_000),
            ("go", "func main(" + "a" * 100_000),
        ),
    ],
)
def test_scripts_without_a_signature(language: str, content: str) -> None:
    assert schema_of(language, content) is None


@pytest.mark.parametrize(
    ("parameter", "wanted"),
    [
        *(("a: string", S), ("a: number", N), ("a: boolean", B), ("a: object", O), ("a: any", {}), ("a", {})),
        *(("a?: number", N), ("a: number | undefined", N), ("a: null | string", S), ("a: bigint", I)),
        *(("a: string[]", {"type": "array", "items": S}), ("a: Array<number>", {"type": "array", "items": N})),
        *(
            ("a: [string, number]", {"type": "array"}),
            ("a: Record<string, any>", O),
            ("a: Date", {"type": "string", "format": "date-time"}),
        ),
        ('a: "x" | "y" | \'z\'', {"type": "string", "enum": ["x", "y", "z"]}),
        ("a: 1 | -2", {"type": "integer", "enum": [1, -2]}),
        ("a: string | number", {"anyOf": [S, N]}),
        (
            "a: {b: string; c?: number[]}",
            {
                "type": "object",
                "properties": {"b": S, "c": {"type": "array", "items": N}},
                "order": ["b", "c"],
                "required": ["b"],
            },
        ),
        ("a: RT.Postgresql", {"type": "object", "format": "resource-postgresql"}),
        ("a: Slack", {"type": "object", "format": "resource-slack"}),
        ('a: Resource<"slack">', {"type": "object", "format": "resource-slack"}),
        ("a: wmill.Base64", {"type": "string", "contentEncoding": "base64"}),
        ("a: Partial<{b: string}>", {"type": "object", "properties": {"b": S}, "order": ["b"], "required": ["b"]}),
        ("a = 3", N | {"default": 3}),
        ('a: string = "x\\n"', S | {"default": "x\n"}),
        ("a = [1, {b: true, 'c': null}]", {"type": "array", "default": [1, {"b": True, "c": None}]}),
        ("a: number = f()", N),
        ("a: (x: string) => void", {}),
    ],
)
def test_parameters_of_typescript(parameter: str, wanted: Any) -> None:
    assert one("bun", parameter) == wanted


@pytest.mark.parametrize(
    ("parameter", "properties", "required"),
    [
        ("{a, b}: {a: string, b?: number}", {"a": S, "b": N}, ["a"]),
        ("{a, b = 2, 'c d': c, ...more}", {"a": {}, "b": N | {"default": 2}, "c d": {}}, ["a", "c d"]),
        ("{a: {b} = {b: 1}, c}: P = {}, d: string", {"a": O | {"default": {"b": 1}}, "c": S, "d": S}, ["d"]),
        ("{a}: {a: string, c: boolean}", {"a": S, "c": B}, ["a", "c"]),
        ("[a, b]: string[]", {"input": {"type": "array", "items": S}}, ["input"]),
    ],
)
def test_pattern_has_its_members_as_inputs(parameter: str, properties: dict[str, Any], required: list[str]) -> None:
    """A call passes the arguments by the names of the members."""
    schema = of("bun", f"interface P {{ c: string }}\nexport function main({parameter}) {{}}")
    assert (schema["properties"], schema["required"]) == (properties, required)


def test_types_that_a_typescript_script_defines() -> None:
    before = 'type K = "a" | "b"; interface P { k: K; "q r": number } export enum E { X = "x" }'
    assert one("bun", "p: P", before)["properties"] == {"k": {"type": "string", "enum": ["a", "b"]}, "q r": N}
    assert one("bun", "e: E", before) == {"type": "string", "enum": ["x"]}


@pytest.mark.parametrize(
    "content",
    [
        "export async function main(a: string, b = 1) {}",
        "export const main = async (a: string, b = 1) => a",
        "async function main(a: string, b = 1) {}\nexport { other, main }",
        "const run = async (a: string, b = 1) => a;\nexport { run as main };",
        "export const x = 1, main = function (this: any, a: string, b = 1, ...rest: any[]) {}",
    ],
)
def test_forms_of_main(content: str) -> None:
    schema = of("bun", content)
    assert (schema["order"], schema["required"]) == (["a", "b"], ["a"])


@pytest.mark.parametrize(
    ("language", "content", "properties", "required"),
    [
        ("bash", 'x="$1"\ny="${2:-a b}"', {"x": S, "y": S | {"default": "a b"}}, ["x"]),
        (
            "postgresql",
            "-- $2 n (int[])\n-- $1 name (varchar(10)) = 'a''b'\nselect $1",
            {
                "database": O | {"format": "resource-postgresql"},
                "name": S | {"default": "a'b"},
                "n": {"type": "array", "items": I},
            },
            ["database", "n"],
        ),
        (
            "postgresql",
            "-- $1 t (timestamp with time zone)\n-- $2 j (jsonb)\n-- $3 b (bool) = TRUE\n--$4 x",
            {
                "database": O | {"format": "resource-postgresql"},
                "t": {"type": "string", "format": "date-time"},
                "j": {},
                "b": B | {"default": True},
                "x": S,
            },
            ["database", "t", "j", "x"],
        ),
        (
            "postgresql",
            "-- database f/shop/pg\n-- $1 a\n-- %%table%% stock/orders\n"
            "select '$9', $$ $8 $$, $1::text[], $2::double precision, $2 from %%table%% -- $7\n",
            {
                "a": {"type": "array", "items": S},
                "arg2": N,
                "table": S | {"enum": ["stock", "orders"]},
            },
            ["a", "arg2", "table"],
        ),
        (
            "mysql",
            "-- database $res:f/shop/my\n-- ? a (int)\n-- %%t%% x/y",
            {"a": I, "t": S | {"enum": ["x", "y"]}},
            ["a", "t"],
        ),
        ("duckdb", "-- $a (bigint) = 3\n-- $b (double)\nselect $a", {"a": I | {"default": 3}, "b": N}, ["b"]),
        ("duckdb", "-- $c (int)\n-- $1 a (text)\nselect $1", {"a": S, "c": I}, ["a", "c"]),
        (
            "go",
            "package inner\n// func main(z int)\n"
            "func main(a, b string, n *int, m map[string]any, l []float64, r pkg.Slack) (any, error) {",
            {"a": S, "b": S, "n": I, "m": O, "l": {"type": "array", "items": N}, "r": O | {"format": "resource-slack"}},
            ["a", "b", "m", "l", "r"],
        ),
        (
            "php",
            "<?php\n/* function main($z) */\n"
            "function main(string $a, ?int $n = 3, $x = 'q,r', array $l = [], mixed $y) {}",
            {
                "a": S,
                "n": I | {"default": 3},
                "x": S | {"default": "q,r"},
                "l": {"type": "array", "default": []},
                "y": {},
            },
            ["a", "y"],
        ),
        (
            "ruby",
            '# def main(z)\ndef main(a, b = 1, c: "x", d:, e: nil, f: g(1, 2))\nend',
            {"a": {}, "b": I | {"default": 1}, "c": S | {"default": "x"}, "d": {}, "e": {"default": None}, "f": {}},
            ["a", "d"],
        ),
        ("ruby", "def main\n  1\nend", {}, []),
    ],
)
def test_simple_forms_of_other_languages(language: str, content: str, properties: Any, required: list[str]) -> None:
    schema = of(language, content)
    assert (schema["properties"], schema["required"]) == (properties, required)


def test_reading_runs_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    of("python3", f"open({str(mark)!r}, 'w')\ndef main(x: int = open({str(mark)!r}, 'w')): pass")
    of("bun", f'require("fs").writeFileSync("{mark}", "1"); export function main(x = require("fs")) {{}}')
    assert not mark.exists()


@pytest.mark.parametrize(
    ("language", "content"),
    [
        ("python3", "# c\ndef main(\n    a: int,\n    b: str = 'x',\n):\n    return a\n"),
        ("bun", "// c\nexport async function main(\n  a: number,\n  b: string = 'x',\n) {\n}\n"),
        ("bash", '# c\na="$1"\nb="${2:-x}"\n'),
        ("go", "package inner\n\nfunc main(a string, b []int) (string, error) {\n\treturn a, nil\n}\n"),
        ("php", "<?php\nfunction main(string $a,\n  int $b = 3) {}\n"),
        *(("ruby", "def main(a, b = 1)\nend\n"), ("ruby", "def main\nend\n")),
        ("rlang", "main <- function(a,\n b = 1) {\n}\n"),
        ("nu", 'def main [\n a: int\n b: string = "x"\n] {\n}\n'),
        ("java", "class Main {\n public static Object main(String a,\n int b) {} }\n"),
        ("csharp", "class A {\n public static object Main(string a,\n int b = 1) {} }\n"),
        ("rust", "fn main(\n a: String,\n b: Option<i64>,\n) {}\n"),
        ("postgresql", "-- $1 a (int) = 3\n-- $2 b\n-- $3 c (text)\nselect 1\n"),
        *((each, "-- ? a (int) = 3\n-- ? b (text)\nselect ?\n") for each in ("mysql", "snowflake")),
        ("mssql", "-- @P1 a (int) = 3\n-- @P2 b\nselect @P1\n"),
        ("bigquery", "-- @a (integer) = 3\n-- @b (string)\nselect @a\n"),
        ("duckdb", "-- $a (text) = 'x'\n-- $b (int)\nselect 1\n"),
        ("graphql", "query q($a: Int = 3,\n $b: String) {\n a }\n"),
    ],
)
def test_lines_may_end_as_in_windows(language: str, content: str) -> None:
    assert of(language, content.replace("\n", "\r\n")) == of(language, content)


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("-- result_collection=first", "result_collection is one of "),
        ("-- %%table%%", "%%table%% needs the list of its values"),
    ],
)
def test_unknown_values_of_comments_of_sql(comment: str, message: str) -> None:
    fault = fault_of("postgresql", f"select 1;\n{comment}\nselect 2")
    assert fault is not None
    assert (fault.line, fault.message.startswith(message)) == (2, True)
    assert fault_of("postgresql", "-- result_collection=legacy\nselect 1") is None
