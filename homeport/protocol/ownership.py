"""Whose device it is, and which one: what it proved decides, what it says must agree.

Without security a device is believed, as one of the installation's default account.
"""

from homeport import names
from homeport.errors import InvalidParameter, NotAllowed
from homeport.identity import Identity, Means
from homeport.names import AccountId, DeviceId, EndpointName


def account(
    identity: Identity, said: AccountId | None, *, default: AccountId
) -> AccountId:
    """Return the account of a device that says ``aid`` or not (B-033 .. B-043).

    Raises NotAllowed where its credential is another's, or nobody's in particular.
    """
    if identity.means is Means.NOTHING:
        allowed: tuple[AccountId, ...] = (default,)
        decided: AccountId | None = default
    else:
        decided = identity.account
        allowed = identity.accounts or ((decided,) if decided else ())
    if said is None:
        if decided is None:
            raise NotAllowed("aid is missing: no account is this certificate's alone")
        return decided
    if said not in allowed:
        raise NotAllowed("aid is an account that this credential does not open")
    return said


def endpoint_name(identity: Identity, said: EndpointName | None) -> EndpointName:
    """Return the name of a device that says ``ep`` or not (B-044 .. B-046).

    Raises InvalidParameter where it is missing, NotAllowed where the credential has
    another one.
    """
    proved = identity.endpoint_name
    if said is None and proved is None:
        raise InvalidParameter("ep", "is missing")
    if said is not None and proved is not None and said != proved:
        raise NotAllowed("ep is not the name that the credential has")
    return proved if proved is not None else EndpointName(str(said))


def device(identity: Identity, account_id: AccountId, name: EndpointName) -> DeviceId:
    """Return the id of a device (B-049 .. B-056).

    A credential that we issued names it; then a name that is missing there must be its
    own, from which the id is computed, or the id itself. Raises NotAllowed where not.
    """
    computed = names.device_id(account_id, name)
    named = identity.device
    if named is None:
        return computed
    if identity.endpoint_name is None and named not in (computed, name):
        raise NotAllowed("ep is not the name of this credential's device")
    return named
