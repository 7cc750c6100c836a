"""Variants of examples: valid, true to their values, apart from what is held back."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.descriptors import contracts_in, load_protos
from narrowgauge.contracts.proto_json import write_message
from narrowgauge.contracts.specialist import Example, SpecialistConfig
from narrowgauge.contracts.validate import violations
from narrowgauge.training.specialist.augment import augment, normal_request
from narrowgauge.training.specialist.grounding import leaves_of, mentions_in
from narrowgauge.training.specialist.held_back import split
from narrowgauge.training.specialist.paraphrase import SLOT, Vocabulary, paraphrase
from narrowgauge.training.specialist.spellings import day_styles, number_styles, number_words

INVENTORY = Path(__file__).parents[2] / "docs" / "examples" / "inventory"
TRIPS = """
syntax = "proto3";
package acme.trips.v1;
import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "narrowgauge/v1/options.proto";
service TripService {
  option (narrowgauge.v1.specialist) = { name: "trips" description: "Books trips and cancels them." };
  rpc Book(BookRequest) returns (Response) {
    option (narrowgauge.v1.tool) = { description: "Book a trip." examples: "book a trip to Oslo" };
  }
  rpc Cancel(CancelRequest) returns (Response) {
    option (narrowgauge.v1.tool) = { description: "Cancel a trip." examples: "cancel trip 7" };
  }
}
enum TravelClass {
  TRAVEL_CLASS_UNSPECIFIED = 0;
  TRAVEL_CLASS_SECOND = 1;
  TRAVEL_CLASS_BUSINESS_FIRST = 2;
}
message BookRequest {
  string city = 1 [(narrowgauge.v1.value).description = "where to"];
  string day = 2 [(buf.validate.field) = {
    ignore: IGNORE_IF_ZERO_VALUE
    string: { pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" }
  }];
  google.protobuf.Timestamp departs = 3;
  TravelClass class = 4;
  repeated Traveller travellers = 5;
  google.protobuf.DoubleValue budget = 6;
  int64 points = 7 [(buf.validate.field).int64 = { gte: 0 lte: 90000 }];
}
message Traveller {
  string name = 1;
  uint32 bags = 2 [(buf.validate.field).uint32.lte = 20];
}
message CancelRequest {
  oneof call {
    option (buf.validate.oneof).required = true;
    int32 trip = 1;
    bool unanswerable = 2 [(buf.validate.field).bool.const = true];
  }
}
message Response {}
"""
ASKED = (
    "Book a trip to Oslo on March 5, 2026 for Anna Berg with 3 bags and Jonas Weber with one bag, "
    "business first, budget $1,250.50, use 12,000 points"
)
BOOKED = {
    "city": "Oslo",
    "day": "2026-03-05",
    "class": "TRAVEL_CLASS_BUSINESS_FIRST",
    "travellers": [{"name": "Anna Berg", "bags": 3}, {"name": "Jonas Weber", "bags": 1}],
    "budget": 1250.5,
    "points": "12000",
}


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """A contract of many field types, with a way to say no."""
    path = tmp_path_factory.mktemp("protos") / "trips.proto"
    path.write_text(TRIPS)
    return contracts_in(load_protos([path]))[0]


@pytest.fixture(scope="module")
def inventory() -> tuple[Contract, list[Example]]:
    """The tutorial's contract and examples."""
    contract = contracts_in(load_protos([INVENTORY / "inventory.proto"]))[0]
    return contract, list(SpecialistConfig.read(INVENTORY / "specialist").read_examples())


def example(request: str, method: str, call: dict[str, object], context: str = "") -> Example:
    return Example(request, context, "", method, json.dumps(call))


def mentioned(contract: Contract, one: Example) -> dict[str, list[str]]:
    """Words of each value that stands in the request, by its path."""
    call = one.tool_call(contract)
    leaves = list(leaves_of(json.loads(write_message(call.request)), call.tool.request))
    return {
        ".".join(map(str, mention.leaf.path)): [place.words for place in mention.places]
        for mention in mentions_in(one.request, leaves)
    }


def test_values_are_found_as_people_write_them(trips: Contract) -> None:
    """Words, days, amounts, enums, nested and repeated fields; each at its own place."""
    assert mentioned(trips, example(ASKED, "Book", BOOKED)) == {
        "city": ["Oslo"],
        "day": ["March 5, 2026"],
        "travellers.0.name": ["Anna Berg"],
        "travellers.0.bags": ["3"],
        "travellers.1.name": ["Jonas Weber"],
        "travellers.1.bags": ["one"],
        "class": ["business first"],
        "points": ["12,000"],
    } | {"budget": ["1,250.50"]}


def test_a_part_of_another_value_is_no_value(inventory: tuple[Contract, list[Example]]) -> None:
    """The 100 of AX-100 is not the number of units, and the number in words is."""
    one = example("hold one hundred AX-100", "Reserve", {"article": "AX-100", "units": 100})
    assert mentioned(inventory[0], one) == {"units": ["one hundred"], "article": ["AX-100"]}


def test_every_variant_is_valid_and_says_its_values(trips: Contract) -> None:
    """Calls keep all rules; what stood in the request stands there with its new value."""
    variants = augment(trips, [example(ASKED, "Book", BOOKED)], wanted=120, seed=1)
    assert len(variants) > 60
    paths = set(mentioned(trips, example(ASKED, "Book", BOOKED)))
    changed: set[str] = set()
    for variant in variants:
        call = variant.tool_call(trips)
        assert not violations(call.request), variant
        if call.tool.name != "Book":
            continue
        assert set(mentioned(trips, variant)) == paths, variant
        said = json.loads(variant.call)
        changed |= {name for name in BOOKED if said[name] != BOOKED[name]}
    assert changed == set(BOOKED)


def test_a_time_keeps_its_hours(trips: Contract) -> None:
    """Of a timestamp the day that the request names is another one, and the hours stay."""
    one = example("book Lima, 2026-03-05", "Book", {"city": "Lima", "departs": "2026-03-05T14:30:00Z"})
    variants = [v for v in augment(trips, [one], wanted=40, seed=2) if "departs" in v.call]
    days = {json.loads(variant.call)["departs"] for variant in variants}
    assert len(days) > 5
    assert all(day.endswith("T14:30:00Z") for day in days)
    assert all(json.loads(variant.call)["departs"][:10] in variant.request for variant in variants)


def test_a_value_changes_in_the_context_too(trips: Contract) -> None:
    """A context document that has the value has the new one."""
    one = example("cancel trip 4471", "Cancel", {"trip": 4471}, "trip: 4471, city: Rome")
    for variant in augment(trips, [one], wanted=30, seed=3):
        call = json.loads(variant.call)
        if "trip" in call:
            assert variant.context == f"trip: {call['trip']}, city: Rome"


def test_a_contract_that_can_say_no_gets_requests_to_refuse(
    trips: Contract, inventory: tuple[Contract, list[Example]]
) -> None:
    """About an eighth are unrelated requests; a contract without the field gets none."""
    one = example("cancel trip 4471", "Cancel", {"trip": 4471})
    refused = [v for v in augment(trips, [one], wanted=100, seed=4) if "unanswerable" in v.call]
    assert 8 <= len(refused) <= 16
    assert all(v.method == "Cancel" and "trip" not in v.request.lower().split() for v in refused)
    contract, examples = inventory
    assert not any("unanswerable" in v.call for v in augment(contract, examples, wanted=100, seed=4))


def test_nothing_that_is_held_back_comes_up(inventory: tuple[Contract, list[Example]]) -> None:
    """Neither a held-back request nor a variant of it is trained on, and about a fifth is held back."""
    contract, examples = inventory
    kept, held = split(contract, examples)
    assert 0.1 < len(held) / len(examples) < 0.35
    assert {e.tool_call(contract).tool.name for e in kept} == {"Reserve", "Release"}
    avoid = {normal_request(one.request) for one in held}
    variants = augment(contract, kept, wanted=400, seed=5, avoid=avoid)
    assert not avoid & {normal_request(v.request) for v in variants}
    assert not avoid & {normal_request(one.request) for one in kept}


def test_an_example_stays_on_its_side(inventory: tuple[Contract, list[Example]]) -> None:
    """More examples move none of those that were there; other case and marks do not either."""
    contract, examples = inventory
    _, held = split(contract, examples)
    more = [*examples, example("hold 5 ZZ-999", "Reserve", {"article": "ZZ-999", "units": 5})]
    assert set(split(contract, more)[1]) >= set(held)
    for one in held:
        louder = Example(f"{one.request.upper()} !", "", "", one.method, one.call)
        assert louder in split(contract, [*examples, louder])[1]


def test_words_of_another_method_are_no_synonyms() -> None:
    """Where `cancel` is another method's word, no request for this one gets it; where it is not, some do."""
    rng = Random(1)
    free = {paraphrase("undo order \ue000", rng, Vocabulary()) for _ in range(200)}
    assert any("cancel" in text.lower() for text in free)
    barred = {paraphrase("undo order \ue000", rng, Vocabulary({"cancel", "call", "off"})) for _ in range(200)}
    assert not any("cancel" in text.lower() or "call" in text.lower() for text in barred)


def test_no_operator_touches_a_value() -> None:
    """Whatever the words become, each slot is there once."""
    rng = Random(2)
    text = f"please reserve the {chr(SLOT)} units of {chr(SLOT + 1)} in {chr(SLOT + 2)} for {chr(SLOT + 3)}."
    for _ in range(400):
        changed = paraphrase(text, rng, Vocabulary(verbs={"reserve"}))
        assert sorted(char for char in changed if ord(char) >= SLOT) == [chr(SLOT + i) for i in range(4)]


def test_a_seed_gives_the_same_variants(inventory: tuple[Contract, list[Example]]) -> None:
    """The same seed repeats, another one does not."""
    contract, examples = inventory
    first, again, other = (augment(contract, examples, wanted=50, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_numbers_and_days_are_written_as_people_do() -> None:
    """A few spellings, and that a value has no two equal ones of different styles."""
    from datetime import date

    assert [number_words(n) for n in (0, 12, 40, 57, 100, 342, 1000)] == [
        *("zero", "twelve", "forty", "fifty-seven", "one hundred", "three hundred and forty-two", None)
    ]
    assert {style.write(12) for style in number_styles} == {"12", "twelve", "a dozen", None}
    written = [style.write(date(2026, 3, 22)) for style in day_styles]
    assert "March 22nd, 2026" in written and "22.03.2026" in written
    assert len(set(written)) == len(written)
