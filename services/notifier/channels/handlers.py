"""What callers may do with their notification channel.

A key has one channel, so setting or removing it twice ends where once does.
"""

from collections.abc import Awaitable, Callable

from homeport.errors import InvalidParameter, Unavailable
from homeport.names import AccountId
from homeport.store.trust import Grant
from services.notifier.channels import channels
from services.notifier.channels.channels import (
    Callback,
    Channel,
    Kind,
    Serialization,
    Way,
    WebSocket,
)
from services.notifier.channels.insistence import Put, new_message_id
from services.notifier.channels.store import ChannelStore

Collect = Callable[[str, AccountId], Awaitable[None]]
"""Makes a key's events be kept from now on; raises Unavailable."""


async def set_callback(
    callback: Callback,
    serialization: Serialization,
    grant: Grant,
    *,
    stored: ChannelStore,
    put: Put,
    collect: Collect,
) -> None:
    """Make a callback channel, or set it again; what happens from now on is delivered.

    The webhook has to accept an empty message first, or InvalidParameter is raised, as
    it is for a key with a channel of another kind. Repeating is harmless.
    """
    channels.check(callback)
    await _require(grant, Kind.CALLBACK, stored=stored)
    try:
        await put(callback, b"{}", new_message_id())
    except Unavailable as error:
        raise InvalidParameter("callback", error.reason) from error
    await _set(callback, serialization, grant, stored=stored, collect=collect)


async def set_websocket(
    serialization: Serialization,
    grant: Grant,
    *,
    stored: ChannelStore,
    collect: Collect,
) -> bool:
    """Make a WebSocket channel, or set it again; return whether there was none.

    Raises InvalidParameter for a key with a channel of another kind. Repeating is
    harmless: an open socket stays.
    """
    return await _set(WebSocket(), serialization, grant, stored=stored, collect=collect)


async def get_channel(
    grant: Grant, kind: Kind | None = None, *, stored: ChannelStore
) -> Channel | None:
    """Return the key's channel, if it has one (of a kind)."""
    channel = await stored.get(grant.key_id)
    if channel is None or kind not in (None, channel.kind):
        return None
    return channel


async def remove_channel(grant: Grant, kind: Kind, *, stored: ChannelStore) -> bool:
    """Remove the key's channel; False when it had none of this kind.

    Its events go on being kept for the key's next channel (B-188).
    """
    return await stored.remove(grant.key_id, kind)


async def _require(grant: Grant, kind: Kind, *, stored: ChannelStore) -> None:
    """Raise InvalidParameter early where the key has a channel of another kind."""
    channel = await stored.get(grant.key_id)
    if channel is not None and channel.kind is not kind:
        raise InvalidParameter("channel", f"is there, a {channel.kind}")


async def _set(
    way: Way,
    serialization: Serialization,
    grant: Grant,
    *,
    stored: ChannelStore,
    collect: Collect,
) -> bool:
    """Store a channel once its events are kept: a fault in between loses nothing."""
    await collect(grant.key_id, grant.account)
    return await stored.put(grant.key_id, grant.account, way, serialization)
