"""What is shown of a fleet."""

import io

from rich.console import Console

from homeport.simulator.report import Report
from homeport.simulator.screen import Terminal, table


def report() -> Report:
    made = Report(devices=2)
    made.answered("register", "2.01", 0.010)
    made.arrived(1)
    made.unanswered("update")
    return made


def test_the_table_has_a_row_for_each_operation() -> None:
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as shown:
        console.print(table(report()))
    _, register, update = shown.get().splitlines()
    assert register.split() == ["register", "2.01:", "1", "10.1", "10.1", "10.1"]
    assert update.split() == ["update", "unanswered:", "1", "-", "-", "-"]


def test_the_bar_tells_who_is_home() -> None:
    shown = io.StringIO()
    screen = Terminal(Console(file=shown, force_terminal=True, width=80), report())
    screen.show(report())
    screen.close(report())
    assert "1/2" in shown.getvalue()
    assert "2 operations" in shown.getvalue()
