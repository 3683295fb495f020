"""What callers are refused by what is there already."""

from homeport.errors import HomeportError


class Duplicate(HomeportError):
    """An account has an object of this kind with this member already."""

    def __init__(self, kind: str, member: str) -> None:
        self.kind = kind
        self.member = member
        super().__init__(f"another {kind} has this {member} already")


class LimitReached(HomeportError):
    """An account has as many objects of a kind as it may have."""

    def __init__(self, kind: str, most: int) -> None:
        self.kind = kind
        self.most = most
        super().__init__(f"the account may have {most} of {kind}")


class Running(HomeportError):
    """A device is asked for something that it does one at a time."""

    def __init__(self) -> None:
        super().__init__("the device renews a certificate already")


class NotConnected(HomeportError):
    """A device cannot be asked: it is not registered, or does not know how."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the device {reason}")


class QueueFull(HomeportError):
    """As many requests wait for a device as may."""

    def __init__(self) -> None:
        super().__init__("as many requests wait for the device as may")
