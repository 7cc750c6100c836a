"""Where in a Salesforce call the free values are, and which fields a write can go on with."""

from __future__ import annotations

import pytest

from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.grounded_values import Grounds, OpenValue
from narrowgauge.contracts.record_aliases import RecordAliases
from narrowgauge.contracts.surfaces.salesforce.open_value import ValueReader
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField

ACCOUNT, OPPORTUNITY = "001Ng0000000007", "006Ng0000000003"


def _catalogue() -> Catalogue:
    account = Entity(name="Account", key_prefix="001")
    account.fields.add(name="Id", type="id", key=True)
    account.fields.add(name="Name", type="string")
    deal = Entity(name="Opportunity", key_prefix="006")
    deal.fields.add(name="Id", type="id", key=True)
    deal.fields.extend(
        [
            EntityField(
                name="AccountId", type="reference", references=["Account.Id"], relationship="Account"
            ),
            EntityField(name="Name", type="string"),
            EntityField(name="Amount", type="currency"),
            EntityField(name="Probability", type="percent"),
            EntityField(name="Email", type="email"),
            EntityField(name="CloseDate", type="date"),
            EntityField(name="Stage", type="picklist", values=["Open", "Closed"]),
            EntityField(name="NextStep", type="string"),
        ]
    )
    return Catalogue(entities=[account, deal])


def _reader(request: str, lines: str = "") -> ValueReader:
    """Reads calls that answer a request; `lines` stand before it in the prompt."""
    aliases = RecordAliases(request)
    sets = closed_sets_of(_catalogue(), request=request)
    hidden = aliases.hide(request)
    return ValueReader(sets, Grounds(f"{lines}Request: {hidden}", hidden))


@pytest.mark.parametrize(
    ("written", "kind", "begun"),
    [
        ('query Opportunity: Name where Name = "', "text", ""),
        ('query Opportunity: Name where Account.Name = "Glo', "text", "Glo"),
        ('query Opportunity: Name where Name in ("a", "b c', "text", "b c"),
        ('query Opportunity: Name where Name = "say \\"hi\\" to', "text", 'say \\"hi\\" to'),
        ("query Opportunity: Name where Amount >= ", "number", ""),
        ("query Opportunity: Name where any(Amount > 12", "number", "12"),
        ("query Opportunity: Name, count(Id) having count(Id) > 3", "number", "3"),
        ("query Opportunity: Name where CloseDate = NEXT_N_DAYS:1", "number", "1"),
        ("query Opportunity: Name order by Amount limit ", "number", ""),
        ("query Opportunity: Name where CloseDate < 2026-0", "day", "2026-0"),
    ],
)
def test_free_values_are_found(written: str, kind: str, begun: str) -> None:
    """Texts, numbers and days, by the kind of their field; what a closed text holds is not looked at."""
    value = _reader("anything")(written)
    assert value is not None
    assert (value.kind, value.begun) == (kind, begun)


@pytest.mark.parametrize(
    "written",
    [
        'query Opportunity: Name where Stage = "',
        'query Opportunity: Name where AccountId = "',
        'query Opportunity: Name where Name like "limit 5" and ',
        "query Opportunity: Name",
        "UNANSWERABLE",
        "",
    ],
)
def test_closed_values_are_left_alone(written: str) -> None:
    """Values of picklists and references, and all that is no value."""
    assert _reader("anything")(written) is None


def _names(value: OpenValue | None) -> list[str]:
    assert value is not None
    assert value.kind == "one_of"
    return [text.strip(" =") for text in value.texts]


def test_fields_without_a_possible_value_are_not_offered() -> None:
    """No address, no day, no number and no record: none of their fields; the rest may be meant."""
    offered = _names(_reader("new deal Dock lights")("create Opportunity:"))
    # A stage would be one that the request speaks of.
    assert offered == ["Name", "NextStep"]


def test_a_number_is_written_once() -> None:
    """As many fields of numbers are offered as the text has numbers."""
    reader = _reader("new deal Dock lights over 500 with two options")
    assert _names(reader('create Opportunity: Name = "Dock lights",')) == ["Amount", "Probability"]
    after = _names(reader('create Opportunity: Name = "Dock lights", Amount = 500,'))
    assert after == ["Probability", "NextStep"]
    assert "Probability" not in _names(_reader("new deal over 500")("create Opportunity: Amount = 500,"))


def test_a_linked_value_is_not_left_behind() -> None:
    """The list does not pass the field that a word of the request names a value of; nor does a query end."""
    lines = "closed: Opportunity.Stage = Closed\n"
    reader = _reader(f"the closed deal {OPPORTUNITY} needs a call", lines)
    assert _names(reader("update Opportunity @1:")) == ["Name", "Stage"]
    end = _reader("closed deals", lines)("query Opportunity: Name")
    assert end is not None
    assert not end.last
    assert _reader("closed deals", lines)('query Opportunity: Name where Stage = "Closed"') is None


