"""The socket between ``homeport up`` and each of its processes.

The child says on it, one JSON line each, what it has opened or why it cannot start. As
nobody else holds the other end, its end of file says that the parent is gone.
"""

import contextlib
import ctypes
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from homeport.errors import InvalidFormat

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Announcement:
    """A process is ready.

    ``probes`` is the base URL of its three pages, ``addresses`` what it has opened:
    scheme to URL.
    """

    probes: str
    addresses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A process cannot start as it is configured; trying again would not help."""

    sentence: str


def build(word: Announcement | Refusal) -> bytes:
    """Build the line that `parse` reads."""
    kind = "ready" if isinstance(word, Announcement) else "refused"
    return orjson.dumps({kind: word}) + b"\n"


def parse(line: bytes) -> Announcement | Refusal:
    """Parse a line; raise InvalidFormat when it is none."""
    try:
        match orjson.loads(line):
            case {"ready": dict(content)}:
                return Announcement(**content)
            case {"refused": dict(content)}:
                return Refusal(**content)
    except (orjson.JSONDecodeError, TypeError) as error:
        raise InvalidFormat("lifeline", str(error)) from error
    raise InvalidFormat("lifeline", "is neither ready nor refused")


class Lifeline:
    """The child's end; from now on this process dies when its parent does."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)
        _have_linux_kill_us()
        threading.Thread(target=self._outlive_nobody, daemon=True).start()

    def tell(self, word: Announcement | Refusal) -> None:
        """Tell the parent; one that is gone hears nothing, which is no error."""
        with contextlib.suppress(OSError):
            self._socket.sendall(build(word))

    def _outlive_nobody(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.recv(1)
        os._exit(1)


def _have_linux_kill_us() -> None:
    """Ask for SIGKILL at the parent's death: it reaches a process that hangs, too."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
