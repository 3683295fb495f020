"""``homeport doctor``: what cannot work as it is configured, in a sentence each."""

import asyncio
import contextlib
import fcntl
import os
import re
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

import asyncpg
import nats
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from homeport import keyring
from homeport.errors import HomeportError, InvalidConfiguration, Unavailable
from homeport.events import bounds
from homeport.runtime import addresses, services
from homeport.runtime.config import PREFIX, DatabaseSettings, Settings
from homeport.runtime.platform import folder, identity, plan, ready
from homeport.runtime.platform.plan import Options

ANSWER_SECONDS = 6.0
"""Long enough for two refusals of NATS, which asks for each at the notifier."""
OLDEST_NATS = (2, 12)
OLDEST_POSTGRES = 15
EXTRA = "embedded"


class Severity(StrEnum):
    """Whether something cannot work, or works worse than it should."""

    FAULT = "wrong"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    severity: Severity
    sentence: str


async def examine(data: Path | None) -> list[Finding]:
    """Look at the configuration and at what it names; nothing found is all well.

    Without a data folder: what ``homeport run`` would meet; or, where nothing is set,
    the platform that serves from the default folder. With one: what ``homeport up``
    would meet there, or the platform that serves there now.
    """
    if data is None and not _configured() and _in_use(folder.default()):
        data = folder.default()
    if data is None:
        settings, findings = _read_settings()
        findings += await _examine_servers(_urls(settings))
        return findings + _examine_ports(settings)
    serving = ready.read(data / ready.FILE) if _in_use(data) else None
    if serving is not None:
        findings = await _examine_servers(
            {
                "Redis": serving.redis,
                "NATS": serving.nats,
                "PostgreSQL": serving.postgres,
            }
        )
        return findings + _examine_processes(serving.processes)
    _, findings = _read_settings(secret_key=keyring.new_secret())
    return findings + _examine_folder(data)


def _read_settings(**made_up: str) -> tuple[list[Settings], list[Finding]]:
    """Read what every service would read; say each fault once.

    What ``homeport up`` makes up need not be there.
    """
    given = {
        name: value
        for name, value in made_up.items()
        if f"{PREFIX}{name.upper()}" not in os.environ
    }
    read: list[Settings] = []
    faults: dict[str, None] = {}
    for name in services.MODULES:
        try:
            read.append(services.load(name).SETTINGS.load(**given))
        except InvalidConfiguration as error:
            faults[str(error)] = None
    return read, [Finding(Severity.FAULT, fault) for fault in faults]


def _urls(settings: list[Settings]) -> dict[str, str]:
    urls = {}
    for each in settings:
        urls["Redis"] = each.redis_url
        urls["NATS"] = each.nats_url
        if isinstance(each, DatabaseSettings):
            urls["PostgreSQL"] = each.postgres_url.get_secret_value()
    return urls


async def _examine_servers(urls: Mapping[str, str]) -> list[Finding]:
    looks: Mapping[str, Callable[[str], Awaitable[list[Finding]]]] = {
        "Redis": _examine_redis,
        "NATS": _examine_nats,
        "PostgreSQL": _examine_postgres,
    }
    found = await asyncio.gather(
        *(_examine_server(server, urls[server], looks[server]) for server in urls)
    )
    return [finding for findings in found for finding in findings]


async def _examine_server(
    server: str, url: str, look: Callable[[str], Awaitable[list[Finding]]]
) -> list[Finding]:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await look(url)
    except TimeoutError:
        return [_fault(f"{server} does not answer within {ANSWER_SECONDS:.0f} s")]
    except ValueError as error:
        return [_fault(f"the URL of {server} is wrong: {error}")]
    except Unavailable as error:
        return [_fault(str(error))]


async def _examine_redis(url: str) -> list[Finding]:
    redis = Redis.from_url(url, decode_responses=True)
    try:
        await redis.ping()
        settings = await _redis_settings(redis)
    except (RedisError, OSError) as error:
        raise Unavailable("Redis", str(error) or type(error).__name__) from error
    finally:
        await redis.aclose()
    findings = []
    policy = settings.get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        findings.append(
            _fault(f"Redis may drop sessions: its maxmemory-policy is {policy}")
        )
    if settings.get("appendonly", "yes") != "yes":
        findings.append(
            _warning("Redis forgets registrations at a restart: appendonly is off")
        )
    return findings


async def _redis_settings(redis: Redis) -> Mapping[str, str]:
    """Read two settings; a hosted Redis that does not tell them has none."""
    try:
        answer = await redis.config_get("maxmemory-policy", "appendonly")
    except RedisError:
        return {}
    return {str(name): str(value) for name, value in answer.items()}


