"""The account, API keys and secret of an installation, made at its first start."""

import os
import re
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from homeport import keyring, names
from homeport.errors import InvalidConfiguration, InvalidName
from homeport.keyring import Keyring
from homeport.names import AccountId

FILE = "homeport.json"
KEY_PREFIX = "ak_1"
SECRET_LENGTH = 32
"""Hex characters at the end of a key (R-1)."""
_KEY = re.compile(rf"{KEY_PREFIX}[A-Za-z0-9]+[0-9a-f]{{{SECRET_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the default account is, the key that opens it, and the keyring's secret.

    ``platform_api_key`` is that of the platform's operator, who makes accounts.
    """

    account_id: AccountId
    api_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    platform_api_key: str = field(repr=False)


def establish(
    data: Path,
    *,
    account_id: str | None = None,
    api_key: str | None = None,
    secret_key: str | None = None,
    platform_api_key: str | None = None,
) -> Identity:
    """Read the identity of a data folder, or make one; given parts replace kept ones.

    Raises InvalidConfiguration when the file or a given part is unusable.
    """
    path = data / FILE
    kept = read(data)
    account = account_id or (kept.account_id if kept else names.new_account_id())
    parsed = _parse("account id", account)
    if api_key is None and kept is not None and kept.account_id == parsed:
        api_key = kept.api_key
    if api_key is None:
        api_key = new_api_key(parsed)
    secret_key = secret_key or (kept and kept.secret_key) or keyring.new_secret()
    platform = platform_api_key or (kept and kept.platform_api_key)
    identity = Identity(
        parsed, api_key, secret_key, platform or new_api_key(names.PLATFORM_ACCOUNT)
    )
    _require_key(identity.api_key)
    Keyring.parse(identity.secret_key)
    if identity != kept:
        write_private(path, orjson.dumps(asdict(identity), option=orjson.OPT_INDENT_2))
    return identity


def new_api_key(account: AccountId) -> str:
    """Make a key: the prefix, a part that names the owner, and the secret end (R-1)."""
    return f"{KEY_PREFIX}{account[:16]}{secrets.token_hex(SECRET_LENGTH // 2)}"


def write_private(path: Path, content: bytes) -> None:
    """Replace a file at once and for its owner's eyes only."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def read(data: Path) -> Identity | None:
    """Read the identity of a data folder, if it has one; raise InvalidConfiguration."""
    path = data / FILE
    try:
        content = orjson.loads(path.read_bytes())
        return Identity(
            _parse(str(path), str(content["account_id"])),
            str(content["api_key"]),
            str(content.get("secret_key", "")),
            str(content.get("platform_api_key", "")),
        )
    except FileNotFoundError:
        return None
    except KeyError as error:
        raise InvalidConfiguration(str(path), f"lacks {error}") from error
    except (OSError, ValueError, TypeError) as error:
        raise InvalidConfiguration(str(path), f"cannot be read: {error}") from error


def _parse(what: str, account_id: str) -> AccountId:
    try:
        return names.parse_account_id(account_id)
    except InvalidName as error:
        raise InvalidConfiguration(what, f"is wrong: {error}") from error


def _require_key(api_key: str) -> None:
    if not _KEY.fullmatch(api_key):
        raise InvalidConfiguration(
            "API key",
            f"is no {KEY_PREFIX}… with an owner part and 32 lower-case hex characters",
        )
