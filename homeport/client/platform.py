"""What the platform's operator alone may do: ``client.platform``.

Its key is one of the reserved platform account, with the role of an administrator.
"""

from typing import TypedDict, Unpack

from pydantic import AwareDatetime, Field

from homeport.client.accounts import ApiKey, Role
from homeport.client.calls import Call, nothing, one, page, segment
from homeport.client.methods import From, Group, listed, single
from homeport.client.queries import Asked
from homeport.client.records import Page, Record

PATH = "/v3/accounts"
UNCLAIMED = "/v3/unclaimed-devices"


class ManagedAccount(Record):
    """An account with its settings; a limit of None is none.

    ``api_key`` is of its administrator, in the answer that makes the account only.
    """

    id: str
    name: str = ""
    direct_registration: bool = False
    api_key_limit: int | None = None
    developer_certificate_limit: int | None = None
    device_limit: int | None = None
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    etag: str = ""
    api_key: str = Field(default="", repr=False)


class UnclaimedDevice(Record):
    """A device that was refused since no account has claimed it."""

    id: str
    enrollment_identity: str = ""
    endpoint_name: str = ""
    reason: str = ""
    first_seen_at: AwareDatetime | None = None
    last_seen_at: AwareDatetime | None = None


class AccountSettings(TypedDict, total=False):
    """What may be said of an account; what is not given stays as it is."""

    direct_registration: bool
    api_key_limit: int | None
    developer_certificate_limit: int | None
    device_limit: int | None


class AccountChanges(AccountSettings, total=False):
    """What may be different of an account."""

    name: str


class Platform(Group[From]):
    """Accounts, and what is no account's."""

    @listed
    @staticmethod
    def accounts(**asked: Asked) -> Call[Page[ManagedAccount]]:
        """List accounts: by ``name``, ``id``, times."""
        return page(PATH, ManagedAccount, asked)

    @single
    @staticmethod
    def account(account_id: str) -> Call[ManagedAccount]:
        """Return an account; raise NotFound."""
        return one("GET", _path(account_id), ManagedAccount)

    @single
    @staticmethod
    def create_account(
        name: str, **settings: Unpack[AccountSettings]
    ) -> Call[ManagedAccount]:
        """Make an account and a key for it, which is shown this once; raise Conflict.

        Devices of it may not register directly unless that is said.
        """
        return one("POST", PATH, ManagedAccount, {"name": name, **settings})

    @single
    @staticmethod
    def update_account(
        account_id: str, **changes: Unpack[AccountChanges]
    ) -> Call[ManagedAccount]:
        """Change an account."""
        return one("PUT", _path(account_id), ManagedAccount, changes)

    @single
    @staticmethod
    def create_api_key(
        account_id: str, name: str, *, role: Role = "administrator"
    ) -> Call[ApiKey]:
        """Make a key of an account that has lost its own; it is shown this once."""
        body = {"name": name, "role": role}
        return one("POST", f"{_path(account_id)}/api-keys", ApiKey, body)

    @single
    @staticmethod
    def delete_device(account_id: str, device_id: str) -> Call[None]:
        """Delete any device, one of production too; it may come again."""
        return nothing("DELETE", f"{_path(account_id)}/devices/{segment(device_id)}")

    @listed
    @staticmethod
    def unclaimed_devices(**asked: Asked) -> Call[Page[UnclaimedDevice]]:
        """List devices that nobody has claimed: by ``endpoint_name``, times."""
        return page(UNCLAIMED, UnclaimedDevice, asked)


def _path(account_id: str) -> str:
    return f"{PATH}/{segment(account_id)}"
