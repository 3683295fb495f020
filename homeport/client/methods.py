"""How a call that is written once becomes a method of both clients.

A group of calls, such as ``client.devices``, knows who sends them. A method of it is
written as a function that builds a call, and marked with `single` or `listed`. Read
from the group of a `Client` it makes the call and returns the result; read from that of
an `AsyncClient` it is awaited, or iterated over with ``async for``.
"""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from homeport.client.calls import Call, following
from homeport.client.records import Page, Record

Asking = ParamSpec("Asking")
Result = TypeVar("Result")
Kept = TypeVar("Kept", bound=Record)
From = TypeVar("From")


class Sender(Protocol):
    """Makes calls and waits for them."""

    def send(self, call: Call[Result], /) -> Result:
        """Make a call; raise what it comes to."""

    def listing(self, first: Call[Page[Kept]], /) -> "Listing[Kept]":
        """Return the list whose first page a call asks for."""


class AsyncSender(Protocol):
    """Makes calls that are awaited."""

    async def send(self, call: Call[Result], /) -> Result:
        """Make a call; raise what it comes to."""

    def listing(self, first: Call[Page[Kept]], /) -> "AsyncListing[Kept]":
        """Return the list whose first page a call asks for."""


@dataclass(frozen=True, slots=True)
class Group(Generic[From]):
    """Calls that belong together, and who makes them."""

    sender: From


@dataclass(frozen=True, slots=True)
class Listing(Generic[Kept]):
    """A list of which each page is fetched when it is reached."""

    first: Call[Page[Kept]]
    sender: Sender

    def __iter__(self) -> Iterator[Kept]:
        call: Call[Page[Kept]] | None = self.first
        while call is not None:
            page = self.sender.send(call)
            yield from page.data
            call = following(call, page)

    def page(self) -> Page[Kept]:
        """Fetch the first page alone."""
        return self.sender.send(self.first)

    def count(self) -> int:
        """Ask how many there are."""
        page = self.sender.send(self.first.asking(include="total_count"))
        return page.total_count or 0


@dataclass(frozen=True, slots=True)
class AsyncListing(Generic[Kept]):
    """A list of which each page is fetched when it is reached."""

    first: Call[Page[Kept]]
    sender: AsyncSender

    async def __aiter__(self) -> AsyncIterator[Kept]:
        call: Call[Page[Kept]] | None = self.first
        while call is not None:
            page = await self.sender.send(call)
            for each in page.data:
                yield each
            call = following(call, page)

    async def page(self) -> Page[Kept]:
        """Fetch the first page alone."""
        return await self.sender.send(self.first)

    async def count(self) -> int:
        """Ask how many there are."""
        page = await self.sender.send(self.first.asking(include="total_count"))
        return page.total_count or 0


class single(Generic[Asking, Result]):  # noqa: N801 # stands as a decorator
    """Makes a method of what builds a call."""

    def __init__(self, build: Callable[Asking, Call[Result]]) -> None:
        self._build = build

    @overload
    def __get__(
        self, group: Group[Sender], owner: type[Any]
    ) -> Callable[Asking, Result]: ...
    @overload
    def __get__(
        self, group: Group[AsyncSender], owner: type[Any]
    ) -> Callable[Asking, Awaitable[Result]]: ...
    def __get__(self, group: Group[Any], owner: type[Any]) -> Callable[Asking, Any]:
        """Return the method of a group."""

        @functools.wraps(self._build)
        def method(*arguments: Asking.args, **options: Asking.kwargs) -> Any:
            return group.sender.send(self._build(*arguments, **options))

        return method


class listed(Generic[Asking, Kept]):  # noqa: N801 # stands as a decorator
    """Makes a method that returns a list of what builds the call for its first page."""

    def __init__(self, build: Callable[Asking, Call[Page[Kept]]]) -> None:
        self._build = build

    @overload
    def __get__(
        self, group: Group[Sender], owner: type[Any]
    ) -> Callable[Asking, Listing[Kept]]: ...
    @overload
    def __get__(
        self, group: Group[AsyncSender], owner: type[Any]
    ) -> Callable[Asking, AsyncListing[Kept]]: ...
    def __get__(self, group: Group[Any], owner: type[Any]) -> Callable[Asking, Any]:
        """Return the method of a group."""

        @functools.wraps(self._build)
        def method(*arguments: Asking.args, **options: Asking.kwargs) -> Any:
            return group.sender.listing(self._build(*arguments, **options))

        return method