async def _examine_nats(url: str) -> list[Finding]:
    refusals: list[Exception] = []

    async def refused(error: Exception) -> None:
        refusals.append(error)

    try:
        client = await nats.connect(
            url.split(","),
            error_cb=refused,
            connect_timeout=ANSWER_SECONDS,
            max_reconnect_attempts=1,  # without a limit the first try never ends
            reconnect_time_wait=0.05,
        )
    except (NatsError, OSError, TimeoutError) as error:
        reason = refusals[-1] if refusals else error
        raise Unavailable("NATS", str(reason) or type(reason).__name__) from error
    try:
        findings = []
        version = client.connected_server_version
        if (version.major, version.minor) < OLDEST_NATS:
            wanted = ".".join(map(str, OLDEST_NATS))
            findings.append(
                _fault(
                    f"NATS is {version.major}.{version.minor}, {wanted} is the oldest"
                    " that publishes atomic batches"
                )
            )
        if client.max_payload < bounds.LARGEST_MESSAGE:
            findings.append(
                _warning(
                    "NATS cuts off large answers of devices: its max_payload is"
                    f" {client.max_payload} bytes, not {bounds.LARGEST_MESSAGE}"
                )
            )
        await client.jetstream(timeout=ANSWER_SECONDS).account_info()
    except (NatsError, JetStreamError, TimeoutError):
        findings.append(_fault("NATS has no JetStream for this user"))
    finally:
        await client.close()
    return findings


async def _examine_postgres(url: str) -> list[Finding]:
    try:
        connection = await asyncpg.connect(url, timeout=ANSWER_SECONDS)
    except (asyncpg.PostgresError, OSError) as error:
        raise Unavailable("PostgreSQL", str(error) or type(error).__name__) from error
    try:
        version = connection.get_server_version().major
    finally:
        await connection.close()
    if version < OLDEST_POSTGRES:
        return [_fault(f"PostgreSQL is {version}, {OLDEST_POSTGRES} is the oldest")]
    return []


def _examine_ports(settings: list[Settings]) -> list[Finding]:
    """Find the ports that a process would open here and somebody else has."""
    wanted: dict[tuple[str, int, socket.SocketKind], None] = {}
    for each in settings:
        for port in (port for part in plan.PARTS for port in part.ports.values()):
            field = port.setting.removeprefix("HOMEPORT_").lower()
            number = getattr(each, field, None)
            host = getattr(each, "coap_host", getattr(each, "api_host", ""))
            opened = port.is_opened(
                nosec=getattr(each, "nosec", False),
                https=getattr(each, "api_certificate", None) is not None,
            )
            if number and opened:
                wanted[host, number, port.kind] = None
    return _taken(wanted)


def _taken(wanted: Mapping[tuple[str, int, socket.SocketKind], None]) -> list[Finding]:
    findings = []
    for host, number, kind in wanted:
        try:
            addresses.require_free(host, number, kind)
        except InvalidConfiguration as error:
            findings.append(_fault(str(error)))
    return findings


def _examine_folder(data: Path) -> list[Finding]:
    findings = []
    try:
        with folder.held(data):
            identity.read(data)
    except HomeportError as error:
        findings.append(_fault(str(error)))
    if missing := _missing_extra():
        findings.append(
            _fault(
                f"the embedded servers are not installed ({', '.join(missing)}): "
                f"pip install 'homeport[{EXTRA}]'"
            )
        )
    try:
        plan.require_free_ports(Options(data, nosec=True))
    except InvalidConfiguration as error:
        findings.append(_warning(f"{error}; --ports auto takes free ones"))
    return findings


def _missing_extra() -> list[str]:
    missing = []
    for requirement in metadata.requires("homeport") or ():
        name, _, marker = requirement.partition(";")
        if f'extra == "{EXTRA}"' not in marker:
            continue
        distribution = re.split(r"[<>=!~\[ ]", name, maxsplit=1)[0]
        try:
            metadata.distribution(distribution)
        except metadata.PackageNotFoundError:
            missing.append(distribution)
    return missing


def _examine_processes(processes: Mapping[str, object]) -> list[Finding]:
    findings = []
    for name, pids in processes.items():
        for pid in pids if isinstance(pids, list) else []:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                findings.append(_fault(f"process {pid} of {name} is gone"))
            except PermissionError:
                continue
    return findings


def _configured() -> bool:
    """Say whether the environment has settings of ours."""
    return any(name.startswith(PREFIX) for name in os.environ)


def _in_use(data: Path) -> bool:
    with contextlib.suppress(OSError), (data / folder.LOCK).open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _fault(sentence: str) -> Finding:
    return Finding(Severity.FAULT, sentence)


def _warning(sentence: str) -> Finding:
    return Finding(Severity.WARNING, sentence)
