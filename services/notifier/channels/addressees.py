"""Whom a channel's messages are for, as it is just now."""

from collections.abc import Awaitable, Callable

from homeport.names import AccountId
from homeport.protocol.objects.definitions import Definitions
from services.notifier.channels.channels import Channel
from services.notifier.channels.messages import Addressee
from services.notifier.subscriptions.subscriptions import Interest


class Addressees:
    """Knows of channels what they want, and by what their values are decoded.

    ``interest`` says what a key wants, ``definitions`` what an account knows of
    objects; both raise Unavailable.
    """

    def __init__(
        self,
        interest: Callable[[str], Awaitable[Interest]],
        definitions: Callable[[AccountId], Awaitable[Definitions]],
    ) -> None:
        self._interest = interest
        self._definitions = definitions

    async def of(self, channel: Channel) -> Addressee:
        """Return whom the messages of a channel are for; raise Unavailable."""
        form = channel.serialization
        return Addressee(
            channel.key_id,
            form,
            await self._interest(channel.key_id),
            await self._definitions(channel.account) if form.include_values else None,
        )
