"""Everything that can be asked, in groups."""

from typing import Generic

from homeport.client.accounts import Accounts, ApiKeys
from homeport.client.certificates import (
    DeveloperCertificates,
    ServerCredentials,
    TrustedCertificates,
)
from homeport.client.channels import Channel
from homeport.client.consumers import Consumers
from homeport.client.device_requests import DeviceRequests
from homeport.client.devices import Devices
from homeport.client.enrollments import Enrollments
from homeport.client.events import DeviceEvents
from homeport.client.groups import DeviceGroups
from homeport.client.methods import From
from homeport.client.platform import Platform
from homeport.client.renewals import Renewals
from homeport.client.saved_queries import SavedQueries
from homeport.client.shared_keys import SharedKeys
from homeport.client.subscriptions import Subscriptions
from homeport.client.values import Values


class Api(Generic[From]):
    """The groups of calls; ``sender`` makes them."""

    def __init__(self, sender: From) -> None:
        self.accounts = Accounts(sender)
        self.api_keys = ApiKeys(sender)
        self.devices = Devices(sender)
        self.events = DeviceEvents(sender)
        self.groups = DeviceGroups(sender)
        self.queries = SavedQueries(sender)
        self.trusted_certificates = TrustedCertificates(sender)
        self.developer_certificates = DeveloperCertificates(sender)
        self.servers = ServerCredentials(sender)
        self.shared_keys = SharedKeys(sender)
        self.enrollments = Enrollments(sender)
        self.renewals = Renewals(sender)
        self.channel = Channel(sender)
        self.consumers = Consumers(sender)
        self.requests = DeviceRequests(sender)
        self.subscriptions = Subscriptions(sender)
        self.values = Values(sender)
        self.platform = Platform(sender)
