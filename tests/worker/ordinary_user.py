"""Program that runs a command as an ordinary user, for tests that are started as root.

    python ordinary_user.py UID COMMAND…

The interpreter, its environment and this repository may be in a folder that this user cannot access (/root). They are
mounted in a mount namespace of the command; nothing else on the machine changes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "src"))

from orvanta_platform.sandbox import syscalls  # noqa: E402


def show(paths: list[Path]) -> None:
    """Make `paths` accessible to every user in the mount namespace of this process."""
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    closed = {path: barrier for path in paths if (barrier := first_closed(path)) is not None}
    handles = {path: os.open(path, os.O_PATH) for path in closed}
    for barrier in set(closed.values()):
        syscalls.mount("tmpfs", str(barrier), "tmpfs", 0, "mode=755")
    for path, handle in handles.items():
        path.mkdir(parents=True, exist_ok=True)
        syscalls.mount(f"/proc/self/fd/{handle}", str(path), None, syscalls.MS_BIND | syscalls.MS_REC)
        os.close(handle)


def first_closed(path: Path) -> Path | None:
    """Return the topmost parent folder of `path`, or `path` itself, that is not accessible to others."""
    ways = [*reversed(path.parents), path]
    return next((folder for folder in ways if not folder.stat().st_mode & 0o001), None)


def main() -> None:
    uid, command = int(sys.argv[1]), sys.argv[2:]
    show(sorted({REPOSITORY, Path(sys.base_prefix), Path(sys.prefix)}))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
