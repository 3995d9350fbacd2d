"""Which process this is, and whether another one is certainly gone.

Guarantees: no two processes have the same name, not even with the same process id after a restart or in another
container; a process is called gone only where that can be seen: under the same kernel (host name and boot id) and
in the same pid namespace. Of any other one nothing is claimed.
"""

import os
import socket
import uuid
from dataclasses import astuple, dataclass
from pathlib import Path

_DEAD = {"Z", "X"}
"""States of a process that ended and was not collected yet."""


@dataclass(frozen=True, slots=True)
class Instance:
    host: str
    pid: int
    boot: str
    """The kernel's boot id: another one after every boot of the machine."""
    pids: str
    """The namespace in which `pid` counts: containers have their own."""
    started: str
    """Ticks from boot to the start of the process: tells it from a later one with the same pid."""

    def __str__(self) -> str:
        return "/".join(str(part) for part in astuple(self))

    @classmethod
    def parse(cls, text: str) -> "Instance | None":
        """None for what is no instance's name."""
        match text.split("/"):
            case [host, pid, boot, pids, started] if pid.isdecimal() and int(pid) > 0:
                return cls(host, int(pid), boot, pids, started)
            case _:
                return None

    @property
    def in_words(self) -> str:
        return f"process {self.pid} on {self.host}"


def instance_of(pid: int) -> Instance:
    """The process with this id, which must be one of ours and alive.

    Where the system does not tell enough, the name is unique all the same, and says nothing to others.
    """
    host = socket.gethostname().replace("/", "_")
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        pids = str(Path(f"/proc/{pid}/ns/pid").readlink())
        _, started = _status(pid)
    except (OSError, ValueError):
        return Instance(host, pid, f"unknown-{uuid.uuid4()}", "", "")
    return Instance(host, pid, boot, pids, started)


def gone(other: Instance, me: Instance) -> bool:
    """Whether the other process has certainly ended."""
    if (other.host, other.boot, other.pids) != (me.host, me.boot, me.pids):
        return False
    try:
        os.kill(other.pid, 0)  # sends nothing; sees processes that /proc may hide from us
        state, started = _status(other.pid)
    except ProcessLookupError:
        return True
    except (OSError, ValueError, OverflowError):
        return False
    return state in _DEAD or started != other.started


def _status(pid: int) -> tuple[str, str]:
    """State and start of a process (fields 3 and 22 of its stat; the name before them may hold anything)."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    if len(fields) < 20:
        raise ValueError("not the stat of a process")
    return fields[0], fields[19]
