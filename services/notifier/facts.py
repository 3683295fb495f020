"""What the notifier does with facts, besides telling applications of them."""

from collections.abc import Mapping, Sequence

from homeport.events.facts import (
    AnyFact,
    DeviceRegistered,
    RegistrationUpdated,
    RequestCompleted,
)
from homeport.names import AccountId, DeviceId
from services.notifier.books import AccountRules, Books, Key, Noted, key_of
from services.notifier.subscriptions.observing import (
    ANSWERED,
    UNANSWERED,
    Observing,
    step_of,
)


async def note(facts: Sequence[AnyFact], *, books: Books, observing: Observing) -> None:
    """Note what facts say, and ask devices for what applications want of them.

    Raises Unavailable; the facts come again then, and repeating them is harmless: what
    is noted is noted once, and a fact asks a device for the same once.
    """
    noted = await books.note(facts)
    for newest in _newest(facts, noted.rules):
        of_account = noted.rules[newest.account_id]
        if _is_due(newest, noted, of_account):
            account, device = AccountId(newest.account_id), DeviceId(newest.device_id)
            if await observing.apply(
                account, device, of_account.rules, revision=newest.revision
            ):
                await books.applied(newest, of_account.newest)
    for fact in facts:
        if isinstance(fact, RequestCompleted) and fact.account_id in noted.rules:
            await _go_on(fact, noted.rules[fact.account_id], books, observing)


def _newest(
    facts: Sequence[AnyFact], rules: Mapping[str, AccountRules]
) -> list[DeviceRegistered | RegistrationUpdated]:
    """Return the last fact of each device that has registered or changed."""
    newest: dict[Key, DeviceRegistered | RegistrationUpdated] = {}
    for fact in facts:
        if fact.account_id in rules and isinstance(
            fact, DeviceRegistered | RegistrationUpdated
        ):
            newest[key_of(fact)] = fact
    return list(newest.values())


def _is_due(
    fact: DeviceRegistered | RegistrationUpdated, noted: Noted, rules: AccountRules
) -> bool:
    """Say whether a device has to be asked: it is new, or something has changed."""
    if isinstance(fact, DeviceRegistered) or fact.changes:
        return True
    return noted.applied.get(key_of(fact), 0) < rules.newest


async def _go_on(
    fact: RequestCompleted, rules: AccountRules, books: Books, observing: Observing
) -> None:
    """Ask for what comes after one of our requests, unless its device is away."""
    step = step_of(fact)
    if step is None:
        return
    account, device = AccountId(fact.account_id), DeviceId(fact.device_id)
    if fact.outcome in UNANSWERED:
        await books.again(account, device)
    elif fact.outcome in ANSWERED:
        await observing.apply(
            account, device, rules.rules, revision=fact.revision, after=step
        )