def test_what_is_named_is_not_refused() -> None:
    """A request that names an object and a field of it is answered; any other one may be refused."""
    lines = "deals: Opportunity\nstage: Opportunity.Stage\n"
    begun = _reader("stage of our deals", lines)("")
    assert begun is not None
    assert begun.kind == "one_of"
    assert "query" in begun.texts
    assert "UNANSWERABLE" not in begun.texts
    assert _reader("our deals", "deals: Opportunity\n")("") is None
    assert _reader("set the stage of the Globex deal", lines)("") is None
    assert _reader(f"set the stage of {OPPORTUNITY}", lines)("") is not None
    assert _reader("salaries", "deals: Opportunity\namount: Invoice.Amount\n")("") is None


def test_a_subject_that_was_said_stands_alone() -> None:
    """Nothing is joined to it by a colon, unless the request has one or gave no subject."""

    def without(request: str, begun: str) -> str:
        value = _reader(request)(f'create Opportunity: Name = "{begun}')
        assert value is not None
        return value.without

    assert without("a deal Dock lights for each", "Dock lights") == ":"
    assert without("a deal Dock: lights", "Dock") == ""
    assert without("a deal for each", "Follow-up") == ""


def test_a_query_has_the_order_that_is_said() -> None:
    """It does not end without one."""
    reader = _reader("deals, largest first")
    end = reader("query Opportunity: Name")
    assert end is not None
    assert not end.last
    assert reader("query Opportunity: Name order by Amount desc") is None


def test_a_list_ends_where_nothing_can_follow() -> None:
    """No comma where no field is left that the text has a value for."""
    reader = _reader(f"next step of {OPPORTUNITY}: call")
    end = reader('update Opportunity @1: NextStep = "call"')
    assert end is not None
    assert end.last
    assert not end.more


def test_addresses_are_written_whole() -> None:
    """In a field of their type a value is one of those that the text has."""
    value = _reader("new deal for lena@b.example")('create Opportunity: Email = "le')
    assert value is not None
    assert (value.kind, value.begun, value.texts) == ("one_of", "le", ('lena@b.example"',))


def test_what_was_said_is_not_left_behind() -> None:
    """The list goes no further than the last field that can hold a value that it does not have yet."""
    request = f"new deal Dock lights for {ACCOUNT}, 12000, a@b.example, closing May 4"
    reader = _reader(request, "may 4: 2026-05-04\n")
    assert _names(reader("create Opportunity:")) == ["AccountId"]
    written = 'create Opportunity: AccountId = "@1", Name = "Dock lights",'
    assert _names(reader(written)) == ["Amount", "Probability"]
    written += " Amount = 12000,"
    assert _names(reader(written)) == ["Email"]
    written += ' Email = "a@b.example"'
    end = reader(written)
    assert end is not None and not end.last
    end = reader(f"{written}, CloseDate = 2026-05-04")
    assert end is not None and end.last


def test_the_changed_record_needs_no_place() -> None:
    """Its id stands before the list."""
    reader = _reader(f"set the stage of {OPPORTUNITY} to closed")
    assert "Stage" in _names(reader("update Opportunity @1:"))


def test_only_what_is_to_be_emptied_becomes_null() -> None:
    """A word says so; a new record has nothing to empty."""

    def null(request: str, written: str) -> bool:
        value = _reader(request)(written)
        return value is None or value.null

    assert null("clear the next step of @1", "update Opportunity @1: NextStep = ")
    assert not null("the next step of @1 is a call", "update Opportunity @1: NextStep = ")
    assert not null("new deal without a next step", "create Opportunity: NextStep = ")
    assert null("deals without a next step", "query Opportunity: Name where NextStep = ")
    assert not null("deals and their next step", "query Opportunity: Name where NextStep = ")
    assert null("deals that have a next step", "query Opportunity: Name where NextStep != ")


@pytest.mark.parametrize(
    ("conditions", "offered"),
    [
        ('Stage = "Open" and ', True),
        ('Stage = "Open" and Na', True),
        ('Stage = "Open" and Amount > 5 and Account', True),
        ('Stage = "Open" and Name', False),
        ('Stage = "Open" and Amount > ', False),
        ('Stage != "Open" and ', False),
        ('Stage in ("Open", "Closed") and ', False),
        ('any(Stage = "Open"; Na', False),
        ('Name = "Stage = x and y', False),
    ],
)
def test_a_field_is_set_equal_once(conditions: str, offered: bool) -> None:
    """A further condition is on another field; a path is another field."""
    value = _reader("deals over 5")(f"query Opportunity: Name where {conditions}")
    assert (value is not None and value.kind == "one_of") == offered
    if value is not None and offered:
        assert "Stage" not in value.texts
        assert {"Name", "Account.Name", "any("} <= set(value.texts)
