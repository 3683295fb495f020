"""``homeport doctor``: what cannot work as it is configured, in a sentence each."""

import contextlib
import fcntl
import os
import re
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from homeport import keyring
from homeport.errors import HomeportError, InvalidConfiguration
from homeport.runtime import (
    addresses,
    doctor_servers,
    server_certificates,
    services,
)
from homeport.runtime.config import PREFIX, DatabaseSettings, Settings
from homeport.runtime.embedded import places
from homeport.runtime.findings import Finding, fault, warning
from homeport.runtime.platform import folder, identity, plan, ready
from homeport.runtime.platform.plan import Options

EXTRA = "embedded"

_READ_FROM_FILES = ("tls", "webhook_trust")
"""Of the settings of some services."""


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
        findings += await doctor_servers.examine(
            _urls(settings),
            with_applications=any(
                getattr(each, "nats_issuer_seed", None) for each in settings
            ),
        )
        return findings + _examine_files(settings) + _examine_ports(settings)
    serving = ready.read(data / ready.FILE) if _in_use(data) else None
    if serving is not None:
        findings = await doctor_servers.examine(
            {
                "Redis": serving.redis,
                "NATS": serving.nats,
                "PostgreSQL": serving.postgres,
            }
        )
        return findings + _examine_processes(serving.processes)
    settings, findings = _read_settings(secret_key=keyring.new_secret())
    return findings + _examine_files(settings) + _examine_folder(data)


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
    return read, list(map(fault, faults))


def _urls(settings: list[Settings]) -> dict[str, str]:
    urls = {}
    for each in settings:
        urls["Redis"] = each.redis_url
        urls["NATS"] = each.nats_url
        if isinstance(each, DatabaseSettings):
            urls["PostgreSQL"] = each.postgres_url.get_secret_value()
    return urls


def _examine_files(settings: list[Settings]) -> list[Finding]:
    """Find certificates that the processes could not read; say each fault once."""
    faults: dict[str, None] = {}
    for each in settings:
        folder_ = getattr(each, "server_certificates_folder", None)
        try:
            server_certificates.read(folder_, now=datetime.now(UTC))
            for what in _READ_FROM_FILES:
                getattr(each, what, None)
        except InvalidConfiguration as error:
            faults[str(error)] = None
    return list(map(fault, faults))


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
            findings.append(fault(str(error)))
    return findings


def _examine_folder(data: Path) -> list[Finding]:
    findings = []
    try:
        with folder.held(data):
            identity.read(data)
            places.establish(data, [])
    except HomeportError as error:
        findings.append(fault(str(error)))
    if missing := _missing_extra():
        findings.append(
            fault(
                f"the embedded servers are not installed ({', '.join(missing)}): "
                f"pip install 'homeport[{EXTRA}]'"
            )
        )
    try:
        plan.require_free_ports(Options(data, nosec=True))
    except InvalidConfiguration as error:
        findings.append(warning(f"{error}; --ports auto takes free ones"))
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
                findings.append(fault(f"process {pid} of {name} is gone"))
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
