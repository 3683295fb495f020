"""The channels of a kind, of which only those are read again that have changed.

There may be ten thousand of them, and they are looked at every few seconds.
"""

from collections.abc import Collection

from services.notifier.channels.channels import Channel, Kind
from services.notifier.channels.store import ChannelStore

PAGE = 500


class Remembered:
    """The channels as they were when they were read last."""

    def __init__(self, stored: ChannelStore, kind: Kind) -> None:
        self._stored = stored
        self._kind = kind
        self._known: dict[str, Channel] = {}

    async def read(self, key_ids: Collection[str] | None = None) -> list[Channel]:
        """Return all channels as they are now, or those of some keys.

        Raises Unavailable.
        """
        states = await self._stored.states(self._kind, key_ids)
        kept = {
            key_id: channel
            for key_id, channel in self._known.items()
            if states.get(key_id) == (channel.revision, channel.failing_since)
        }
        changed = sorted(states.keys() - kept.keys())
        for start in range(0, len(changed), PAGE):
            for channel in await self._stored.of_keys(changed[start : start + PAGE]):
                if channel.kind is self._kind:
                    kept[channel.key_id] = channel
        self._known = kept
        return list(kept.values())
