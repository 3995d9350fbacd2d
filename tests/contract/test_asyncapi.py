"""docs/api/asyncapi.json: right by AsyncAPI's own schema, without loose ends, and no older than the code."""

from typing import Any

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]  # it ships no types

from orchestrator.config.schema import Crm, Redis
from orchestrator.core.model import EndCause
from orchestrator.core.standing import Stage, Standing, Word
from orchestrator.crm.message import ENDED, MOST_BYTES, MOST_CHARACTERS, MOST_USER_NUMBER, STARTED
from orchestrator.crm.stream import FIELD
from orchestrator.store.keys import Keys
from tests.contract.documents import ASYNCAPI, MESSAGES, STATUS_BY_TYPE, at, read, references
from tests.peers.node import HERE as PEERS
from tests.peers.node import peer

CHANNELS, COMPONENTS = ASYNCAPI["channels"], ASYNCAPI["components"]
SCHEMAS = COMPONENTS["schemas"]
EXAMPLES = [
    pytest.param(message, example["payload"], id=f"{name}-{example['name']}")
    for name, message in COMPONENTS["messages"].items()
    for example in message["examples"]
]


class TestByTheirSchema:
    pytestmark = peer

    def test_it_is_an_asyncapi_document(self) -> None:
        official = read(PEERS / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0-without-$id.json")
        assert [error.message for error in Draft7Validator(official).iter_errors(ASYNCAPI)] == []


def test_every_reference_leads_somewhere() -> None:
    for reference in references(ASYNCAPI):
        at(ASYNCAPI, reference)


def test_every_component_is_used() -> None:
    used = set(references(ASYNCAPI))
    for kind, named in COMPONENTS.items():
        assert [name for name in named if f"#/components/{kind}/{name}" not in used] == []


@pytest.mark.parametrize(("message", "payload"), EXAMPLES)
def test_every_example_fulfils_its_schema(message: dict[str, Any], payload: object) -> None:
    assert MESSAGES.mistakes(payload, message["payload"]["$ref"]) == []


def test_the_same_messages_come_in_by_every_way() -> None:
    ways_in = [CHANNELS[name]["messages"] for name in ("crmStream", "crmList", "crmChannel")]
    assert ways_in == ways_in[:1] * 3
    assert CHANNELS["statusChannel"]["messages"] == CHANNELS["statusStream"]["messages"]


def test_addresses_are_those_of_the_code() -> None:
    def filled(channel: str, **parameters: str) -> str:
        address: str = CHANNELS[channel]["address"]
        defaults = {name: of["default"] for name, of in CHANNELS[channel]["parameters"].items() if "default" in of}
        return address.format(**(defaults | parameters))

    keys = Keys(Redis().namespace, "main")
    assert [filled("crmStream")] == list(Crm().streams)
    assert [filled("crmChannel")] == list(Crm().channels)
    assert filled("statusChannel") == keys.status_channel
    assert filled("statusStream", accountTag="{main}") == keys.status
    assert CHANNELS["crmStream"]["x-redis"]["field"].encode() == FIELD
    assert ASYNCAPI["servers"]["redis"]["host"] == f"localhost:{Redis().embedded_port}"


def test_words_are_those_of_the_code() -> None:
    assert SCHEMAS["Standing"]["enum"] == [standing.value for standing in Standing]
    assert SCHEMAS["CallState"]["enum"] == [stage.value for stage in Stage]
    assert SCHEMAS["EndCause"]["enum"] == [cause.value for cause in EndCause]
    told = [f"mute-orchestrator.section.{word.value}" for word in Word]
    assert SCHEMAS["StatusEvent"]["properties"]["type"]["enum"] == told == list(STATUS_BY_TYPE)
    assert SCHEMAS["Started"]["allOf"][1]["properties"]["type"] == {"const": STARTED}
    assert SCHEMAS["Ended"]["allOf"][1]["properties"]["type"] == {"const": ENDED}


def test_limits_are_those_of_the_code() -> None:
    ways_in = CHANNELS["crmStream"]["messages"]
    assert {at(ASYNCAPI, of["$ref"])["x-max-bytes"] for of in ways_in.values()} == {MOST_BYTES}
    assert SCHEMAS["Text"]["maxLength"] == SCHEMAS["OptionalText"]["maxLength"] == MOST_CHARACTERS
    assert SCHEMAS["CrmEvent"]["properties"]["source"]["maxLength"] == 8 * MOST_CHARACTERS
    assert SCHEMAS["UserId"]["anyOf"][1]["exclusiveMaximum"] == MOST_USER_NUMBER
