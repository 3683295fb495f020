"""What an account knows better of its devices than their requests tell.

A profile is recognized (`homeport.protocol.profiles`); these alterations are put on it.
"""

from dataclasses import dataclass, fields, replace

from homeport.protocol import profiles
from homeport.protocol.profiles import Profile, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Alterations:
    """What is different of a profile; None leaves what was recognized.

    ``name`` takes another profile altogether before anything else is altered.
    ``deletes`` and ``discovers`` say whether a bootstrap has these steps; the others
    are those of `Profile`.
    """

    name: str | None = None
    deletes: bool | None = None
    discovers: bool | None = None
    szx: int | None = None
    first_instance: int | None = None
    takes_instances: bool | None = None
    takes_keys: bool | None = None
    enrolls: bool | None = None
    pins: bool | None = None


NOTHING = Alterations()
_STEPS = frozenset({"name", "deletes", "discovers"})


def alter(profile: Profile, alterations: Alterations) -> Profile:
    """Return a profile as an account wants it; its name stays the one it is from."""
    base = profiles.named(alterations.name) if alterations.name else profile
    steps = _with(base.steps, Step.DELETE, wanted=alterations.deletes, at=0)
    after = steps.index(Step.DELETE) + 1 if Step.DELETE in steps else 0
    steps = _with(steps, Step.DISCOVER, wanted=alterations.discovers, at=after)
    changed = {
        field.name: value
        for field in fields(alterations)
        if field.name not in _STEPS
        and (value := getattr(alterations, field.name)) is not None
    }
    return replace(base, steps=steps, **changed)


def _with(
    steps: tuple[Step, ...], step: Step, *, wanted: bool | None, at: int
) -> tuple[Step, ...]:
    """Put a step in, or leave it out; one that is there stays where it is."""
    if wanted is None or (step in steps) is wanted:
        return steps
    if wanted:
        return (*steps[:at], step, *steps[at:])
    return tuple(each for each in steps if each is not step)
