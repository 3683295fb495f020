"""What keys want, as a replica that delivers to them remembers it.

It hears of every change over the connection that gives it the right to deliver
(`services.notifier.channels.claims`): where that is lost nothing is delivered, and what
is remembered is forgotten before anything is again.
"""

from collections.abc import Awaitable, Callable

from services.notifier.subscriptions.subscriptions import Interest


class Interests:
    """Reads what a key wants once, and again when that has changed."""

    def __init__(self, read: Callable[[str], Awaitable[Interest]]) -> None:
        self._read = read
        self._known: dict[str, Interest] = {}
        self._changes = 0

    async def of(self, key_id: str) -> Interest:
        """Return what a key wants; raise Unavailable."""
        known = self._known.get(key_id)
        if known is not None:
            return known
        changes = self._changes
        found = await self._read(key_id)
        if changes == self._changes:
            self._known[key_id] = found
        return found

    def forget(self, key_id: str) -> None:
        """Take it that a key wants something else now."""
        self._changes += 1
        self._known.pop(key_id, None)

    def forget_all(self) -> None:
        """Take it that any key may want something else now."""
        self._changes += 1
        self._known.clear()
