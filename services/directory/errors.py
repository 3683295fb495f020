"""What callers are refused by what is there already."""

from homeport.errors import HomeportError


class Duplicate(HomeportError):
    """An account has an object of this kind with this member already."""

    def __init__(self, kind: str, member: str) -> None:
        self.kind = kind
        self.member = member
        super().__init__(f"there is a {kind} with this {member} already")
