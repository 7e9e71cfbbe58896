"""Items read from the files of a tree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from orvanta_platform.errors import BadRequest, InvalidWorkflow, TooLarge
from orvanta_platform.workflow import document, inline
from orvanta_platform.workflow.document import Format
from orvanta_platform.workflow.inline import FileNames
from orvanta_platform.workflow.text import write_document
from orvanta_platform.workflow.tree.extensions import LANGUAGES, ending_of
from orvanta_platform.workflow.tree.item import FIELDS, OPTIONAL_KINDS, Item
from orvanta_platform.workflow.tree.paths import SCRIPT_LOCK, SCRIPT_SETTINGS, Located, folder_of, included_name, locate
from orvanta_platform.workflow.tree.plan import has_effect
from orvanta_platform.workflow.yaml_text import INLINE

MAX_INCLUDED: Final = 4 << 20
"""Maximum number of bytes that an item of others includes from its files. Each reference to a file counts: a short
document may refer to a large file many times.
"""

_ELSEWHERE = re.compile(r"!inline +['\"]?(\.\.?/[^\n'\"]+)")
_BY_SCRIPT: Final = "custom_script"
"""Method of authentication of other tools, by a script that checks the request."""
_NOUNS: Final = {
    "http_trigger": "an HTTP trigger",
    "script": "the settings of a script",
    "settings": "the settings of a workspace",
}
_NOT_SETTINGS = ("path", "content", "language", "lock", "hash", "parent_hash")


def read(located: Located, files: Mapping[str, bytes], *, limited: bool = False) -> Item:
    """Return the item of these files. `files`: the tree, or its part with the files of the item.

    `limited`: within the limits of YAML that a caller sends, and of MAX_INCLUDED. Raises BadRequest, InvalidWorkflow,
    TooLarge.
    """
    match located.kind:
        case "flow":
            content = _flow(located, files, limited=limited)
        case "script":
            content = _script(located, files, limited=limited)
        case _:
            content = _settings(located, files, limited=limited)
    return Item(located.kind, located.path, content)


def _settings(located: Located, files: Mapping[str, bytes], *, limited: bool) -> dict[str, Any]:
    tree = settings_in(located.files[0], files, limited=limited)
    if located.kind == "http_trigger":
        tree = _trigger(tree)
    if located.kind == "resource_type" and isinstance(tree.get("schema"), str):
        tree["schema"] = document.parse_json(tree["schema"].encode())
    if located.kind == "group" and "admins" in tree:
        tree = _with_managers(tree)
    if located.kind == "settings" and isinstance(tree.get("error_handler"), dict):
        tree = {**tree, "error_handler": tree["error_handler"].get("path")}
    if located.kind == "resource" and "value" in tree:
        texts = _Texts(located.files[1:], files, MAX_INCLUDED if limited else None)
        tree["value"] = texts.included_in(tree["value"])
    names = [name for name in FIELDS[located.kind] if name in tree]
    return {name: tree[name] for name in names if has_effect(located.kind, name, tree[name])}


def _trigger(tree: dict[str, Any]) -> dict[str, Any]:
    """Return an HTTP trigger that another tool may have written. Raises BadRequest."""
    if tree.get("is_static_website"):
        hint = "Delete the file, and serve the files by another program."
        raise BadRequest("The HTTP trigger serves files as a website, which this version cannot.", hint=hint)
    if "enabled" in tree and "mode" not in tree:
        tree = {**tree, "mode": "enabled" if tree["enabled"] else "disabled"}
    if tree.get("authentication_method") == "windmill":
        tree = {**tree, "authentication_method": "orvanta"}
    if tree.get("authentication_method") == _BY_SCRIPT:  # never open, and not called before somebody has seen it
        tree = {**tree, "authentication_method": "orvanta", "mode": "disabled"}
    return tree


def trigger_warnings(tree: Mapping[str, Any]) -> Iterator[str]:
    """Yield a code and a sentence for each setting of an HTTP trigger's file that the platform lacks."""
    if tree.get("authentication_method") == _BY_SCRIPT:
        yield (
            f"authentication_unsupported: authentication by a script ({_BY_SCRIPT}) is not supported, so the trigger "
            "requires a token, and is disabled"
        )
    if handler := tree.get("error_handler_path"):
        yield f"error_handler_ignored: triggers have no error handler, so {handler} is not run"


