"""What captured devices answered, by content format."""

from collections.abc import Iterator
from itertools import chain

from homeport.coap import codec
from homeport.coap.codec import Option
from tests.support.captures import captures


def contents(content_format: int) -> Iterator[bytes]:
    """Yield the payloads that are whole in one message."""
    for each in chain(*captures().values()):
        message = codec.decode(each.datagram)
        blocks = message.value(Option.BLOCK1) or message.value(Option.BLOCK2)
        if message.content_format == content_format and message.payload and not blocks:
            yield message.payload
