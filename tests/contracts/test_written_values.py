"""What a write takes from its request and from the row that it is about."""

from __future__ import annotations

import json

import pytest

from narrowgauge.contracts.cells_said import cell_said
from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.fields_said import FieldsSaid
from narrowgauge.contracts.grounded_values import Grounds, OpenValue
from narrowgauge.contracts.surfaces.salesforce.open_value import ValueReader
from narrowgauge.contracts.written_words import WrittenWords, row_cells, texts_in
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField
from narrowgauge.v1.specialist_pb2 import ContextDocument


def _catalogue() -> Catalogue:
    account = Entity(name="Account", key_prefix="001")
    account.fields.add(name="Id", type="id", key=True)
    case = Entity(name="Case", key_prefix="500")
    case.fields.add(name="Id", type="id", key=True)
    case.fields.extend(
        [
            EntityField(name="AccountId", type="reference", references=["Account.Id"]),
            EntityField(name="SuppliedCompany", type="string"),
            EntityField(name="Status", type="picklist", values=["New", "Working", "Closed", "Not Closed"]),
            EntityField(name="Subject", type="string"),
            EntityField(name="Priority", type="picklist", values=["High", "Low"]),
            EntityField(name="Effort", type="double"),
            EntityField(name="Due", type="date"),
            EntityField(name="Urgent", type="boolean"),
            EntityField(name="Site", type="string"),
        ]
    )
    return Catalogue(entities=[account, case])


def _reader(request: str, row: dict[str, object] | None = None, lines: str = "") -> ValueReader:
    """Reads calls that answer a request about a row; `lines` are the links before the request."""
    documents = [ContextDocument(rows_json=[json.dumps(row)])] if row else []
    # Ids have their short names already; their prefix says whose they are.
    sets = {**closed_sets_of(_catalogue()), "record_ids": ("@1 001",)}
    cells = row_cells(documents)
    grounds = Grounds(f"{lines}Request: {request}", request, frozenset(), texts_in(documents), cells)
    return ValueReader(sets, grounds)


def _names(value: OpenValue | None) -> list[str]:
    assert value is not None
    assert value.kind == "one_of"
    return [text.strip(" =") for text in value.texts]


def test_a_change_does_not_write_its_row_back() -> None:
    """Texts, numbers and days of the row are no values of a change, and its state is none to change to."""
    row = {"Id": "@1", "Subject": "late", "Status": "Working", "Effort": 3.5, "Due": "2026-03-02"}
    reader = _reader("close each of them", row)
    assert _names(reader("update Case @1:")) == ["AccountId", "SuppliedCompany", "Status", "Urgent", "Site"]
    value = reader('update Case @1: Status = "')
    assert value is not None
    assert set(value.texts) == {'Closed"', 'Not Closed"'}
    text = reader('update Case @1: Site = "')
    assert text is not None
    assert text.source == "request"


def test_the_value_with_most_of_its_words_is_meant() -> None:
    """`not closed` says more of `Not Closed` than of `Closed`."""
    value = _reader("mark it not closed")('update Case @1: Status = "')
    assert value is not None
    assert value.texts == ('Not Closed"',)


def test_a_new_record_has_the_values_that_are_said() -> None:
    """No picklist, number, day or flag of a run is set unasked; a record of the row is referred to."""
    row = {"Id": "@1", "name": "Globex"}
    reader = _reader("open a low priority case for each", row)
    assert _names(reader("create Case:")) == ["AccountId"]
    assert _names(reader('create Case: AccountId = "@1",')) == ["SuppliedCompany", "Subject", "Priority"]
    value = reader('create Case: AccountId = "@1", Subject = "x", Priority = "')
    assert value is not None
    assert value.texts == ('Low"',)


def test_a_field_that_is_named_is_set() -> None:
    """The list does not end before it."""
    reader = _reader("a case for each with site Head office", {"name": "Globex"})
    end = reader('create Case: Subject = "Globex"')
    assert end is not None
    assert not end.last
    after = reader('create Case: Subject = "Globex", Site = "Head office"')
    assert after is not None
    assert after.last


