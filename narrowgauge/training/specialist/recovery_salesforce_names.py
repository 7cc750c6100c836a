"""Salesforce calls that name what the organisation does not have."""

from __future__ import annotations

import random

from narrowgauge.training.specialist.recovery_salesforce_calls import Call, Entities
from narrowgauge.training.specialist.salesforce_requests import Request

__all__ = ["unknown_field", "unknown_object", "unknown_relationship"]

_FIELD_SYNONYMS = {
    "StageName": ("Stage", "Stage_Name", "SalesStage", "Status"),
    "CloseDate": ("ClosingDate", "ExpectedCloseDate", "Close_Date__c"),
    "Amount": ("Value", "DealSize", "Amount__c", "TotalAmount"),
    "LastName": ("Surname", "Last_Name", "FamilyName"),
    "FirstName": ("GivenName", "First_Name"),
    "Phone": ("PhoneNumber", "Telephone", "BusinessPhone", "WorkPhone"),
    "MobilePhone": ("Mobile", "CellPhone", "Cell"),
    "Email": ("EmailAddress", "Mail", "E_Mail"),
    "BillingCity": ("City", "Town", "BillingTown"),
    "BillingCountry": ("Country", "CountryName"),
    "BillingState": ("State", "Province"),
    "MailingCity": ("City", "MailingTown"),
    "Subject": ("Title", "Topic", "Name"),
    "Priority": ("Urgency", "CasePriority", "Severity"),
    "Status": ("State", "CaseStatus", "Status_Name"),
    "Description": ("Details", "Comment", "Note"),
    "Name": ("Title", "FullName", "RecordName"),
    "Company": ("CompanyName", "AccountName", "Organization"),
    "LeadSource": ("Source", "Lead_Source"),
    "Industry": ("Sector", "IndustryType"),
    "AnnualRevenue": ("Revenue", "YearlyRevenue"),
    "NumberOfEmployees": ("Employees", "EmployeeCount", "Headcount"),
    "Website": ("Url", "WebSite__c", "Homepage"),
    "ActivityDate": ("DueDate", "Date", "TaskDate"),
    "OwnerId": ("Owner", "AssignedTo", "OwnerName"),
    "SuppliedCompany": ("Company", "CustomerName", "Customer"),
    "CreatedDate": ("Created", "CreatedAt", "DateCreated"),
    "Rating": ("Temperature", "Score"),
    "Type": ("Kind", "RecordType", "AccountType"),
    "NextStep": ("Next_Step", "NextAction"),
    "ProductCode": ("Code", "Sku"),
    "BudgetedCost": ("Budget", "PlannedCost"),
    "StartDate": ("Start", "BeginDate"),
    "EndDate": ("End", "FinishDate"),
}
_OBJECT_SYNONYMS = {
    "Account": ("Customer", "Company", "Accounts", "Client__c"),
    "Contact": ("Person", "Contacts", "ContactPerson"),
    "Opportunity": ("Deal", "Opportunities", "Deals", "Opp"),
    "Lead": ("Prospect", "Leads", "Lead__c"),
    "Case": ("Ticket", "SupportCase", "Cases", "Issue"),
    "Task": ("ToDo", "Tasks", "Activity__c"),
    "Event": ("Meeting", "Appointment", "CalendarEvent"),
    "Campaign": ("MarketingCampaign", "Campaigns"),
    "Product2": ("Product", "Products", "Item"),
    "Renewal__c": ("Renewal", "Renewals__c", "RenewalContract"),
}


def _renamed(name: str, rng: random.Random) -> str:
    forms = [*_FIELD_SYNONYMS.get(name, ()), f"{name}__c" if not name.endswith("__c") else name[:-3]]
    if len(name) > 4 and not name.endswith("__c"):
        at = rng.randrange(1, len(name) - 1)
        forms.append(name[:at] + name[at + 1 :])
    return rng.choice(forms)


def unknown_field(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """Names a field otherwise than the organisation does."""
    if call["operation"] == "query":
        places = [("select", index) for index, name in enumerate(call["select"]) if "(" not in name]
        places += [
            ("where", index) for index, item in enumerate(call.get("where") or []) if type(item) is list
        ]
        places += [("order_by", index) for index, _ in enumerate(call.get("order_by") or [])]
        if not places:
            return None
        part, index = rng.choice(places)
        old = call[part][index] if part == "select" else call[part][index][0]
        head, dot, name = str(old).rpartition(".")
        if name == "Id" or "(" in name:
            return None
        new = f"{head}{dot}{_renamed(name, rng)}"
        if part == "select":
            call["select"][index] = new
        else:
            call[part][index][0] = new
        return call
    fields = call.get("fields")
    if isinstance(fields, list):
        if not fields:
            return None
        index = rng.randrange(len(fields))
        fields[index] = _renamed(fields[index], rng)
        return call
    if not isinstance(fields, dict) or not fields:
        return None
    name = rng.choice(list(fields))
    if "." in name:
        return None
    new = _renamed(name, rng)
    call["fields"] = {new if key == name else key: value for key, value in fields.items()}
    return call


def unknown_object(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """Names an object otherwise than the organisation does."""
    names = _OBJECT_SYNONYMS.get(call["object"])
    if names is None:
        return None
    call["object"] = rng.choice(names)
    return call


def unknown_relationship(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """Goes to a field of another object over a relationship that there is not."""
    if call["operation"] != "query":
        return None
    changed = False
    step = rng.choice(
        ("Accounts", "Company", "AccountId", "Customer__r", "Parent_Account", "OwnerId", "Client")
    )
    for item in [*(call.get("where") or []), *(call.get("order_by") or [])]:
        if isinstance(item, list) and "." in str(item[0]):
            item[0] = f"{step}.{str(item[0]).partition('.')[2]}"
            changed = True
    for index, name in enumerate(call["select"]):
        if "." in name and "(" not in name:
            call["select"][index] = f"{step}.{name.partition('.')[2]}"
            changed = True
    return call if changed else None