def _with_managers(tree: dict[str, Any]) -> dict[str, Any]:
    """Return a group of an archive as in files of Orvanta: `members` with the `admins`, who are its managers."""
    names = ("members", "admins", "managers")
    lists = [tree.get(name) or [] for name in names]
    if not all(isinstance(each, list) and all(isinstance(name, str) for name in each) for each in lists):
        return tree
    members, admins, others = ([name.removeprefix("u/") for name in each] for each in lists)
    return {**tree, "members": sorted({*members, *admins}), "managers": sorted({*admins, *others})}


class _Texts:
    """Texts of the files of a resource, which `!inline <file>` refers to."""

    def __init__(self, names: Sequence[str], files: Mapping[str, bytes], limit: int | None) -> None:
        self._by_last_part = {each.rpartition("/")[2]: each for each in names}  # all are in one folder
        self._files = files
        self._limit = limit
        self._size = 0
        self._known: dict[str, str] = {}

    def included_in(self, value: Any) -> Any:
        """Return a value with texts in place of references. Raises BadRequest, TooLarge."""
        if isinstance(value, dict):
            return {name: self.included_in(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.included_in(each) for each in value]
        if not isinstance(value, str) or not value.startswith(INLINE):
            return value
        return self._text(value.removeprefix(INLINE).strip())

    def _text(self, named: str) -> str:
        if named not in self._known:
            file = self._by_last_part.get(named.rpartition("/")[2])
            if file is None or not f"/{file}".endswith(f"/{named}"):
                raise BadRequest(f"The resource refers to the file {named}, which is missing.")
            self._known[named] = text_of(file, self._files)
        self._size += len(self._known[named])
        if self._limit is not None and self._size > self._limit:
            raise _too_much_included()
        return self._known[named]


def _too_much_included() -> TooLarge:
    return TooLarge(
        f"The files that an item includes have at most {MAX_INCLUDED >> 20} MiB together.",
        hint="Each reference to a file counts.",
    )


def settings_in(name: str, files: Mapping[str, bytes], *, limited: bool = False) -> dict[str, Any]:
    """Return the object in a file; `limited`: within the limits of YAML that a caller sends. Raises BadRequest."""
    try:
        return document.parse(files[name], format_of(name), limit_yaml=limited, limit_aliases=True).tree
    except InvalidWorkflow as error:
        is_other = [each["code"] for each in error.details] == ["not_an_object"]
        reason = _no_settings(name, files[name]) if is_other else error.message
        raise BadRequest(f"{name} cannot be read: {reason}.", hint=error.hint, details=error.details) from None


def _no_settings(name: str, body: bytes) -> str:
    """Return the reason for which a file that contains no object has no settings."""
    found = locate([name], OPTIONAL_KINDS)
    kind = found[0].kind if found else "script" if name.endswith(SCRIPT_SETTINGS) else None
    noun = "settings" if kind is None else _NOUNS.get(kind, f"a {kind.replace('_', ' ')}")
    return f"the file of {noun} must contain an object{'' if body.strip() else ', but it is empty'}"


def format_of(name: str) -> Format:
    """Return the format of a file."""
    return "json" if name.endswith(".json") else "yaml"


def _script(located: Located, files: Mapping[str, bytes], *, limited: bool) -> dict[str, Any]:
    source = located.files[0]
    content: dict[str, Any] = {
        "content": text_of(source, files).removeprefix("\ufeff"),
        "language": LANGUAGES[ending_of(source) or ""],
    }
    settings = next((each for each in located.files if each.endswith(SCRIPT_SETTINGS)), None)
    tree = {} if settings is None else settings_in(settings, files, limited=limited)
    if settings is not None:
        content["settings"] = script_settings(tree)
    lock = next((each for each in located.files[1:] if each.endswith(SCRIPT_LOCK)), None)
    if lock is not None:
        content["lock"] = text_of(lock, files)
    elif (written := lock_in(tree)) and not written.startswith(INLINE):
        content["lock"] = written
    return content


def script_settings(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in the settings file of a script."""
    return {name: value for name, value in tree.items() if name not in _NOT_SETTINGS and value is not None}


def lock_in(tree: Mapping[str, Any]) -> str | None:
    """Return the lock in the settings of a script; `!inline <file>` refers to a file."""
    lock = tree.get("lock")
    if isinstance(lock, list):
        return "\n".join(map(str, lock))
    return lock if isinstance(lock, str) else None


def _flow(located: Located, files: Mapping[str, bytes], *, limited: bool) -> dict[str, Any]:
    name = located.files[0]
    tree = document.parse(files[name], format_of(name), limit_yaml=limited, limit_aliases=True).tree
    folder = name.rpartition("/")[0]
    named = inline.references(tree).values()
    # Other clients name files after summaries, with the white space around them; references are read without it.
    inside = {each.removeprefix(f"{folder}/").strip(): each for each in located.files}
    sources = {each: inside.get(each) or included_name(name, each) for each in named}
    code = {each: text_of(source, files) for each, source in sources.items() if source is not None and source in files}
    if limited and sum(len(code.get(each, "")) for each in named) > MAX_INCLUDED:
        raise _too_much_included()
    if format_of(name) == "json":
        return {"text": write_document(inline.resolve(tree, code))}
    text = text_of(name, files).removeprefix("\ufeff")
    if not named:
        return {"text": text}
    inline.resolve(tree, code)  # reports missing files
    return {"text": inline.resolve_yaml(text, code, is_checked=True)}


def file_names(located: Located, files: Mapping[str, bytes]) -> FileNames:
    """Return the names of the files that a workflow refers to. Raises BadRequest, InvalidWorkflow."""
    name = located.files[0]
    folder = name.rpartition("/")[0]
    tree = document.parse(files[name], format_of(name), limit_aliases=True).tree
    by_field, elsewhere = {}, {}
    for place, each in inline.names_in(tree).items():
        if f"{folder}/{each}" in located.files[1:]:
            by_field[place] = each
        elif (source := included_name(name, each)) is not None and source in files and source not in located.files:
            by_field[place] = each
            elsewhere[each] = text_of(source, files)
    return FileNames(by_field, elsewhere)


def unused_files(located: Located, files: Mapping[str, bytes]) -> list[str]:
    """Return the files of code and locks in the folder of a workflow that it does not refer to.

    Raises BadRequest, InvalidWorkflow.
    """
    name = located.files[0]
    if located.kind != "flow" or folder_of(name) is None:
        return []
    folder = name.rpartition("/")[0]
    inside = {each: each.removeprefix(f"{folder}/").strip() for each in located.files[1:]}
    # Documents are parsed only if a name is not in their text: a folder can have hundreds of workflows.
    unseen = {
        each: short
        for each, short in inside.items()
        if (ending_of(each) is not None or each.endswith(".lock")) and short.encode() not in files[name]
    }
    if not unseen:
        return []
    named = set(inline.references(document.parse(files[name], format_of(name), limit_aliases=True).tree).values())
    included = {included_name(name, each) for each in named}
    return [each for each, short in unseen.items() if short not in named and each not in included]


def included_names(located: Located, files: Mapping[str, bytes]) -> list[str]:
    """Return the names of the files that a workflow may include from other folders (`!inline ../check.py`)."""
    name = located.files[0]
    if located.kind != "flow" or not (found := _ELSEWHERE.findall(files[name].decode(errors="replace"))):
        return []
    return sorted({each for one in found if (each := included_name(name, one.strip()))} - set(located.files))


def text_of(name: str, files: Mapping[str, bytes]) -> str:
    """Return the text of a file; the lines of a lock end with a line feed. Raises BadRequest."""
    try:
        text = files[name].decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"The file {name} is not UTF-8: byte {error.start}.") from None
    return text.replace("\r\n", "\n") if name.endswith(".lock") else text
