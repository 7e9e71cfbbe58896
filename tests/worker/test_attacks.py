"""Resources that a job must not reach (attacks S07 and S08) at each isolation level, with the exceptions of each."""

from __future__ import annotations

import ctypes
import os
import socket
import ssl
import threading
from ipaddress import ip_address
from pathlib import Path

import pytest
from tests import processes
from tests.worker.jobs import LEVELS, Ran, run
from tests.worker.shared_runtimes import runtimes as runtimes

from orvanta_platform.sandbox import isolation, network, networks
from orvanta_platform.sandbox.plan import Level
from orvanta_platform.worker.runtimes.pool import Runtimes

SECRET = "postgresql://orvanta:tell-nobody@/run"

WRITE = """
import os
def main(paths):
    done = []
    for path in paths:
        try:
            with open(os.path.join(path, 'planted'), 'w') as f:
                f.write('x')
            done.append(path)
        except OSError:
            pass
    return done
"""

READ = """
import glob
def main(pattern):
    found = []
    for path in glob.glob(pattern):
        try:
            with open(path, 'rb') as f:
                found.append(f.read(1 << 16).decode('latin-1'))
        except OSError:
            pass
    return found
"""

CONNECT = """
import socket
def main(kind, address):
    address = tuple(address) if isinstance(address, list) else address.replace('@', chr(0))
    s = socket.socket(getattr(socket, kind), socket.SOCK_STREAM)
    s.settimeout(5)
    try:
        s.connect(address)
    except OSError as e:
        return type(e).__name__, e.errno
    return 'connected', 0
"""


# As root, userns is tested as well: the worker's user owns the host's files, which only the cell protects.
@pytest.fixture(params=["full", "userns", "landlock"] if os.geteuid() == 0 else LEVELS)
def level(request: pytest.FixtureRequest) -> Level:
    value: Level = request.param
    return value


async def python(runtimes: Runtimes, content: str, slot: int = 0, **args: object) -> Ran:
    return await run(runtimes, "python3", content, args, slot=slot)


async def test_s07_nothing_of_the_host_can_be_written(runtimes: Runtimes, tmp_path: Path) -> None:
    home = os.path.expanduser("~")
    paths = ["/", "/etc", "/usr", "/usr/local/bin", "/var", "/var/lib", "/opt", "/root", "/run", home, str(tmp_path)]
    assert (await python(runtimes, WRITE, paths=paths)).value == []
    assert not any(os.path.exists(os.path.join(path, "planted")) for path in paths)


@pytest.mark.parametrize("slots", [(0, 0), (0, 1)])
async def test_s07_a_job_sees_nothing_of_an_earlier_one(runtimes: Runtimes, slots: tuple[int, int]) -> None:
    first = await python(runtimes, WRITE, slot=slots[0], paths=["/tmp", "/var/tmp", "/dev/shm", "."])
    assert "." in first.value
    for path in ("/tmp/planted", "/var/tmp/planted", "/dev/shm/planted", "planted", "/tmp/*/*/planted"):
        assert (await python(runtimes, READ, slot=slots[1], pattern=path)).value == []
    assert not os.path.exists("/tmp/planted")


