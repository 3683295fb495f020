"""What the directory's routes need."""

from collections.abc import Mapping
from dataclasses import dataclass

from homeport.identity import Service
from homeport.names import AccountId
from homeport.runtime.quotas import Quotas
from homeport.store.sessions import SessionStore
from homeport.store.trust import TrustView
from services.directory.accounts.accounts import AccountStore
from services.directory.bootstrap.bootstrap_configurations import ConfigurationStore
from services.directory.bootstrap.bootstrap_dry_runs import Handovers
from services.directory.bootstrap.object_definitions import DefinitionStore
from services.directory.catalog import Catalog
from services.directory.claims.claims import ClaimStore
from services.directory.claims.enrollment_tasks import TaskStore
from services.directory.credentials.authority_store import AuthorityStore
from services.directory.credentials.shared_keys import SharedKeyStore
from services.directory.credentials.trusted import CertificateStore
from services.directory.devices.groups import MembershipStore
from services.directory.devices.inventory import Inventory
from services.directory.devices.standing import Standing
from services.directory.objects import ObjectStore
from services.directory.renewals.issuer_configurations import IssuerConfigurationStore
from services.directory.renewals.renewing import Renewing
from services.directory.trust.projection import Projection


@dataclass(frozen=True, slots=True)
class Ports:
    """What the routes need.

    ``addresses`` are where devices reach the two servers, ``handovers`` what bootstrap
    tells them of that. ``operator`` is the account
    whose administrators may replace the installation's own certificates.
    """

    trust: TrustView
    quotas: Quotas
    accounts: AccountStore
    catalog: Catalog
    inventory: Inventory
    standing: Standing
    groups: ObjectStore
    members: MembershipStore
    queries: ObjectStore
    claims: ClaimStore
    tasks: TaskStore
    sessions: SessionStore
    certificates: CertificateStore
    shared_keys: SharedKeyStore
    authorities: AuthorityStore
    configurations: ConfigurationStore
    definitions: DefinitionStore
    renewing: Renewing
    issuers: IssuerConfigurationStore
    projection: Projection
    addresses: Mapping[Service, str]
    handovers: Handovers
    operator: AccountId | None
