"""Which test holds which case of the conformance checklist.

A test says so itself, by ``@pytest.mark.conforms("C-065", "ETS-101")``: the case or the
cases, and what they stand for in the specifications, in other suites or in our own
rules. Tests are read, not run; they are part of the source tree only.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

CASES = 254
"""How many cases the checklist has: C-001 to C-254."""
MARK, LONG = "conforms", "soak"
_PAGE = """\
# Conformance

Cases of the conformance checklist, what each stands for, and the tests that hold it.
`ETS` is OMA's enabler test specification for LwM2M 1.1; `B-` and the like are rules of
our own; the suites of other implementations are named for comparison.

{held} of {cases} cases are held.{missing} Tests that are said to be long run in
`make soak` only.

| case | stands for | held by |
|---|---|---|
{rows}
"""
TESTS = Path(__file__).parents[2] / "tests"


@dataclass(frozen=True, slots=True)
class Held:
    """A case and a test that holds it: its sentence, and where it stands."""

    case: str
    stands_for: tuple[str, ...]
    test: str
    path: str


def held(tests: Path) -> Iterator[Held]:
    """Find what the tests below a folder say of themselves."""
    for path in sorted(tests.rglob("test_*.py")):
        text = path.read_text()
        if f"mark.{MARK}(" not in text:
            continue
        tree = ast.parse(text)
        long = _is_long(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                place = path.relative_to(tests.parent).as_posix()
                yield from _of_test(node, place, long=long)


def page(tests: Path) -> str:
    """Write the table: case, what it stands for, tests; then the cases without one."""
    by_case: dict[str, list[Held]] = defaultdict(list)
    for each in held(tests):
        by_case[each.case].append(each)
    rows = [_row(case, by_case[case]) for case in sorted(by_case)]
    missing = [number for number in range(1, CASES + 1) if _case(number) not in by_case]
    return _PAGE.format(
        rows="\n".join(rows),
        held=CASES - len(missing),
        cases=CASES,
        missing=f" Not yet: {', '.join(_ranges(missing))}." if missing else "",
    )


def _is_long(tree: ast.Module) -> bool:
    """Say whether all tests of a module are left to `make soak`."""
    return any(
        f"mark.{LONG}" in ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    )


def _of_test(
    node: ast.FunctionDef | ast.AsyncFunctionDef, path: str, *, long: bool
) -> Iterator[Held]:
    for decorator in node.decorator_list:
        match decorator:
            case ast.Call(func=ast.Attribute(attr=attribute), args=said) if (
                attribute == MARK
            ):
                names = [str(ast.literal_eval(name)) for name in said]
                stands_for = tuple(name for name in names if not _is_case(name))
                sentence = node.name.removeprefix("test_").replace("_", " ")
                sentence += " (long)" if long else ""
                for case in filter(_is_case, names):
                    yield Held(case, stands_for, sentence, path)


def _row(case: str, tests: Sequence[Held]) -> str:
    stands_for = dict.fromkeys(name for test in tests for name in test.stands_for)
    by_path = groupby(tests, key=lambda test: test.path)
    sentences = "<br>".join(
        f"[{'; '.join(dict.fromkeys(test.test for test in group))}](../../{path})"
        for path, group in by_path
    )
    return f"| {case} | {', '.join(stands_for)} | {sentences} |"


def _is_case(name: str) -> bool:
    return name.startswith("C-")


def _case(number: int) -> str:
    return f"C-{number:03}"


def _ranges(numbers: Sequence[int]) -> Iterator[str]:
    """Write runs of numbers as one: C-001 to C-005."""
    runs = groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    for _, run in runs:
        first, *_, last = [number for _, number in run] * 2
        yield _case(first) if first == last else f"{_case(first)} to {_case(last)}"
