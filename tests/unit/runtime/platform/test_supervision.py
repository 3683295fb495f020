"""Processes are kept alive, heard, drained, and never left behind."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from homeport.errors import InvalidConfiguration, Unavailable
from homeport.runtime import lifeline
from homeport.runtime.lifeline import Announcement
from homeport.runtime.platform import supervision
from homeport.runtime.platform.supervision import Replica

BORN = """
import os, signal, sys
from homeport.runtime.lifeline import Announcement, Lifeline, Refusal
life = Lifeline(int(sys.argv[1].removeprefix("--lifeline=")))
def ready(**opened):
    life.tell(Announcement("http://127.0.0.1:1", opened))
def on_term(handler):
    signal.signal(signal.SIGTERM, handler)
"""
HANGS = "ready(); on_term(signal.SIG_IGN); signal.pause()"
SERVES = 'ready(coap="coap://127.0.0.1:" + os.environ["PORT"]); signal.pause()'


class World:
    """A replica and what was heard of it."""

    def __init__(self, script: str) -> None:
        self.lines: list[tuple[str, bytes]] = []
        self.changed = asyncio.Event()
        self.replica = Replica(
            "lwm2m",
            1,
            {**os.environ, "PORT": "40001"},
            line=lambda source, line: self.lines.append((source, line)),
            changed=self.changed.set,
            arguments=[sys.executable, "-c", BORN + script],
        )


@asynccontextmanager
async def world(script: str) -> AsyncIterator[World]:
    made = World(script)
    made.replica.start()
    try:
        async with asyncio.timeout(20):
            yield made
    finally:
        await made.replica.stop()


async def until_gone(pid: int) -> None:
    """Wait until a process has ended and was waited for."""
    async with asyncio.timeout(20):
        while _alive(pid):
            await asyncio.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_process_that_is_ready_says_what_it_has_opened() -> None:
    async with world(SERVES) as one:
        assert await one.replica.first == Announcement(
            "http://127.0.0.1:1", {"coap": "coap://127.0.0.1:40001"}
        )
        assert one.replica.pid is not None


async def test_a_killed_process_comes_back_with_the_same_port() -> None:
    async with world(SERVES) as one:
        await one.replica.first
        one.replica.pin({"PORT": "40002"})
        killed = one.replica.pid
        assert killed is not None
        one.changed.clear()
        os.kill(killed, signal.SIGKILL)
        await one.changed.wait()
        assert one.replica.pid not in (None, killed)
        assert one.replica.announcement == Announcement(
            "http://127.0.0.1:1", {"coap": "coap://127.0.0.1:40002"}
        )


async def test_a_process_that_stops_drains_first() -> None:
    script = """
def drain(*_):
    print("drained", flush=True)
    sys.exit(0)
on_term(drain); ready(); signal.pause()
"""
    async with world(script) as one:
        await one.replica.first
        await one.replica.stop()
        assert one.lines == [("lwm2m-1", b"drained")]
        assert one.replica.pid is None


async def test_a_process_that_will_not_stop_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervision, "DRAIN_SECONDS", 0.05)
    script = """
on_term(signal.SIG_IGN); ready()
while True: signal.pause()
"""
    async with world(script) as one:
        await one.replica.first
        pid = one.replica.pid
        assert pid is not None
        await one.replica.stop()
        await until_gone(pid)


async def test_a_wrong_configuration_is_not_tried_again() -> None:
    async with world('life.tell(Refusal("port 1 is taken")); sys.exit(2)') as one:
        with pytest.raises(InvalidConfiguration, match="lwm2m: port 1 is taken"):
            await one.replica.first


async def test_a_process_that_never_gets_ready_is_given_up() -> None:
    async with world('print("oops"); sys.exit(7)') as one:
        with pytest.raises(Unavailable, match=r"ended 5 times .* last with 7"):
            await one.replica.first
        assert one.lines == [("lwm2m-1", b"oops")] * 5


async def test_stopping_does_not_wait_for_the_next_try() -> None:
    async with world("sys.exit(7)") as one:
        while one.replica.pid is not None:
            await asyncio.sleep(0)
        await one.replica.stop()


async def test_long_lines_are_cut_and_last_lines_need_no_end() -> None:
    script = 'sys.stdout.write("x" * 3_000_000); ready(); signal.pause()'
    async with world(script) as one:
        await one.replica.first
        await one.replica.stop()
        assert sum(len(line) for _, line in one.lines) == 3_000_000
        assert max(len(line) for _, line in one.lines) <= 2 * supervision.LONGEST_LINE


async def test_a_process_ends_with_its_parent_however_that_ended() -> None:
    parent = f"""
import os, signal, socket, subprocess, sys
ours, theirs = socket.socketpair()
child = subprocess.Popen(
    [sys.executable, "-c", {BORN + HANGS!r}, f"--lifeline={{theirs.fileno()}}"],
    pass_fds=[theirs.fileno()])
theirs.close()
ours.recv(1)
print(child.pid, flush=True)
signal.pause()
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", parent, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    child = int(await process.stdout.readline())
    assert _alive(child)
    process.kill()
    await process.wait()
    await until_gone(child)


async def test_the_end_of_the_lifeline_is_enough_to_end_a_process() -> None:
    ours, theirs = socket.socketpair()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        BORN + "ready(); signal.pause()",
        f"--lifeline={theirs.fileno()}",
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    reader, writer = await asyncio.open_connection(sock=ours)
    assert isinstance(lifeline.parse(await reader.readline()), Announcement)
    writer.close()
    async with asyncio.timeout(20):
        assert await process.wait() == 1


def test_a_service_is_run_by_this_python_wherever_we_stand() -> None:
    command: Callable[[str], list[str]] = supervision.command
    assert command("expiry") == [
        sys.executable,
        *("-P", "-m", "homeport", "run", "expiry"),
    ]
