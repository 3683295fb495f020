"""What devices say of their resources unasked: notifications, and what they send.

Plain functions: no socket, no store. Repeating is harmless: the store knows a record,
an exchange, and the number of a notification that it has seen.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from homeport.coap.answer import Answer, explain
from homeport.coap.codec import Code, Message, Option
from homeport.errors import InvalidFormat, InvalidInput, UnsupportedFormat
from homeport.names import DeviceId
from homeport.protocol import paths, structure
from homeport.protocol.formats import codecs, records, senml_cbor, senml_json
from homeport.protocol.formats.records import Record
from homeport.protocol.objects.definitions import Definitions
from homeport.protocol.paths import ROOT, Path
from homeport.store import values
from homeport.store.reports import Locate, Notify, Report
from homeport.store.sessions import StoredSession
from homeport.store.values import LastValue
from services.lwm2m import answers, contents

PATH = ("dp",)
"""Where devices send to (LwM2M 1.1 core §6.4.4)."""
MOST_RESOURCES = 256
"""Resources in one payload; each becomes an event of its own."""
_FORMATS = (senml_json.CONTENT_FORMAT, senml_cbor.CONTENT_FORMAT)
_UNTYPED = Definitions()
"""What is passed on stays what it is, whatever its type."""
_ERROR = 4


@dataclass(frozen=True, slots=True)
class Sent:
    """Values that a device sends; whether it has their resources, its session tells.

    Their times are absolute.
    """

    report: Report
    content_format: int
    resources: Mapping[Path, Sequence[Record]]
    now: int


def notify(
    message: Message, *, device: DeviceId, bucket: int, identity: str, now: int
) -> Notify:
    """Turn a notification, heard at ``now`` (ms since 1970), into an operation.

    An error ends its observation, and so does a value without a number (RFC 7641 §4.2).
    """
    number = message.number(Option.OBSERVE)
    fails = message.code >> 5 >= _ERROR
    return Notify(
        bucket,
        device,
        identity,
        message.token.hex(),
        "" if number is None or fails else number,
        int(fails or number is None),
        contents.members(contents.told(message)),
        "" if fails else contents.value(message, now),
        told=_told(message),
    )


def _told(message: Message) -> str:
    """Write the paths that a notification tells of, if its format names them."""
    content_format = message.content_format
    if content_format not in _FORMATS:
        return ""
    try:
        found = codecs.decode(
            content_format, message.payload, base=ROOT, definitions=_UNTYPED
        )
    except InvalidInput:
        return ""  # it is passed on as it is
    return "\n".join(dict.fromkeys(paths.build(each.path) for each in found))


def locate(notify: Notify) -> Locate:
    """Ask for the rest of a notification of which only the beginning has come."""
    return Locate(
        notify.bucket,
        notify.device,
        notify.identity,
        notify.token,
        notify.mark,
        notify.generation,
    )


def send(message: Message, report: Report, *, now: int) -> Sent | Answer:
    """Read what a device sends at ``now`` (ms since 1970), or say what is wrong."""
    content_format = message.content_format
    try:
        if content_format is None:
            raise InvalidFormat("payload", "has no content format")
        if content_format not in _FORMATS:
            raise UnsupportedFormat(content_format)
        found = codecs.decode(
            content_format, message.payload, base=ROOT, definitions=_UNTYPED
        )
        resources = _by_resource(records.resolve(found, now / 1000))
    except InvalidInput as error:
        return answers.incorrect(error)
    if len(resources) > MOST_RESOURCES:
        return explain(
            Code.REQUEST_ENTITY_TOO_LARGE, f"has more than {MOST_RESOURCES} resources"
        )
    return Sent(report, content_format, resources, now)


def resolve(sent: Sent, session: StoredSession | None) -> Report | Answer:
    """Turn what is sent into an operation, if the device has all those resources."""
    if session is None:
        return answers.NOT_FOUND
    listed = structure.from_json(session.resources)
    if (path := structure.missing(listed, sent.resources)) is not None:
        reason = f"{paths.build(path)} is not in the registration"
        return explain(Code.BAD_REQUEST, reason)
    lines = [_line(sent, path) for path in sent.resources]
    return sent.report._replace(reports="".join(lines))


def _by_resource(found: Sequence[Record]) -> Mapping[Path, Sequence[Record]]:
    """Part records by their resources; raise InvalidFormat for what is of none."""
    parted: dict[Path, list[Record]] = defaultdict(list)
    for each in found:
        if len(each.path) < paths.RESOURCE:
            name = paths.build(each.path)
            raise InvalidFormat("payload", f"has {name}, which is no resource")
        parted[Path(each.path[: paths.RESOURCE])].append(each)
    if not parted:
        raise InvalidFormat("payload", "says nothing")
    return parted


def _line(sent: Sent, path: Path) -> str:
    """Write a report of one resource, as the script reads it."""
    payload = codecs.encode(sent.content_format, sent.resources[path], base=path)
    said = contents.members(
        {
            "content_format": sent.content_format,
            "payload": contents.encoded(payload),
            "sent": True,
        }
    )
    kept = values.build(LastValue(sent.content_format, payload, sent.now, sent.now))
    return f"{paths.build(path)}\n{said}\n{kept}\n"
