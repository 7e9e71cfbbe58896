"""Hooks of the documentation site: state diagrams become tables, inline scripts become files."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

_DIAGRAM = re.compile(r"^```mermaid\nstateDiagram-v2\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ARROW = re.compile(r"^\s*(\S+) --> (\S+?)(?:: (.+))?$", re.MULTILINE)
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_SCRIPTS = "assets/javascripts"

_inline: dict[str, str] = {}
"""Inline scripts of the theme by file name."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace state diagrams, which the browser could only draw with a large script, by tables of transitions."""
    return _DIAGRAM.sub(lambda found: _transitions(found.group(1)), markdown)


def _transitions(diagram: str) -> str:
    arrows: dict[str, list[str]] = defaultdict(list)
    for start, end, event in _ARROW.findall(diagram):
        source = "(start)" if start == "[*]" else f"`{start}`"
        target = "(end)" if end == "[*]" else f"`{end}`"
        arrows[source].append(f"{event} → {target}" if event else f"→ {target}")
    rows = [f"| {source} | {', '.join(targets)} |" for source, targets in arrows.items()]
    return "\n".join(["| state | transitions |", "|---|---|", *rows])


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Move inline scripts to files: the policy of the site allows scripts only from files."""
    return _with_files(output, "../" * page.url.count("/"))


def on_post_template(output_content: str, template_name: str, config: Any) -> str:
    """Do the same for the page for missing files, whose links start with `/docs/`."""
    if not template_name.endswith(".html"):
        return output_content
    html = output_content.replace('"base": "/"', '"base": "/docs/"')
    html = html.replace('new URL("/",location)', 'new URL("/docs/",location)')
    html = _with_files(html, "/")
    return re.sub(r'((?:href|src)=|: ?)"/(?!docs\b)', r'\1"/docs/', html)


def _with_files(html: str, root: str) -> str:
    def replaced(found: re.Match[str]) -> str:
        script = found.group(1)
        name = f"inline-{hashlib.sha256(script.encode()).hexdigest()[:12]}.js"
        _inline[name] = script
        return f'<script src="{root}{_SCRIPTS}/{name}"></script>'

    return _INLINE.sub(replaced, html)


def on_post_build(config: Any) -> None:
    """Write the scripts, and delete what no page loads: source maps, and word lists of other languages."""
    site = Path(config["site_dir"])
    for name, script in _inline.items():
        (site / _SCRIPTS / name).write_text(script, encoding="utf-8")
    languages = (site / _SCRIPTS / "lunr").rglob("*.js")
    for unused in [*site.rglob("*.map"), *languages, site / "sitemap.xml.gz", site / "sitemap.xml"]:
        unused.unlink(missing_ok=True)
