"""Forbidden files of packages, the treatment of allowed files, and the sources of packages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orvanta_platform.worker import output_tree
from orvanta_platform.worker.output_tree import UnsafeTree, seal
from orvanta_platform.worker.outputs import Outputs
from orvanta_platform.worker.package_indexes import environment, for_ecosystem, named_files
from orvanta_platform.worker.packages import orders
from orvanta_platform.workflow.requirements.python_lock import NotOnlyPackages, python_lines

pytestmark = pytest.mark.extended


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "tree"
    (made / "a/b").mkdir(parents=True)
    (made / "a/b/file").write_text("text")
    return made


@pytest.mark.parametrize("target", ["b/file", "b", "../a/b/file"])
def test_links_within_are_kept(root: Path, target: str) -> None:
    (root / "a/link").symlink_to(target)
    seal(root, 1 << 20)
    assert os.readlink(root / "a/link") == target


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../../outside", "../../../etc", "b/../../../x", "../../tree-other/x"]
)
def test_links_out_are_refused(root: Path, target: str) -> None:
    (root.parent / "tree-other").mkdir()
    (root / "a/link").symlink_to(target)
    with pytest.raises(UnsafeTree, match="a/link is a link out"):
        seal(root, 1 << 20)


def test_link_through_outside_link_is_rejected(root: Path) -> None:
    """A path such as `down/../..` seems to be inside the tree, but leads out of it if `down` is a link."""
    (root / "top").symlink_to("a/b")
    (root / "a/b/up").symlink_to("../..")
    (root / "x").symlink_to("a/b/up/../outside")
    with pytest.raises(UnsafeTree):
        seal(root, 1 << 20)


def test_pipes_and_second_names_are_refused(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(UnsafeTree, match="pipe is neither"):
        seal(root, 1 << 20)
    os.unlink(root / "pipe")
    os.link(root / "a/b/file", root.parent / "elsewhere")
    with pytest.raises(UnsafeTree, match="second name"):
        seal(root, 1 << 20)


def test_too_large_tree_is_rejected(root: Path) -> None:
    (root / "large").write_bytes(bytes(2 << 20))
    with pytest.raises(UnsafeTree, match="larger than the limit of 1 MiB"):
        seal(root, 1 << 20)


def test_tree_of_many_files_is_rejected(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_tree, "MAX_ENTRIES", 3)
    seal(root, 1 << 20)
    (root / "empty").touch()
    with pytest.raises(UnsafeTree, match="more than 3 files"):
        seal(root, 1 << 20)


@pytest.mark.parametrize("files", [3, 5])
async def test_cache_of_many_empty_files_is_discarded(tmp_path: Path, files: int) -> None:
    """Each file counts as a block, because it takes an inode."""
    staging, cache = tmp_path / "staging", tmp_path / "packages" / "main" / ".cache"
    cache.parent.parent.mkdir()

    def make(_: int) -> str:
        (staging / "one").mkdir(parents=True)
        return "one"

    staging.mkdir()
    async with Outputs(staging, make, 4 * 4096).open(0, cache) as output:
        (staging / output / "cache").mkdir()
        for number in range(files):
            (staging / output / "cache" / str(number)).touch()
    assert cache.is_dir() is (files == 3)
    assert not list(staging.iterdir())


def test_bits_of_another_user_are_taken_away(root: Path) -> None:
    program = root / "a/program"
    program.write_text("#!/bin/sh")
    program.chmod(0o6777)
    seal(root, 1 << 20)
    assert program.stat().st_mode & 0o7777 == 0o555
    assert (root / "a/b/file").stat().st_mode & 0o7777 == 0o444


ENVIRON = {
    "HTTPS_PROXY": "http://proxy",
    "no_proxy": "here",
    "SSL_CERT_FILE": "/ca.pem",
    "UV_INDEX_URL": "https://mirror/simple",
    "UV_PUBLISH_TOKEN": "secret",
    "UV_CACHE_DIR": "/elsewhere",
    "NPM_CONFIG_REGISTRY": "https://npm",
    "npm_config_registry": "https://npm",
    "DATABASE_URL": "postgresql://secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "PATH": "/bin",
    "HOME": "/root",
    "PIP_INDEX_URL": "https://pip/simple",
    "PIP_FIND_LINKS": "/wheels",
}


def test_only_package_settings_are_passed_on() -> None:
    passed = environment(ENVIRON, pip_files=())
    assert set(passed) == {
        *("HTTPS_PROXY", "no_proxy", "SSL_CERT_FILE", "UV_INDEX_URL", "NPM_CONFIG_REGISTRY", "npm_config_registry"),
        *("PIP_INDEX_URL", "PIP_FIND_LINKS", "UV_FIND_LINKS"),
    }
    assert passed["UV_FIND_LINKS"] == "/wheels"


def test_settings_take_precedence(tmp_path: Path) -> None:
    passed = environment(ENVIRON, python_index="https://ours/simple", npm_registry="https://ours", pip_files=())
    assert passed["UV_DEFAULT_INDEX"] == "https://ours/simple" and "UV_INDEX_URL" not in passed
    assert [passed[name] for name in passed if name.lower() == "npm_config_registry"] == ["https://ours"]


def test_pip_configuration_is_used(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://mirror/simple\nextra-index-url =\n  https://a\n  https://b\n")
    assert environment({}, pip_files=(file,)) == {
        "UV_DEFAULT_INDEX": "https://mirror/simple",
        "UV_INDEX": "https://a https://b",
    }
    assert environment({"UV_DEFAULT_INDEX": "x"}, pip_files=(file,))["UV_DEFAULT_INDEX"] == "x"
    file.write_text("no section = %(x)s")
    assert environment({}, pip_files=(file, tmp_path / "missing")) == {}


@pytest.mark.parametrize(
    ("lock", "hashed"),
    [
        ("# py: 3.11\na==1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nb==2 --hash=sha256:cc\n", True),
        ("a==1 \\\n    --hash=sha256:aa\nb==2\n", False),
        ("a==1", False),
        ("# nothing", False),
    ],
)
def test_whether_a_lock_carries_hashes(lock: str, hashed: bool) -> None:
    assert orders.is_hashed(python_lines(lock)) is hashed


def test_files_that_the_settings_name_are_shown_to_package_programs(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nconstraint = /etc/hosts\nindex-url = https://u:secret@ours/simple\ncert = /usr/x.pem\n")
    environ = {"UV_FIND_LINKS": "/etc/none file:///etc/passwd", "ELSE": "/etc/group"}
    assert named_files(environ, pip_files=(file,)) == ["/etc/hosts", "/etc/passwd"]


def test_programs_of_an_ecosystem_receive_its_variables_only() -> None:
    shared = {"HTTPS_PROXY": "p", "SSL_CERT_FILE": "c"}
    own = {
        "python": {"UV_INDEX_URL": "a", "PIP_CERT": "a"},
        "npm": {"npm_config_registry": "b", "NPM_CONFIG_REGISTRY": "b"},
        "go": {"GOPROXY": "c", "GONOSUMDB": "c"},
        "composer": {"COMPOSER_AUTH": "d", "COMPOSER_REPOSITORY": "d"},
        "gems": {"GEM_SOURCE": "e"},
    }
    passed = shared | {name: value for each in own.values() for name, value in each.items()}
    for ecosystem, names in own.items():
        assert for_ecosystem(passed, ecosystem) == shared | names  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        "-r /proc/self/environ",
        "# c \\\n-r /proc/self/environ",
        "b==1 # c \\\n-r /proc/self/environ",
        "\ufeff-r /proc/self/environ",
        "b==1 --hash=sha256:00 -r /proc/self/environ",
        "b==1 ; python_version > '3' -r order.json",
        "b==1 \\\r\n -r /proc/self/environ",
        "b @ file:///output/cache/x.whl",
        "/output/cache/x.whl",
        "b @ https://127.0.0.1/${COMPOSER_AUTH}/b.whl",
    ],
)
def test_lock_with_options_paths_or_variables_is_refused(line: str) -> None:
    """uv would read files and the environment with the passwords of indexes, and show them in its messages."""
    with pytest.raises(NotOnlyPackages):
        orders.install_order("python", f"a==1\n{line}\n", builds=False)


def test_lines_of_lock_are_requirements() -> None:
    lock = (
        "# py: 3.11\n\na==1 \\\n    --hash=sha256:aa \\\r\n    --hash=sha256:bb\n    # via b\n"
        "b[x, y] >= 2.0.*, <3 ; python_version < '3.9' and sys_platform == \"win32\" \\\n    --hash=sha512:cc # c\n"
        "c @ https://files.example/c.whl#sha256=00 \\\n --hash=sha256:00\nd @ git+https://x.example/d@v1\ne"
    )
    assert python_lines(lock) == [
        "a==1 --hash=sha256:aa --hash=sha256:bb",
        "b[x, y] >= 2.0.*, <3 ; python_version < '3.9' and sys_platform == \"win32\" --hash=sha512:cc",
        "c @ https://files.example/c.whl#sha256=00 --hash=sha256:00",
        "d @ git+https://x.example/d@v1",
        "e",
    ]
