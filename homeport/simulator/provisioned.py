"""The objects of a device that bootstrap reads, writes and deletes."""

from homeport.coap.answer import Answer, explain
from homeport.coap.codec import Code, Message, Option
from homeport.errors import InvalidFormat, InvalidInput, UnsupportedFormat
from homeport.protocol import linkformat, paths, tlv
from homeport.protocol.formats import codecs, senml_cbor
from homeport.protocol.formats.records import Record, Value
from homeport.protocol.linkformat import Link
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import ROOT, Path
from homeport.simulator import accounts
from homeport.simulator.accounts import Account
from homeport.simulator.dialects import Dialect

_SECURITY, _SERVER, _DEVICE = 0, 1, 3
_IS_BOOTSTRAP, _SHORT_SERVER_ID = 1, {_SECURITY: 10, _SERVER: 0}
_BOOTSTRAP_SERVER = Path((_SECURITY, 0))
_IZUMA_BOOTSTRAP_SERVER = Path((_SECURITY, 1))
_KEPT = Path((_DEVICE, 0))
_LINK_FORMAT = ((Option.CONTENT_FORMAT, bytes([linkformat.CONTENT_FORMAT])),)
_IZUMA_WRITABLE = ((_SECURITY,), (_SERVER,), (_DEVICE,))


class Provisioned:
    """Instances by their paths; the bootstrap server's account is among them.

    It and the device object are never deleted (B-189, BS-13).
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._bootstrap = _IZUMA_BOOTSTRAP_SERVER
        if not dialect.izuma:
            self._bootstrap = _BOOTSTRAP_SERVER
        self._instances: dict[Path, dict[int, Value]] = {
            self._bootstrap: {_IS_BOOTSTRAP: True},
            _KEPT: {},
        }

    def answer(self, request: Message) -> Answer:
        """Answer a request of the bootstrap server, other than its finish."""
        path = _path(request)
        match request.code:
            case Code.DELETE:
                self.delete(path)
                return Answer(Code.DELETED)
            case Code.GET if path == ROOT and not self._dialect.izuma:
                return Answer(Code.CONTENT, _LINK_FORMAT, self.discover())
            case Code.GET if (found := self.read(path)) and not self._dialect.izuma:
                return self._answer_read(path, found)
            case Code.PUT:
                return self._answer_write(path, request)
            case _:
                return Answer(Code.NOT_FOUND)

    def unpack(self, pack: Message) -> bool:
        """Put all of a pack in the place of what there was; say whether it could."""
        self.delete(ROOT)
        return bool(self._answer_write(ROOT, pack).code == Code.CHANGED)

    def discover(self) -> bytes:
        """List the instances, and the servers that they are of."""
        root = Link("/", {"lwm2m": self._dialect.version})
        return linkformat.build([root, *map(self._link, sorted(self._instances))])

    def read(self, path: Path) -> tuple[Record, ...]:
        """Return what is at a path and below it."""
        return tuple(
            Record(paths.below(instance, number), value)
            for instance, resources in self._instances.items()
            if paths.within(instance, path)
            for number, value in resources.items()
        )

    def delete(self, path: Path) -> None:
        """Delete what is at a path and below it."""
        for instance in list(self._instances):
            if paths.within(instance, path) and instance not in (
                self._bootstrap,
                _KEPT,
            ):
                del self._instances[instance]

    def write(self, path: Path, content_format: int | None, payload: bytes) -> None:
        """Put instances in the place of what was there.

        Raises UnsupportedFormat for formats that it does not know, and InvalidFormat
        for a server that it could not reach.
        """
        written = tlv.CONTENT_FORMAT if content_format is None else content_format
        self._check(path, written)
        instances = _instances(_decoded(written, payload, path))
        if len(path) == paths.INSTANCE:
            instances.setdefault(path, {})
        for instance, resources in instances.items():
            if instance[0] == _SECURITY:
                accounts.of(resources)
        self._instances |= {
            instance: resources
            for instance, resources in instances.items()
            if instance != self._bootstrap
        }

    def account(self) -> Account:
        """Return where the device goes; raise InvalidFormat where that is nowhere."""
        servers: set[Value | None] = {
            resources.get(_SHORT_SERVER_ID[_SERVER])
            for instance, resources in self._instances.items()
            if instance[0] == _SERVER
        }
        servers.add(None)
        for instance, resources in self._instances.items():
            if instance[0] != _SECURITY or instance == self._bootstrap:
                continue
            short_server_id = resources.get(_SHORT_SERVER_ID[_SECURITY])
            if self._dialect.izuma or short_server_id in servers:
                return accounts.of(resources)
        raise InvalidFormat("server account", "is in one of its two objects only")

    def _answer_read(self, path: Path, found: tuple[Record, ...]) -> Answer:
        said = self._dialect.content_format or tlv.CONTENT_FORMAT
        options = ((Option.CONTENT_FORMAT, said.to_bytes(2, "big")),)
        return Answer(Code.CONTENT, options, codecs.encode(said, found, base=path))

    def _answer_write(self, path: Path, message: Message) -> Answer:
        try:
            self.write(path, message.content_format, message.payload)
        except UnsupportedFormat as error:
            return explain(Code.UNSUPPORTED_CONTENT_FORMAT, error)
        except InvalidInput as error:
            return explain(Code.BAD_REQUEST, error)
        return Answer(Code.CHANGED)

    def _check(self, path: Path, content_format: int) -> None:
        known = {tlv.CONTENT_FORMAT, self._dialect.content_format}
        if path == ROOT:
            known.add(senml_cbor.CONTENT_FORMAT)
        if self._dialect.izuma:
            if content_format != tlv.CONTENT_FORMAT or path[:1] not in _IZUMA_WRITABLE:
                raise InvalidFormat("write", "is of what the device does not have")
        elif content_format not in known:
            raise UnsupportedFormat(content_format)

    def _link(self, path: Path) -> Link:
        number = _SHORT_SERVER_ID.get(path[0])
        if number is None or number not in self._instances[path]:
            return Link(paths.build(path), {})
        ssid = str(self._instances[path][number])
        return Link(paths.build(path), {"ssid": ssid})


def _path(request: Message) -> Path:
    """Return the path of a request; the root for any that is none."""
    try:
        return paths.parse(f"/{'/'.join(request.path)}")
    except InvalidInput:
        return ROOT


def _decoded(content_format: int, payload: bytes, base: Path) -> tuple[Record, ...]:
    return codecs.decode(content_format, payload, base=base, definitions=CORE)


def _instances(records: tuple[Record, ...]) -> dict[Path, dict[int, Value]]:
    found: dict[Path, dict[int, Value]] = {}
    for record in records:
        instance = found.setdefault(Path(record.path[: paths.INSTANCE]), {})
        if record.value is not None and len(record.path) == paths.RESOURCE:
            instance[record.path[2]] = record.value
    return found
