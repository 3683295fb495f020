"""What callers may do with their notification channel.

A key has one channel, so setting or removing it twice ends where once does.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from homeport.errors import InvalidParameter, Unavailable
from homeport.names import AccountId
from homeport.store.trust import Grant
from services.notifier import channels
from services.notifier.channels import Callback, Channel


class Channels(Protocol):
    """The channels of all keys; the methods raise Unavailable."""

    async def get(self, key_id: str) -> Channel | None:
        """Return a key's channel, if it has one."""

    async def put(self, key_id: str, account: AccountId, callback: Callback) -> None:
        """Make a key's channel, or set it again."""

    async def remove(self, key_id: str) -> bool:
        """Remove a key's channel; False when it had none."""


async def set_callback(
    callback: Callback,
    grant: Grant,
    *,
    stored: Channels,
    put: Callable[[Callback, bytes], Awaitable[None]],
    collect: Callable[[str, AccountId], Awaitable[None]],
) -> None:
    """Make a callback channel, or set it again; what happens from now on is delivered.

    The webhook has to accept an empty message first, or InvalidParameter is raised.
    ``collect`` makes the key's events be kept; it is called before the channel is
    stored, so a fault in between loses nothing. Repeating is harmless.
    """
    channels.check(callback)
    try:
        await put(callback, b"{}")
    except Unavailable as error:
        raise InvalidParameter("callback", error.reason) from error
    await collect(grant.key_id, grant.account)
    await stored.put(grant.key_id, grant.account, callback)


async def get_channel(grant: Grant, *, stored: Channels) -> Channel | None:
    """Return the key's channel, if it has one."""
    return await stored.get(grant.key_id)


async def remove_channel(grant: Grant, *, stored: Channels) -> bool:
    """Remove the key's channel; False when it had none.

    Its events go on being kept for the key's next channel (B-188).
    """
    return await stored.remove(grant.key_id)
