"""Order in which the scripts of a folder are pushed."""

from __future__ import annotations

from pathlib import Path

from orvanta_platform.cli.client import script_files


def test_scripts_follow_those_they_import(tmp_path: Path) -> None:
    contents = {
        "f/app/a.py": "from f.lib.z import x\nfrom .b import y",
        "f/app/b.py": "from ..lib.z import x",
        "f/lib/c.py": "import f.lib.d\n",
        "f/lib/d.py": "import f.lib.c\n",
        "f/lib/e.ts": 'import "./y";',
        "f/lib/y.ts": "",
        "f/lib/z.py": "import f.elsewhere.x",
    }
    for name, content in contents.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    ordered = script_files.in_import_order(script_files.find(tmp_path))
    names = [str(file.relative_to(tmp_path)) for file in ordered]
    assert names == ["f/lib/z.py", "f/app/b.py", "f/app/a.py", "f/lib/d.py", "f/lib/c.py", "f/lib/y.ts", "f/lib/e.ts"]
