"""What commands print: a table for a person, or one JSON object a line."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from homeport.client.records import Record

Kept = TypeVar("Kept", bound=Record)

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object a line instead.")
]
Columns = Mapping[str, Callable[[Kept], object]]
"""The titles of a table, and what stands below each."""

LARGEST_PAGE = 1_000
"""Objects (R-15)."""

_WIDE = 1_000
"""The width of what is no terminal: nothing is folded there."""


def show(
    records: Iterable[Kept], columns: Columns[Kept], *, limit: int, as_json: bool
) -> None:
    """Print so many objects as a table, or each as JSON; say if there are more."""
    found = list(islice(records, limit + 1))
    if as_json:
        for each in found[:limit]:
            print_json(each)
    else:
        print_table(build_table(found[:limit], columns))
    if len(found) > limit:
        note("there are more; --limit shows them")


def page_limit(limit: int) -> int:
    """Return how many objects to ask for at once where so many are to be shown."""
    return min(limit + 1, LARGEST_PAGE)


def print_json(record: Record) -> None:
    """Print an object as one line of JSON, its members named as the API names them."""
    typer.echo(record.model_dump_json(by_alias=True))


def print_table(table: Table) -> None:
    """Print a table."""
    console().print(table)


def build_table(records: Iterable[Kept], columns: Columns[Kept]) -> Table:
    """Build a table of objects; the first column is never folded."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for number, title in enumerate(columns):
        table.add_column(title, no_wrap=number == 0, overflow="fold")
    for each in records:
        table.add_row(*(text(tell(each)) for tell in columns.values()))
    return table


def print_members(record: Record) -> None:
    """Print the members of an object that are set, one a line."""
    table = Table.grid(padding=(0, 2))
    for name, value in record:
        if value not in (None, "", (), {}):
            table.add_row(name, text(value))
    print_table(table)


def console() -> Console:
    """Return where tables are printed."""
    made = Console(highlight=False, markup=False, emoji=False)
    if made.is_terminal:
        return made
    return Console(highlight=False, markup=False, emoji=False, width=_WIDE)


def text(value: object) -> str:
    """Write a value for a person; what could control a terminal is replaced."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        case tuple():
            return ", ".join(map(text, value))
        case Mapping():
            return ", ".join(f"{name}={text(each)}" for name, each in value.items())
        case _:
            return "".join(
                each if each.isprintable() else "\N{REPLACEMENT CHARACTER}"
                for each in str(value)
            )


def note(sentence: str) -> None:
    """Tell the person something that is not part of what was asked for."""
    typer.echo(sentence, err=True)