async def test_s08_no_environment_but_the_jobs_own(runtimes: Runtimes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", SECRET)
    for pattern in ("/proc/*/environ", "/proc/*/cmdline", "/proc/*/task/*/environ"):
        assert SECRET not in "".join((await python(runtimes, READ, pattern=pattern)).value)


async def test_s08_the_zygote_never_had_the_environment(runtimes: Runtimes, monkeypatch: pytest.MonkeyPatch) -> None:
    # This process may also have evaluators of other tests as children.
    own = [
        pid
        for pid in processes.children(os.getpid())
        if "orvanta_platform.evaluate.child" not in " ".join(processes.arguments(pid))
    ]
    environments = [dict(entry.split("=", 1) for entry in processes.environment(pid)) for pid in own]
    zygote = next(each for each in environments if each.get("LANG") == "C.UTF-8" and "HOME" not in each)
    assert set(zygote) == {"PATH", "LANG"}


async def test_s08_other_processes_are_out_of_reach(runtimes: Runtimes, level: Level) -> None:
    content = (
        "import os, signal\ndef main(pid):\n    try:\n        os.kill(pid, 0)\n    except ProcessLookupError:\n"
        "        return 'unseen'\n    except PermissionError:\n        return 'refused'\n    return 'reached'"
    )
    answer = (await python(runtimes, content, pid=os.getpid())).value
    assert answer == ("refused" if level == "landlock" else "unseen")
    memory = "def main(pid):\n    return open(f'/proc/{pid}/mem', 'rb').read(1)"
    assert (await python(runtimes, memory, pid=os.getpid())).error[0] in ("PermissionError", "FileNotFoundError")


async def test_s08_its_own_guardian_is_out_of_reach(runtimes: Runtimes) -> None:
    content = "import os\ndef main():\n    return open(f'/proc/{os.getppid()}/mem', 'rb').read(1)"
    assert (await python(runtimes, content)).error[0] in ("PermissionError", "FileNotFoundError")


async def test_s08_no_descriptor_but_its_own(runtimes: Runtimes, level: Level) -> None:
    if level == "landlock":
        content = "import os\ndef main():\n    return sum(_open(n) for n in range(3, 500))\ndef _open(n):\n"
        content += "    try:\n        os.fstat(n)\n    except OSError:\n        return 0\n    return 1"
        assert (await python(runtimes, content)).value == 1
    else:
        content = "import os\ndef main():\n    return sorted(os.readlink(f'/proc/self/fd/{n}') for n in _open())\n"
        content += (
            "def _open():\n    return [n for n in os.listdir('/proc/self/fd') if os.path.lexists(f'/proc/self/fd/{n}')]"
        )
        names = (await python(runtimes, content)).value
        assert sum(name.startswith("pipe:") for name in names) == 3  # stdout, stderr, the result
        assert not any(name.startswith("socket:") for name in names)


SETTINGS = ["pip.conf", "npmrc", "netrc", "wgetrc", "machine-id", "environment", "gitconfig", "sudoers", "fstab"]
SETTINGS += ["shadow", "ssh/sshd_config", "ssh/ssh_host_ed25519_key", "apt/*", "apt/auth.conf.d/*", "default/*"]
SETTINGS += ["xdg/pip/pip.conf", "uv/uv.toml", "docker/*", "postgresql-common/*", "my.cnf", "odbc.ini", "ssl/private/*"]


async def test_s08_settings_of_the_host_are_unseen(runtimes: Runtimes) -> None:
    for name in SETTINGS:
        assert (await python(runtimes, READ, pattern=f"/etc/{name}")).value == [], name


async def test_names_certificates_and_users_are_found(runtimes: Runtimes) -> None:
    content = (
        "import os, pwd, socket, ssl\ndef main():\n    socket.getaddrinfo('localhost', 80)\n"
        "    open('/etc/hosts').read()\n    names = os.path.exists('/etc/resolv.conf')\n"
        "    return [pwd.getpwuid(0).pw_name, len(ssl.create_default_context().get_ca_certs()) > 0, names]"
    )
    certificates = bool(ssl.create_default_context().get_ca_certs())
    assert (await python(runtimes, content)).value == ["root", certificates, os.path.exists("/etc/resolv.conf")]


METADATA = {
    "AF_INET": ("169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192"),
    "AF_INET6": ("fd00:ec2::254", "fd20:ce::254"),
}


async def test_s08_metadata_addresses(runtimes: Runtimes) -> None:
    for address in map(ip_address, (*METADATA["AF_INET"], *METADATA["AF_INET6"])):
        assert any(address in ruled for ruled in networks.METADATA), "a host without a route refuses it without a rule"
    refused = not any("169.254" in sentence for sentence in runtimes.isolation.missing)
    if not refused:
        pytest.skip("this level says that it does not refuse them")
    for kind, addresses in METADATA.items():
        for each in addresses:
            name, _ = (await python(runtimes, CONNECT, kind=kind, address=[each, 80])).value
            assert name in ("OSError", "PermissionError"), each


async def test_loopback_is_reached(runtimes: Runtimes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = ["127.0.0.1", server.getsockname()[1]]
        assert (await python(runtimes, CONNECT, kind="AF_INET", address=address)).value == ["connected", 0]


async def test_s08_sockets_of_the_host(runtimes: Runtimes, level: Level, tmp_path: Path) -> None:
    names = ["/run/docker.sock", "/var/run/docker.sock", str(tmp_path / "socket")]
    server = socket.socket(socket.AF_UNIX)
    server.bind(names[-1])
    server.listen()
    for name in names:
        answer, _ = (await python(runtimes, CONNECT, kind="AF_UNIX", address=name)).value
        if answer == "connected":
            assert level == "landlock"
            assert any("Unix socket" in sentence for sentence in runtimes.isolation.missing)
    server.close()


async def test_s08_abstract_sockets_of_the_host(runtimes: Runtimes) -> None:
    server = socket.socket(socket.AF_UNIX)
    name = f"orvanta-test-{os.getpid()}-{threading.get_ident()}"
    server.bind(f"\0{name}")
    server.listen()
    answer, _ = (await python(runtimes, CONNECT, kind="AF_UNIX", address=f"@{name}")).value
    server.close()
    assert answer == "PermissionError"


async def test_hidden_paths_stay_hidden(level: Level, tmp_path: Path) -> None:
    hidden = Path("/usr/share/doc")
    runtimes = Runtimes(tmp_path / "home", [hidden], level)
    await runtimes.start()
    (tmp_path / "home" / "token").write_text("t")
    listing = "import os\ndef main(path):\n    return os.listdir(path)"
    ran = await python(runtimes, listing, path=str(hidden))
    assert ran.outcome.result == b"[]" or ran.error[0] == "PermissionError"
    ran = await python(runtimes, listing, path=str(tmp_path / "home"))
    assert ran.error[0] in ("FileNotFoundError", "PermissionError")
    await runtimes.close()


SYSCALLS = """
import ctypes
def main(numbers):
    libc = ctypes.CDLL(None, use_errno=True)
    answers = {}
    for name, (number, args) in numbers.items():
        ctypes.set_errno(0)
        libc.syscall(number, *[ctypes.c_long(a) for a in args])
        answers[name] = ctypes.get_errno()
    return answers
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86-64")
async def test_s08_system_calls_that_reach_further(runtimes: Runtimes) -> None:
    denied = {
        "ptrace": (101, [0, 0, 0, 0]),
        "mount": (165, [0, 0, 0, 0, 0]),
        "unshare": (272, [0x10000000]),
        "setns": (308, [0, 0]),
        "clone newuser": (56, [0x10000000 | 17, 0, 0, 0, 0]),
        "keyctl": (250, [0, 0, 0, 0, 0]),
        "bpf": (321, [0, 0, 0]),
        "perf_event_open": (298, [0, 0, 0, 0, 0]),
        "userfaultfd": (323, [0]),
        "process_vm_readv": (310, [1, 0, 0, 0, 0, 0]),
        "io_uring_setup": (425, [1, 0]),
        "open_by_handle_at": (304, [0, 0, 0]),
        "reboot": (169, [0, 0, 0, 0]),
        "kexec_load": (246, [0, 0, 0, 0]),
        "pidfd_getfd": (438, [0, 0, 0]),
        "chroot": (161, [0]),
        "vsock": (41, [40, 1, 0]),
        "tiocsti": (16, [0, 0x5412, 0]),
    }
    answers = (await python(runtimes, SYSCALLS, numbers=denied)).value
    assert answers == dict.fromkeys(denied, 1)
    clone3 = (await python(runtimes, SYSCALLS, numbers={"clone3": (435, [0, 0])})).value
    assert clone3 == {"clone3": 38}


async def test_s08_no_rights_are_left(runtimes: Runtimes, level: Level) -> None:
    content = (
        "import os, subprocess\ndef main():\n"
        "    groups = os.getgroups()\n    ids = [*os.getresuid(), *os.getresgid()]\n"
        "    try:\n        os.setgroups([5])\n        ids.append(-1)\n    except OSError:\n        pass\n"
        "    return ids, groups"
    )
    ids, groups = (await python(runtimes, content, slot=7)).value
    assert -1 not in ids
    if level == "full":
        assert set(ids) == {2_000_007}
        assert groups == []
    if level != "landlock":
        status = "def main():\n    return open('/proc/self/status').read()"
        text = (await python(runtimes, status)).value
        fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        assert fields["CapPrm"] == fields["CapEff"] == fields["CapInh"] == "0000000000000000"
        assert fields["NoNewPrivs"] == "1"
        assert fields["Seccomp"] == "2"


async def test_set_user_id_programs_gain_nothing(runtimes: Runtimes, level: Level) -> None:
    ran = await run(runtimes, "bash", "su -c id root < /dev/null; sudo -n id; passwd -S; id -u")
    shared = level == "userns" or isolation.SHARED_UID in runtimes.isolation.missing
    own_user = os.geteuid() == 0 and not shared
    assert ran.value == (str(network.FIRST_UID) if own_user else str(os.geteuid()))


def test_hardened_processes_cannot_be_read() -> None:
    pid = os.fork()
    if pid == 0:
        from orvanta_platform.sandbox.harden import harden_process

        harden_process()
        os._exit(0 if ctypes.CDLL(None).prctl(3) == 0 else 1)
    assert os.waitpid(pid, 0)[1] == 0
