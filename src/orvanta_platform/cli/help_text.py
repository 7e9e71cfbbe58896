"""Help texts of commands: whole sentences in lists of commands, examples at the end."""

from __future__ import annotations

import inspect
from typing import Any

from typer.core import TyperGroup


class CommandGroup(TyperGroup):
    """Group of commands whose help lists each command with its whole first sentence, which click would cut."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, first_sentence(each.help)) for name, each in commands if each is not None and not each.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def first_sentence(text: str | None) -> str:
    """Return the first sentence of a help text, which ends with a full stop and a space or line break."""
    paragraph = " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split())
    sentence, stop, _ = paragraph.partition(". ")
    return sentence + stop.strip()


def examples_epilog(*examples: str) -> str | None:
    """Return shell lines as the last part of a help text, with unchanged line breaks."""
    title = "Examples:" if len(examples) > 1 else "Example:"
    return "\n".join(["\b", title, *(f"  {line}" for line in examples)]) if examples else None
