"""Record ids have short names in prompts and calls."""

from __future__ import annotations

import pytest
from llguidance import LLMatcher, LLTokenizer

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.record_aliases import RecordAliases
from narrowgauge.contracts.schema_links import SchemaLink
from narrowgauge.contracts.surfaces.salesforce.grammar import salesforce_grammar
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField
from narrowgauge.v1.specialist_pb2 import ContextDocument

CASE, ACCOUNT, OTHER = "500Ng000000000AIAQ", "001Ng0000000007", "a0XNg0000000002"
REQUEST = f"move case {CASE} to account {ACCOUNT}, see {OTHER}"


def test_ids_are_hidden_and_shown_again() -> None:
    """Ids get names in their order, everywhere; names come back as ids; other words stay."""
    aliases = RecordAliases(REQUEST, f"AccountId: {ACCOUNT}")
    assert aliases.hide(REQUEST) == "move case @1 to account @2, see @3"
    assert aliases.hide("AccountIdentification") == "AccountIdentification"
    assert aliases.show('update Case @1: AccountId = "@2", Subject = "mail a@1 @12"') == (
        f'update Case {CASE}: AccountId = "{ACCOUNT}", Subject = "mail a@1 @12"'
    )
    assert aliases.closed_set == ("@1 500", "@2 001", "@3 a0X")
    document = ContextDocument(title="row", rows_json=[f'{{"Id":"{CASE}"}}'])
    assert list(aliases.hidden([document])) == [ContextDocument(title="row", rows_json=['{"Id":"@1"}'])]


def test_a_name_that_the_request_has_is_not_taken() -> None:
    """`@1` in the request is a text of the user's, before and after."""
    aliases = RecordAliases(f"note 'meet @1' on {CASE}")
    assert aliases.hide(f"note 'meet @1' on {CASE}") == "note 'meet @1' on @2"
    assert aliases.show('Subject = "meet @1"') == 'Subject = "meet @1"'


def test_only_surfaces_that_take_ids_have_names() -> None:
    """Elsewhere an id is a text like others."""
    assert RecordAliases.of_sub_task({"figures"}, REQUEST, "").hide(REQUEST) == REQUEST
    assert RecordAliases.of_sub_task({"record_ids"}, REQUEST, "").hide(REQUEST) != REQUEST


def organisation() -> Catalogue:
    case = Entity(
        name="Case",
        key_prefix="500",
        fields=[
            EntityField(name="Id", type="id", key=True, read_only=True),
            EntityField(name="Subject", type="string", nullable=True),
            EntityField(name="AccountId", type="reference", references=["Account"], nullable=True),
        ],
    )
    account = Entity(
        name="Account",
        key_prefix="001",
        fields=[
            EntityField(name="Id", type="id", key=True, read_only=True),
            EntityField(name="Name", type="string"),
        ],
    )
    permit = Entity(
        name="Permit__c",
        fields=[
            EntityField(name="Id", type="id", key=True, read_only=True),
            EntityField(name="Name", type="string", nullable=True),
        ],
    )
    return Catalogue(entities=[case, account, permit])


def test_links_say_which_object_an_id_is_of() -> None:
    """As far as the catalogue knows the prefixes."""
    links = RecordAliases(REQUEST).links(organisation())
    assert links == [SchemaLink("@1", ("Case",)), SchemaLink("@2", ("Account",))]


@pytest.mark.parametrize(
    ("call", "allowed"),
    [
        ("get Case @1", True),
        ("get Case @2", False),
        ("delete Account @2", True),
        ("delete Permit__c @3", True),
        ("delete Permit__c @1", False),
        ('update Case @1: AccountId = "@2"', True),
        ("update Case @1: AccountId = null", True),
        ('update Case @1: AccountId = "@1"', False),
        ('update Case @1: AccountId = "Acme"', False),
        ('query Case: Id where AccountId = "@2"', True),
        ('query Case: Id where AccountId = "@3"', False),
        ('query Case: Id where AccountId in ("@2")', True),
        ('query Case: Id where Id = "@1"', True),
    ],
)
def test_an_id_stands_only_where_one_of_its_object_can(call: str, allowed: bool) -> None:
    """The key prefix decides; an object without a known prefix takes the ids of no other."""
    grammar = salesforce_grammar(closed_sets_of(organisation(), (), REQUEST))
    matcher = LLMatcher(LLTokenizer("byte"), LLMatcher.grammar_from_lark(grammar))
    accepted = matcher.try_consume_tokens(list(call.encode())) == len(call)
    assert (accepted and matcher.is_accepting()) is allowed


def test_requests_with_ids_of_the_same_objects_share_a_grammar() -> None:
    """What is compiled for one request is good for the next."""
    other = REQUEST.replace(CASE, "500Ng000000000B").replace(ACCOUNT, "001Ng0000000009")
    first = salesforce_grammar(closed_sets_of(organisation(), (), REQUEST))
    assert salesforce_grammar(closed_sets_of(organisation(), (), other)) == first
