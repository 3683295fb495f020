"""The processes under measurement: started here, and asked what they have used."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import orjson

from homeport.identity import Service
from homeport.keyring import Keyring
from homeport.pki import authorities, installation
from homeport.pki.installation import Installation
from homeport.runtime.embedded import EmbeddedServers
from homeport.store import connection
from homeport.store.trust_writer import TrustWriter

_TICKS = os.sysconf("SC_CLK_TCK")
ACCOUNT = "a" * 32
SECRET = "5" * 64


@asynccontextmanager
async def process(*arguments: str, **environment: str) -> AsyncIterator[int]:
    """Run a Python process; yield its id; end it."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield started.pid
    finally:
        started.terminate()
        await started.wait()


@asynccontextmanager
async def servers() -> AsyncIterator[EmbeddedServers]:
    """Run PostgreSQL, Valkey and NATS on a fresh folder."""
    with tempfile.TemporaryDirectory(prefix="homeport-bench-") as folder:
        async with EmbeddedServers(Path(folder)) as started:
            yield started


@asynccontextmanager
async def platform(**environment: str) -> AsyncIterator[Mapping[str, object]]:
    """Run the whole platform on a fresh folder; yield its ready file."""
    with tempfile.TemporaryDirectory(prefix="homeport-bench-") as folder:
        ready = Path(folder) / "ready.json"
        up = ("up", "--nosec", "--ports", "auto", "--data", f"{folder}/data")
        arguments = ("-m", "homeport", *up, "--ready-file", str(ready))
        async with process(*arguments, **environment):
            while not ready.exists():
                await asyncio.sleep(0.1)
            yield orjson.loads(ready.read_bytes())


async def put_authority(redis_url: str) -> None:
    """Say who the edges are, as the directory does at its first start."""
    root = authorities.create_root("Bench")
    issuer = authorities.create_issuer("Bench devices", now=datetime.now(UTC))
    server = authorities.create_server(root, ["localhost"])
    made = Installation(
        root.certificate.der, issuer.export(), dict.fromkeys(Service, server)
    )
    redis = await connection.connect(redis_url)
    writer = TrustWriter(redis, Keyring.parse(SECRET))
    await writer.put_authority(installation.build(made))
    await redis.aclose()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, in user and kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(*pids: int) -> list[int]:
    """Return what processes have in memory, in bytes."""
    return [
        int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in pids
    ]


async def metric(pages: str, name: str) -> float:
    """Read one metric of a process from its probe pages."""
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(f"{pages}/metrics")).text
    return sum(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith((f"{name} ", f"{name}{{"))
    )


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port that is free now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


async def serving(port: int) -> None:
    """Wait until the process with these probe pages is ready."""
    async with asyncio.timeout(30):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
            answer = await reader.read()
            writer.close()
            if b" 200 " in answer.split(b"\r\n")[0]:
                return
            await asyncio.sleep(0.05)
