"""Execution of a tutorial page: runs its commands in a terminal and its steps in a browser, and compares outputs.

Steps have fixed phrases, such as "Click **Deploy**" or "Enter `Greet` in **Name**", and labels are bold. A label in any
other phrase fails, so that nothing on a page is skipped.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Literal

from playwright.async_api import Locator, Page, expect
from tests.browser.conftest import PASSWORD, write_code
from tests.clone import Clone, command

PAGES = Path(__file__).parents[2] / "docs" / "tutorials"
ADDRESS = "http://127.0.0.1:8000"
"""Address of the platform on the pages."""
SECONDS = 300
ROLES: tuple[Literal["button", "link", "tab", "option", "menuitem"], ...] = (
    "button",
    "link",
    "tab",
    "option",
    "menuitem",
)

_BLOCK = re.compile(r"^( *)```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_PHRASES = re.compile(
    r"(?P<link>Open the link)"
    r"|[Ee]nter this code in \*\*(?P<code>[^*]+)\*\*:"
    r"|[Ee]nter `(?P<value>[^`]+)` in \*\*(?P<field>[^*]+)\*\*"
    r"|[Ee]nter a password in \*\*(?P<password>[^*]+)\*\*"
    r"|[Ss]elect \*\*(?P<choice>[^*]+)\*\* in \*\*(?P<list>[^*]+)\*\*"
    r"|[Ss]elect \*\*(?P<way>[^*]+)\*\* for `(?P<input>[^`]+)`"
    r"|[Cc]heck \*\*(?P<box>[^*]+)\*\*"
    r"|[Cc]opy the text of \*\*(?P<copied>[^*]+)\*\*, replace `(?P<old>[^`]+)` with `(?P<new>[^`]+)`, and run it"
    r"|shows (?:\*\*(?P<label>[^*]+)\*\*|`(?P<text>[^`]+)`)"
    r"|(?:[Cc]lick|,? then|and) \*\*(?P<button>[^*]+)\*\*"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    language: str
    title: str | None
    text: str


def parts(page: str) -> Iterator[str | Block]:
    """Yield the texts and the fenced blocks of a page in order."""
    at = 0
    for found in _BLOCK.finditer(page):
        yield " ".join(page[at : found.start()].split())
        indent, language, title, text = found.groups()
        yield Block(language, title, re.sub(f"^{indent}", "", text, flags=re.MULTILINE))
        at = found.end()
    yield " ".join(page[at:].split())


def phrases(text: str) -> list[dict[str, str]]:
    """Return the instructions of a text. Raises AssertionError if a label is part of no known phrase."""
    rest = _PHRASES.sub("", text)
    assert "**" not in rest, f"no known phrase contains this label: {rest}"
    return [
        {key: value for key, value in found.groupdict().items() if value is not None}
        for found in _PHRASES.finditer(text)
    ]


@dataclass
class Reader:
    """A reader of tutorials, with a terminal in the folder of a clone and a browser."""

    clone: Clone
    page: Page
    started: ExitStack
    output: str | None = None
    """Output of the last command, until it is compared with the page."""
    code_field: str | None = None
    """Label of the field that the next block is entered in."""
    printed: list[str] = field(default_factory=list)
    """Output of `make up`."""

    async def follow(self, name: str) -> None:
        """Execute all instructions of a page."""
        await self.follow_text((PAGES / name).read_text())

    async def follow_text(self, text: str) -> None:
        """Execute all instructions of a text in a new terminal."""
        (self.clone.folder / ".terminal").write_text(f"cd {self.clone.folder}\n")
        for part in parts(text):
            if isinstance(part, Block):
                await self._block(part)
            else:
                for phrase in phrases(part):
                    await self._do(phrase)
        assert self.output is None or not self.output.strip(), f"the page does not show this output: {self.output}"

    async def _block(self, block: Block) -> None:
        text = block.text.replace(ADDRESS, self.clone.base)
        if self.code_field is not None:
            field = await self._field(self.code_field)
            is_editor = await field.get_attribute("contenteditable") == "true"
            await (write_code(field, block.text) if is_editor else field.fill(block.text))
            self.code_field = None
        elif block.title is not None:
            await asyncio.to_thread(self._terminal, f"cat > '{block.title}' <<'end of file'\n{block.text}end of file\n")
        elif block.language == "text":
            self._compare(text)
        elif text.strip() == "make up":
            self.printed = self.started.enter_context(command(self.clone, "make up", "Ctrl-C"))
            self.output = "".join(self.printed)
        else:
            assert block.language == "sh", block
            assert self.output is None or not self.output.strip(), f"the page does not show this output: {self.output}"
            self.output = await asyncio.to_thread(self._terminal, text)

    def _terminal(self, text: str) -> str:
        """Run commands in the terminal, which keeps its folder and variables for later commands."""
        state = self.clone.folder / ".terminal"
        keep = f"{{ export -p; printf 'cd %q\\n' \"$PWD\"; declare -p ID 2>/dev/null || true; }} > '{state}'"
        script = f"set -e\n. '{state}'\n{text}\n{keep}"
        ran = subprocess.run(
            ["bash", "-c", script],
            env=self.clone.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ran.returncode == 0, f"{text}\n{ran.stdout}"
        return ran.stdout

    def _compare(self, shown: str) -> None:
        """Compare an output with the page, on which `…` replaces parts that differ between installations."""
        assert self.output is not None, f"nothing has printed this: {shown}"
        pattern = ".*?".join(map(re.escape, shown.strip().split("…")))
        parts_of = re.search if self.output == "".join(self.printed) else re.fullmatch
        matched = parts_of(pattern, self.output.strip(), re.DOTALL)
        assert matched, f"the page shows:\n{shown}\nthe command printed:\n{self.output}"
        self.output = None

    async def _do(self, phrase: dict[str, str]) -> None:
        match phrase:
            case {"link": _}:
                found = re.search(r"open (\S+) once", "".join(self.printed))
                assert found is not None
                await self.page.goto(found[1])
            case {"code": label}:
                self.code_field = label
            case {"value": value, "field": label}:
                await (await self._field(label)).fill(value.replace(ADDRESS, self.clone.base))
            case {"password": label}:
                await (await self._field(label)).fill(PASSWORD)
            case {"choice": choice, "list": label}:
                await self._scope().get_by_role("combobox", name=label, exact=True).select_option(choice)
            case {"way": way, "input": name}:
                group = self.page.get_by_role("group", name=f"Input mode of {name}")
                await group.get_by_role("button", name=way).click()
            case {"box": label}:
                await self._scope().get_by_label(label).check()
            case {"copied": label, "old": old, "new": new}:
                shown = self.page.locator(f'[data-command="{label}"]')
                await expect(shown, "the command contains the new token").not_to_contain_text("<token>")
                text = await shown.inner_text()
                assert old in text, text
                self.output = await asyncio.to_thread(self._terminal, text.replace(old, new))
            case {"label": text} | {"text": text}:
                await expect(self.page.get_by_text(text).filter(visible=True).first).to_be_visible()
            case {"button": label}:
                await (await self._control(label)).click()
            case _:
                raise AssertionError(phrase)

    def _scope(self) -> Locator:
        """Return the open dialog, or the page."""
        return self.page.locator(":modal, body:not(:has(:modal))").last

    async def _field(self, label: str) -> Locator:
        scope = self._scope()
        exact = scope.get_by_role("textbox", name=label, exact=True)
        return await self._pick([exact, scope.get_by_label(label, exact=True), scope.get_by_label(label)])

    async def _control(self, label: str) -> Locator:
        start, scope = re.compile(rf"^{re.escape(label).replace('/', '[/]')}(?!\w)"), self._scope()
        exact = [scope.get_by_role(role, name=label, exact=True) for role in ROLES]
        return await self._pick([*exact, *(scope.get_by_role(role, name=start) for role in ROLES)])

    async def _pick(self, candidates: list[Locator]) -> Locator:
        """Return the first visible element of the first candidate that has one, once there is one."""
        visible = [each.filter(visible=True).first for each in candidates]
        # The page may be drawn again between waiting and counting.
        while True:
            await reduce(Locator.or_, visible).first.wait_for()
            for each in visible:
                if await each.count():
                    return each
