"""As whom a server runs: PostgreSQL refuses to run as root, so root lends it a user."""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import structlog

from homeport.errors import InvalidConfiguration

SYSTEM_USER = "homeport-postgres"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class User:
    """A system user by its numbers."""

    user_id: int
    group_id: int


def ourselves() -> User:
    """Return who we are."""
    return User(os.geteuid(), os.getegid())


def unprivileged() -> User:
    """Return ourselves, or for root a user made for that, who owns nothing else.

    Raises InvalidConfiguration when there is none and none can be made.
    """
    if os.geteuid() != 0:
        return ourselves()
    entry = _look_up() or _make()
    return User(entry.pw_uid, entry.pw_gid)


def give(folder: Path, user: User) -> None:
    """Make a folder and all in it a user's own, and nobody else's.

    The system user's number may differ from the one that wrote the files: a container
    that is made anew has new users and an old volume.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    if folder.stat().st_uid == user.user_id:
        return
    for path in (*folder.rglob("*"), folder):
        os.chown(path, user.user_id, user.group_id, follow_symlinks=False)


def let_pass(path: Path, user: User) -> None:
    """Let another user through to a path, not look around on the way."""
    if user == ourselves():
        return
    for folder in (path, *path.parents):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
            _log.info("folder opened", folder=str(folder), to=SYSTEM_USER)


def _look_up() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return None


def _make() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home"]
    command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
    reason = ""
    try:
        done = subprocess.run(  # noqa: S603 # only constants
            [*command, SYSTEM_USER],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        reason = done.stderr.strip()
    except OSError as error:
        reason = f"useradd: {error.strerror}"
    if entry := _look_up():
        return entry
    raise InvalidConfiguration(
        f"system user {SYSTEM_USER}",
        f"is needed, for PostgreSQL does not run as root, and not to be had: {reason}",
    )
