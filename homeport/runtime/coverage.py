"""Which published calls are served, and by which tests they are made.

A test makes a call if its module spells the path: what stands before the first value,
and what stands last. Tests are read, not run.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from homeport.runtime.contract import PublishedCall, published

Served = Mapping[tuple[str, str], frozenset[int]]
"""The statuses that each method of each path is described with."""

MOST_TESTS = 3

_VALUE = re.compile(r"\{[^}]*\}")
_COMMON = frozenset({400, 401, 403, 404, 409, 429})
"""What any call may be refused with, described or not."""

_PAGE = """\
# API coverage

The calls that applications expect, and whether they are served: {served} of {count}.
A status that is not described is in brackets. The tests are those whose module spells
the path, up to three of them. Below are the calls of our own.

| rule | call | statuses | served | tests |
|---|---|---|---|---|
{rows}

## Of our own

| call | statuses | tests |
|---|---|---|
{others}
"""


def served(document: Mapping[str, Any]) -> Served:
    """Return what an API description has; a value in a path is ``{}``."""
    return {
        (method.upper(), normal(path)): frozenset(
            int(status) for status in described["responses"] if status.isdecimal()
        )
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    }


def normal(path: str) -> str:
    """Return a path with ``{}`` for each value."""
    return _VALUE.sub("{}", path)


def page(found: Served, tests: Path) -> str:
    """Write the table of published calls, and that of the others."""
    spelled = dict(_spelled(tests))
    calls = list(published())
    known = {call.described_as for call in calls}
    rows = [_row(call, found, spelled) for call in calls]
    others = [
        f"| {_call(method, path)} | {_list(statuses)} | {_tests(path, spelled)} |"
        for (method, path), statuses in sorted(found.items(), key=lambda item: item[0])
        if (method, path) not in known
    ]
    return _PAGE.format(
        served=sum(call.described_as in found for call in calls),
        count=len(calls),
        rows="\n".join(rows),
        others="\n".join(others),
    )


def _row(
    call: PublishedCall, found: Served, spelled: Mapping[str, frozenset[str]]
) -> str:
    described = found.get(call.described_as)
    missing = call.statuses - (described or frozenset()) - _COMMON
    statuses = [
        f"({status})" if described is not None and status in missing else f"{status}"
        for status in sorted(call.statuses)
    ]
    tests = _tests(call.path, spelled) if described is not None else ""
    state = "yes" if described is not None else "not yet"
    shown = ", ".join(statuses)
    return (
        f"| {call.rule} | {_call(call.method, call.path)} | {shown} | {state} "
        f"| {tests} |"
    )


def _spelled(tests: Path) -> Iterator[tuple[str, frozenset[str]]]:
    """Return the texts that each test module spells."""
    for path in sorted(tests.rglob("test_*.py")):
        texts = {
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        yield path.relative_to(tests.parent).as_posix(), frozenset(texts)


def _tests(path: str, spelled: Mapping[str, frozenset[str]]) -> str:
    head, *rest = path.split("/{}")
    tail = rest[-1].strip("/") if rest else ""
    found = [
        place
        for place, texts in spelled.items()
        if any(_begins(text, head) for text in texts)
        and (not tail or any(tail in text for text in texts))
    ]
    nearest = sorted(found, key=lambda place: "/integration/" not in place)[:MOST_TESTS]
    return "<br>".join(f"[{Path(place).stem}](../../{place})" for place in nearest)


def _begins(text: str, head: str) -> bool:
    """Say whether a text is a path, or begins one."""
    return text == head or text.startswith((f"{head}/", f"{head}?"))


def _call(method: str, path: str) -> str:
    return f"`{method} {path}`"


def _list(statuses: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(statuses)))
