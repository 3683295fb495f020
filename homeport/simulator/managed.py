"""What a server makes of a simulated device that has registered with it."""

from collections.abc import Callable, Iterator

from homeport.coap.answer import Answer
from homeport.coap.codec import Code, Message
from homeport.protocol import linkformat, paths
from homeport.simulator import answering, renewing
from homeport.simulator.dialects import Dialect
from homeport.simulator.objects import Action, Objects
from homeport.simulator.observed import Observed

_COMPOSITE = (Code.FETCH, Code.iPATCH)


class Managed:
    """The objects of a device, what is observed of them, and what it is to do next."""

    def __init__(self, dialect: Dialect, name: str, *, lifetime: int) -> None:
        self._dialect = dialect
        self._objects = Objects(name, lifetime=lifetime, izuma=dialect.izuma)
        self._observed = Observed(self._objects)
        self._action: Action | None = None
        self._resets = False
        self._lifetime = lifetime

    @property
    def lifetime(self) -> int:
        """The lifetime of the registration."""
        return self._objects.lifetime or self._lifetime

    def take_action(self) -> Action | None:
        """Take what is to be done, now that it was answered."""
        action, self._action = self._action, None
        return action

    def answer(self, request: Message) -> Answer | None:
        """Answer a server; some devices leave some requests unanswered (COAP-14)."""
        if self._dialect.izuma and (request.code in _COMPOSITE or not request.path):
            return None
        if self._dialect.izuma and renewing.is_renewal(request):
            return renewing.answer(request)
        before = self._objects.lifetime
        answer = answering.answer(self._objects, request)
        if answer.code == Code.CHANGED and request.code == Code.POST:
            self._action = self._executed(request)
        if self._objects.lifetime != before:
            self._action = Action.UPDATE
        return self._observed.answered(request, answer)

    def registered(self) -> None:
        """Begin a registration: all that is observed is what its links say (OBS-2)."""
        self._observed.clear()
        for link in linkformat.parse(self._dialect.structure.encode()):
            number = link.attributes.get("aobs")
            if isinstance(number, str):
                token = int(number).to_bytes(2, "big")
                self._observed.begin(token, paths.parse(link.target))

    def drift(self, step: float) -> None:
        """Let time pass."""
        self._objects.drift(step)

    def notifications(self, new_message_id: Callable[[], int]) -> Iterator[Message]:
        """Yield what is to be told of what is observed."""
        return self._observed.notifications(new_message_id)

    def reset(self, message_id: int) -> None:
        """Hear that a notification was not wanted."""
        self._observed.reset(message_id)

    def _executed(self, request: Message) -> Action | None:
        """Return what is to be done; Izuma's devices reset when they are rebooted."""
        path = paths.parse("/" + "/".join(request.path))
        if len(path) != paths.RESOURCE:
            return None
        action = self._objects.execute(path)
        if self._dialect.izuma and action is Action.RESET:
            self._resets = True
            return None
        return Action.RESET if self._resets and action is Action.REBOOT else action
