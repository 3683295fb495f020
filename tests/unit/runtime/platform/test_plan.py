"""What `homeport up` starts and what it tells each process."""

import socket
from pathlib import Path

import pytest

from homeport.errors import InvalidConfiguration
from homeport.names import AccountId
from homeport.runtime.platform import plan
from homeport.runtime.platform.identity import Identity
from homeport.runtime.platform.plan import PARTS, Options, Ports
from homeport.runtime.services import MODULES

DATA = Path("data")
WHO = Identity(AccountId("a" * 32), "ak_1" + "b" * 48, "c" * 64, "ak_1" + "d" * 48)
BY_NAME = {part.name: part for part in PARTS}


def environment(options: Options, **inherited: str) -> dict[str, str]:
    return plan.environment(
        options,
        WHO,
        redis_url="redis://:x@127.0.0.1:1/0",
        nats_url="nats://127.0.0.1:2",
        postgres_url="postgresql://127.0.0.1:3/homeport",
        inherited=inherited,
    )


def test_every_service_has_its_process() -> None:
    assert set(BY_NAME) == set(MODULES)


def test_a_part_waits_only_for_parts_that_exist() -> None:
    assert {name for part in PARTS for name in part.after} <= set(BY_NAME)


def test_numbers_of_replicas_are_read() -> None:
    assert plan.parse_scale(["lwm2m=2", "expiry=3"]) == {"lwm2m": 2, "expiry": 3}


@pytest.mark.parametrize(
    "text", ["lwm2m", "lwm2m=", "lwm2m=0", "lwm2m=-1", "lwm2m=65", "lwm2m=²", "x=1", ""]
)
def test_a_wrong_scale_is_named(text: str) -> None:
    with pytest.raises(InvalidConfiguration, match=f"--scale {text}"):
        plan.parse_scale([text])


def test_the_api_is_one_process() -> None:
    with pytest.raises(InvalidConfiguration, match="--scale api=2"):
        plan.parse_scale(["api=2"])


def test_processes_hear_who_they_serve_and_where_the_servers_are() -> None:
    told = environment(Options(DATA, nosec=True), HOMEPORT_EXPIRY_GRACE_SECONDS="0")
    assert told["HOMEPORT_REDIS_URL"] == "redis://:x@127.0.0.1:1/0"
    assert told["HOMEPORT_DEFAULT_ACCOUNT_ID"] == WHO.account_id
    assert told["HOMEPORT_SECRET_KEY"] == WHO.secret_key
    assert told["HOMEPORT_NOSEC"] == "true"
    assert told["HOMEPORT_EXPIRY_GRACE_SECONDS"] == "0"


def test_ports_are_the_well_known_ones() -> None:
    told = environment(Options(DATA))
    assert told["HOMEPORT_LWM2M_COAP_PORT"] == "5683"
    assert told["HOMEPORT_BOOTSTRAP_COAP_PORT"] == "5783"
    assert told["HOMEPORT_API_PORT"] == "8080"


def test_a_configured_port_is_kept() -> None:
    told = environment(Options(DATA), HOMEPORT_API_PORT="8081")
    assert told["HOMEPORT_API_PORT"] == "8081"


def test_automatic_ports_are_left_to_the_system() -> None:
    told = environment(Options(DATA, ports=Ports.AUTO), HOMEPORT_API_PORT="8081")
    assert told["HOMEPORT_LWM2M_COAP_PORT"] == "0"
    assert told["HOMEPORT_API_PORT"] == "0"


def test_a_port_that_is_none_is_named() -> None:
    with pytest.raises(InvalidConfiguration, match="HOMEPORT_API_PORT"):
        environment(Options(DATA), HOMEPORT_API_PORT="http")


def test_a_taken_port_stops_the_start() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        taken = str(holder.getsockname()[1])
        configured = {
            "HOMEPORT_LWM2M_COAP_PORT": taken,
            "HOMEPORT_BOOTSTRAP_COAP_PORT": "0",
            "HOMEPORT_API_PORT": "0",
        }
        with pytest.raises(InvalidConfiguration, match=f"UDP port {taken}"):
            plan.require_free_ports(Options(DATA, nosec=True), inherited=configured)
        plan.require_free_ports(Options(DATA), inherited=configured)


def test_what_was_opened_once_is_opened_again() -> None:
    opened = {"coap": "coap://127.0.0.1:40001"}
    assert plan.pinned(BY_NAME["lwm2m"], opened) == {
        "HOMEPORT_LWM2M_COAP_PORT": "40001"
    }
    assert plan.pinned(BY_NAME["lwm2m"], {}) == {}


def test_the_bootstrap_edge_hears_where_devices_go_next() -> None:
    opened = {"coap": "coap://127.0.0.1:40001"}
    assert plan.told(BY_NAME["lwm2m"], opened) == {
        "HOMEPORT_LWM2M_PUBLIC_COAP": "coap://127.0.0.1:40001"
    }
    assert "lwm2m" in BY_NAME["bootstrap"].after


def test_only_a_platform_on_loopback_calls_webhooks_on_loopback() -> None:
    told = environment(Options(DATA))
    assert told["HOMEPORT_WEBHOOK_NETWORKS"] == "127.0.0.0/8,::1/128"
    assert "HOMEPORT_WEBHOOK_NETWORKS" not in environment(Options(DATA, host="0.0.0.0"))


def test_what_the_operator_says_of_webhooks_counts() -> None:
    told = environment(Options(DATA), HOMEPORT_WEBHOOK_NETWORKS="10.0.0.0/8")
    assert told["HOMEPORT_WEBHOOK_NETWORKS"] == "10.0.0.0/8"


def test_a_taken_port_for_https_matters_only_where_https_is_wanted() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = str(holder.getsockname()[1])
        configured = {
            port.setting: "0" for part in PARTS for port in part.ports.values()
        } | {"HOMEPORT_API_HTTPS_PORT": taken}
        with pytest.raises(InvalidConfiguration, match=f"TCP port {taken}"):
            plan.require_free_ports(Options(DATA, https=True), inherited=configured)
        plan.require_free_ports(Options(DATA), inherited=configured)
