"""Associations that are taken over without a record of their peer's.

Whoever has something to say to a device goes by what is left of its last message
(`homeport.coap.transport.Trace`): that names the association and the newest record.
"""

from collections.abc import Callable
from dataclasses import replace

from homeport.associations import Associations, Floating
from homeport.coap import udp
from homeport.coap.transport import Trace
from homeport.dtls.association import Association
from homeport.dtls.half_open import CID_BYTES
from homeport.dtls.live import Live
from homeport.dtls.ports import Ports
from homeport.errors import InvalidFormat
from homeport.identity import Identity

_CID_DIGITS = 2 * CID_BYTES


async def find(associations: Associations, trace: Trace) -> Floating | None:
    """Look for the association of a trace; raise Unavailable.

    Its records are told by a connection id, which its own id ends with, or by where
    they come from. Where it has given way to another one of the same peer's, that is
    it: who has shaken hands anew may have said nothing since.
    """
    if not trace.association:
        return None
    found = await associations.find([trace.association[-_CID_DIGITS:], trace.peer])
    for each in found:
        if each is not None and each.id == trace.association:
            return replace(each, received=max(each.received, trace.sequence))
    newest = found[-1]
    if newest is not None and newest.identity.name == trace.identity:
        return newest
    return None


async def take(
    ports: Ports,
    floating: Floating,
    trace: Trace,
    *,
    now: float,
    expiry: Callable[[Identity], float],
) -> Live | None:
    """Take an association over that was found, in a generation of its own.

    None where its peer is trusted no more, or has been heard since. Raises Unavailable.
    """
    expires = expiry(floating.identity)
    (trusted,) = await ports.trust.trusted([floating.identity])
    if not trusted or expires < now:
        return None
    (taken,) = await ports.associations.recall([floating])
    if taken is None:
        return None
    try:
        records = Association.load(
            floating.secrets,
            generation=taken.generation,
            received=floating.received,
        )
    except InvalidFormat:
        return None
    return Live(
        floating,
        records,
        address=udp.read(trace.peer),
        now=now,
        expires=expires,
    )
