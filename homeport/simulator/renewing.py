"""What a simulated device of Izuma's kind answers when it is to renew a certificate.

It has the one that it registers with, and no other; of that one it says that it is
renewed.
"""

from homeport.coap.answer import Answer
from homeport.coap.codec import Code, Message, Option
from homeport.errors import InvalidFormat
from homeport.protocol import certificate_renewals as renewals

_TEXT = ((int(Option.CONTENT_FORMAT), b""),)
_NOT_UNDERSTOOD = 0x0506


def is_renewal(request: Message) -> bool:
    """Say whether a server asks for one."""
    path = "/" + "/".join(request.path)
    return request.code == Code.POST and path == renewals.PATH


def answer(request: Message) -> Answer:
    """Say what came of it, as a number in text (REN-1)."""
    return Answer(Code.CHANGED, _TEXT, str(_result(request.payload)).encode())


def _result(payload: bytes) -> int:
    try:
        name = renewals.parse(payload)
    except InvalidFormat:
        return _NOT_UNDERSTOOD
    if name.startswith(renewals.FACTORY):
        return renewals.FORBIDDEN
    return renewals.SUCCESS if name == renewals.LWM2M else renewals.ITEM_NOT_FOUND
