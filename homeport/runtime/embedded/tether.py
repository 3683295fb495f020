"""Become a program that does not outlive its parent.

    python -I -S tether.py PARENT SIGNAL USER GROUP PROGRAM ARGUMENT…

Run by its path with the standard library alone, so it costs a few milliseconds. The
kernel forgets the wish at a change of user, so that comes first. Where the kernel knows
no such wish, a forked process waits for the end of standard input instead, whose other
end only the parent holds.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def main(arguments: Sequence[str]) -> None:
    """Change the user, tie this process to its parent, and become the program."""
    parent, number, user, group = map(int, arguments[:4])
    command = list(arguments[4:])
    if user != os.geteuid():
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            sys.exit(128 + number)
    else:
        _watch(number)
    os.execv(command[0], command)  # noqa: S606 # our own parent's words


def _watch(number: int) -> None:
    server = os.getpid()
    if os.fork():
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.read(0, 1)
    if os.getppid() == server:
        os.kill(server, number)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
