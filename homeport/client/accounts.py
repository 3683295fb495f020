"""Accounts and their API keys: ``client.accounts``, ``client.api_keys``."""

from collections.abc import Sequence
from typing import Literal, TypedDict, Unpack

from pydantic import AwareDatetime, Field

from homeport.client.calls import Call, nothing, one, page, segment
from homeport.client.methods import From, Group, listed, single
from homeport.client.queries import Asked
from homeport.client.records import Page, Record

ACCOUNT = "/v3/accounts/me"
PATH = "/v3/api-keys"

Role = Literal["administrator", "operator", "reader"]
"""A reader changes nothing, an operator no keys and certificates."""
Status = Literal["ACTIVE", "INACTIVE"]


class Account(Record):
    """A customer of the platform."""

    id: str
    created_at: AwareDatetime | None = None


class ApiKey(Record):
    """An API key; ``key`` is whole only in the answer that makes it."""

    id: str
    account_id: str = ""
    key: str = Field(default="", repr=False)
    name: str = ""
    role: str = ""
    status: str = "ACTIVE"
    owner: str = ""
    groups: tuple[str, ...] = ()
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    last_login_time: int = 0
    """Milliseconds since 1970 when it was last used; 0 for never."""
    etag: str = ""


class ApiKeyChanges(TypedDict, total=False):
    """What may be different of a key; what is not given stays as it is."""

    name: str
    role: Role
    status: Status
    owner: str
    groups: Sequence[str]


class Accounts(Group[From]):
    """Accounts, as far as their own keys see them."""

    @single
    @staticmethod
    def me() -> Call[Account]:
        """Return the account that the key is of."""
        return one("GET", ACCOUNT, Account)


class ApiKeys(Group[From]):
    """The API keys of an account; all but `me` need an administrator's."""

    @listed
    @staticmethod
    def list(**asked: Asked) -> Call[Page[ApiKey]]:
        """List the keys without their secret ends: by ``key``, ``owner``."""
        return page(PATH, ApiKey, asked)

    @single
    @staticmethod
    def get(key_id: str) -> Call[ApiKey]:
        """Return a key without its secret end; raise NotFound."""
        return one("GET", _path(key_id), ApiKey)

    @single
    @staticmethod
    def me() -> Call[ApiKey]:
        """Return the key that the call is made with."""
        return one("GET", _path("me"), ApiKey)

    @single
    @staticmethod
    def create(
        name: str,
        *,
        role: Role = "operator",
        owner: str = "",
        groups: Sequence[str] = (),
    ) -> Call[ApiKey]:
        """Make a key, which works at once; its ``key`` is shown this once."""
        body = {"name": name, "role": role, "owner": owner, "groups": tuple(groups)}
        return one("POST", PATH, ApiKey, body)

    @single
    @staticmethod
    def update(key_id: str, **changes: Unpack[ApiKeyChanges]) -> Call[ApiKey]:
        """Change a key; one that is INACTIVE is refused from now on."""
        return one("PUT", _path(key_id), ApiKey, changes)

    @single
    @staticmethod
    def delete(key_id: str) -> Call[None]:
        """Delete a key, which is refused from now on; its channel ends."""
        return nothing("DELETE", _path(key_id))


def _path(key_id: str) -> str:
    return f"{PATH}/{segment(key_id)}"
