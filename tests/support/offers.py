"""What devices offer when they shake hands: suites, and connection ids of each form."""

import pytest

from homeport.dtls.association import CidForm
from homeport.dtls.client import Offer
from homeport.dtls.suites import SUITES
from tests.support.secured_peer import with_cid

OFFERS = {
    "without connection ids": Offer(),
    "with RFC 9146": with_cid(CidForm.RFC, b"sixsix"),
    "with the draft": with_cid(CidForm.DRAFT),
}
WITH_IDS = [pytest.param(OFFERS[name], id=name) for name in list(OFFERS)[1:]]
EVERY = [pytest.param(offer, id=name) for name, offer in OFFERS.items()]
CBC = Offer(suites=SUITES[-1:])
"""The suite whose records OpenSSL protects."""