def test_a_title_is_written_to_the_letter() -> None:
    """A value that the request has with its capital, and a cell that it names, are whole texts."""
    linked = _reader("create a Call task", lines="call: Case.Subject = Call\n")('create Case: Subject = "')
    assert linked is not None
    assert linked.texts == ('Call"',)
    request = "a case for each with the customer's name as the subject"
    cell = _reader(request, {"name": "Globex", "city": "Bonn"})('create Case: Subject = "')
    assert cell is not None
    assert cell.texts == ('Globex"',)


@pytest.mark.parametrize(
    ("request_text", "cell"),
    [
        ("with the customer's name as the subject", "Globex"),
        ("with the sku as subject", "A-1"),
        ("subject the customer's name, priority high", "Globex"),
        ("a case about shoes", ""),
        ("with the same subject", ""),
        ("with the price as subject", ""),
    ],
)
def test_cells_are_named(request_text: str, cell: str) -> None:
    """By the column's name, as a field or behind it."""
    assert cell_said(request_text, [("subject",)], {"name": "Globex", "sku": "A-1"}) == cell


def test_the_same_name_is_the_rows() -> None:
    """A field that is to be the same has the cell of its own name."""
    assert (
        cell_said("a product with the same name", [("name",)], {"sku": "A-1", "name": "Globex"}) == "Globex"
    )


def test_each_is_no_unit() -> None:
    """It says how often; no value is named by it."""
    said = FieldsSaid("each: Product.Unit = Each\nRequest: close each", "close each")
    assert not said.values("Product", "Unit")
    assert not said.count("Each")


def test_named_after_more_than_a_cell() -> None:
    """A name that goes on is not the cell alone."""
    row = {"name": "Globex"}
    assert cell_said("a renewal named after the customer with amount 5", [("name",)], row) == "Globex"
    assert cell_said("a renewal named after the customer plus 2026", [("name",)], row) == ""


def test_words_of_whom_and_how_often_are_not_written() -> None:
    """Neither of the record, nor of the run, nor of a date."""
    days = frozenset({"9 march 2026"})
    words = WrittenWords(
        "create a task Email for user @1 on 9 March 2026 for each lead", row=(("a", "b"),), days=days
    )
    assert words.said == {"create", "a", "task", "Email", "on"}


def test_a_person_is_not_called_like_their_company() -> None:
    """What stands behind `of` or `at` is where they work."""
    words = WrittenWords("Add lead Tim Rhodes at Rhodes Haulage")
    assert "Rhodes" in words.persons
    assert "Haulage" not in words.persons


def test_a_row_gives_no_numbers_and_whole_cells() -> None:
    """A number of the row is no word of a text, and a text does not begin inside a cell."""
    documents = [ContextDocument(rows_json=['{"name": "Work Gloves M", "stock": 13}'])]
    words = WrittenWords("a case for each", texts_in(documents), row_cells(documents))
    assert "13" not in words.of_context
    assert words.openings == {"Work"}


def test_a_result_without_rows_is_a_row() -> None:
    """What a call made is one JSON object; other texts have no cells."""
    assert row_cells([ContextDocument(text='{"object":"Account","id":"@1"}')]) == (
        ("object", "Account"),
        ("id", "@1"),
    )
    assert row_cells([ContextDocument(text="a note"), ContextDocument(text="{not json")]) == ()


def test_fields_are_named_by_whole_names() -> None:
    """A link with all its words, or the name letter by letter; not the object's own words."""
    said = FieldsSaid("stage: Deal.Stage_Name__c\nRequest: the stage and site", "the stage and site")
    assert said.names("Deal", "Stage_Name__c")
    assert not said.names_wholly("Deal", "Stage_Name__c")
    assert said.names_wholly("Deal", "Site")
    assert not FieldsSaid("Request: a farm plot", "a farm plot").names_wholly("Farm_Plot__c", "Farm__c")
