"""What the API answers, as values: one class for each kind of object.

Members that are not known here are ignored, so a newer API can say more.
"""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """An object as it was when it was answered."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        defer_build=True,  # few programs need them all
    )


Kept = TypeVar("Kept", bound=Record)


class Page(Record, Generic[Kept]):
    """A part of a list (R-14); ``total_count`` is there when it was asked for."""

    data: tuple[Kept, ...] = ()
    has_more: bool = False
    total_count: int | None = None
    continuation_marker: str | None = None

    @property
    def marker(self) -> str:
        """What the next page is asked for with; nothing after the last one."""
        if not self.has_more or not self.data:
            return ""
        return self.continuation_marker or str(getattr(self.data[-1], "id", ""))
