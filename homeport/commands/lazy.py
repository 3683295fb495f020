"""Commands that are imported when they are asked for: a service needs none of them."""

import importlib
from collections.abc import Mapping
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_group


class LazyGroup(TyperGroup):
    """A group that has commands which nobody has imported yet.

    ``LATER`` says where they are, ``"keys": "homeport.commands.keys:cli"``: a function,
    or a Typer application that is a group itself.
    """

    LATER: ClassVar[Mapping[str, str]] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return list(dict.fromkeys([*self.LATER, *super().list_commands(ctx)]))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; of a name that none has, all are known afterwards.

        So it can be said which one was meant.
        """
        known = cmd_name in self.commands or cmd_name in self.LATER
        for name in [cmd_name] if known else self.LATER:
            if name not in self.commands:
                self.add_command(_load(name, self.LATER[name]), name)
        return super().get_command(ctx, cmd_name)


def _load(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    made = typer.Typer(rich_markup_mode=None, add_completion=False)
    if isinstance(found, typer.Typer):
        made.add_typer(found, name=name)
    else:
        made.command(name)(found)
    return get_group(made).commands[name]
