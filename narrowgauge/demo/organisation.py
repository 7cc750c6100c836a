"""The demo organisation: a seeded CRM in one SQLite file, which the local Salesforce server serves.

    python -m narrowgauge.demo.organisation PATH

A table an object, a column a field, named as in Salesforce, so that plain SQL can check what a chain did. Its
accounts are the companies that the demo warehouse has as customers; `Customer_Number__c` is the warehouse's
number of the customer.
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from narrowgauge.demo.derived_fields import derive, format_time
from narrowgauge.demo.names import companies, people
from narrowgauge.demo.organisation_schema import create_tables, describes
from narrowgauge.demo.record_ids import record_id
from narrowgauge.demo.warehouse import TODAY

__all__ = ["SEED_DATE", "build_organisation"]

SEED_DATE = TODAY
"""The day that the seeded records look back from: the warehouse's."""

_USERS = (
    ("Olivia", "Hart", "VP of Sales", "Sales"),
    ("Marcus", "Bell", "Account Executive", "Sales"),
    ("Priya", "Nair", "Account Executive", "Sales"),
    ("Tomas", "Novotny", "Account Executive", "Sales"),
    ("Helen", "Strand", "Support Manager", "Support"),
    ("Diego", "Salas", "Support Engineer", "Support"),
    ("Mei", "Tan", "Support Engineer", "Support"),
    ("Robert", "Quist", "Marketing Manager", "Marketing"),
)
_PRODUCTS = (
    ("Desk Lamp", "Hardware"),
    ("Standing Desk", "Hardware"),
    ("Label Printer", "Hardware"),
    ("Barcode Scanner", "Hardware"),
    ("Pallet Jack", "Hardware"),
    ("Packing Tape", "Supplies"),
    ("Shipping Labels", "Supplies"),
    ("Bubble Wrap", "Supplies"),
    ("Inventory Suite", "Software"),
    ("Route Planner", "Software"),
    ("Analytics Add-on", "Software"),
    ("Onboarding Package", "Services"),
    ("Extended Warranty", "Services"),
    ("On-site Training", "Services"),
)
_CAMPAIGNS = (
    ("Spring Launch", "Email"),
    ("Logistics Expo", "Trade Show"),
    ("Warehouse Automation Webinar", "Webinar"),
    ("Partner Summit", "Conference"),
    ("Refer a Friend", "Referral Program"),
    ("Autumn Catalogue", "Direct Mail"),
    ("Retail Media Week", "Advertisement"),
    ("Year End Offer", "Email"),
)
_CASE_SUBJECTS = (
    "Shipment arrived late",
    "Invoice shows the wrong amount",
    "Scanner does not power on",
    "Cannot log in to the portal",
    "Missing items in delivery",
    "Request for a return label",
    "Printer jams on long labels",
    "Question about the warranty",
    "Duplicate charge on the last invoice",
    "Firmware update fails",
)
_TASK_SUBJECTS = (
    "Call",
    "Email",
    "Send Quote",
    "Send Letter",
    "Prepare contract review",
    "Follow up on invoice",
)
_EVENT_SUBJECTS = ("Meeting", "Call", "Quarterly business review", "Product demo", "Contract negotiation")

Record = dict[str, Any]


def build_organisation(path: Path, seed: int = 7, *, today: date = SEED_DATE) -> None:
    """Writes the organisation to a new SQLite file; the same bytes of data for the same seed and day.

    The file appears under its name only when it is complete.

    Args:
        path: The file; one that is there is replaced.
        seed: Chooses amounts, stages, dates and owners.
        today: The day that the records look back from.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        connection = sqlite3.connect(scratch)
        try:
            with connection:
                create_tables(connection)
                _Builder(connection, random.Random(seed), today).build()
        finally:
            connection.close()
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


class _Builder:
    """Makes the records object by object, so that each can refer to those before it."""

    def __init__(self, connection: sqlite3.Connection, rng: random.Random, today: date) -> None:
        self._connection = connection
        self._rng = rng
        self._today = today
        self._describes = {describe["name"]: describe for describe in describes()}
        self._records: dict[str, Record] = {}
        self._of: dict[str, list[Record]] = {name: [] for name in self._describes}

    def build(self) -> None:
        """Makes all objects and stores them."""
        for make in (
            self._users,
            self._accounts,
            self._contacts,
            self._leads,
            self._campaigns,
            self._campaign_members,
            self._products,
            self._opportunities,
            self._contact_roles,
            self._cases,
            self._tasks,
            self._events,
            self._renewals,
        ):
            make()
        for name, records in self._of.items():
            self._store(name, records)
        cases = len(self._of["Case"])
        self._connection.execute("INSERT INTO _sequence VALUES ('Case.CaseNumber', ?)", (1000 + cases,))

    def _users(self) -> None:
        manager = record_id("005", 1)
        for first, last, title, department in _USERS:
            email = f"{first}.{last}@narrowgauge.example".lower()
            self._add(
                "User",
                age_days=900,
                FirstName=first,
                LastName=last,
                Title=title,
                Department=department,
                CompanyName="Narrowgauge Supply",
                Email=email,
                Username=email,
                Alias=(first[0] + last)[:8].lower(),
                IsActive=True,
                ManagerId=None if title.startswith("VP") else manager,
            )

    def _accounts(self) -> None:
        for number, company in enumerate(companies(), start=1):
            self._add(
                "Account",
                age_days=self._rng.randint(200, 880),
                Name=company.name,
                Type=self._pick("Account", "Type", weights=(2, 6, 3, 1, 1, 1, 1)),
                Industry=company.industry,
                BillingStreet=f"{self._rng.randint(1, 240)} Station Road",
                BillingCity=company.city,
                BillingCountry=company.country,
                Phone=self._phone(),
                Website=f"https://www.{company.domain}",
                AnnualRevenue=float(self._rng.randrange(1, 500) * 100_000),
                NumberOfEmployees=self._rng.randint(5, 4000),
                Ownership=self._pick("Account", "Ownership"),
                Rating=self._pick("Account", "Rating"),
                AccountSource=self._pick("Account", "AccountSource"),
                AccountNumber=f"ACC-{number:05d}",
                Customer_Number__c=customer_number(number),
                OwnerId=self._sales(),
            )

    def _contacts(self) -> None:
        accounts = {account["Name"]: account for account in self._of["Account"]}
        for person in people():
            account = accounts[person.company.name]
            self._add(
                "Contact",
                age_days=self._rng.randint(30, 800),
                FirstName=person.first_name,
                LastName=person.last_name,
                AccountId=account["Id"],
                Title=person.title,
                Email=person.email,
                Phone=self._phone(),
                MobilePhone=self._phone(),
                MailingCity=person.company.city,
                MailingCountry=person.company.country,
                LeadSource=self._pick("Contact", "LeadSource"),
                OwnerId=account["OwnerId"],
            )

    def _leads(self) -> None:
        for index, (person, company) in enumerate(
            zip(people()[1::3], _shuffled(self._rng, companies()), strict=False)
        ):
            domain = f"{person.last_name.lower()}-trading.example"
            self._add(
                "Lead",
                age_days=self._rng.randint(0, 180),
                FirstName=person.last_name if index % 7 == 0 else person.first_name,
                LastName=self._rng.choice(people()).last_name,
                Company=f"{person.last_name} Trading",
                Title=person.title,
                Email=f"{person.first_name.lower()}@{domain}",
                Phone=self._phone(),
                City=company.city,
                Country=company.country,
                Industry=company.industry,
                LeadSource=self._pick("Lead", "LeadSource"),
                Status=self._pick("Lead", "Status", weights=(5, 4, 1, 2)),
                Rating=self._pick("Lead", "Rating"),
                NumberOfEmployees=self._rng.randint(1, 600),
                OwnerId=self._sales(),
            )

    def _campaigns(self) -> None:
        for index, (name, kind) in enumerate(_CAMPAIGNS):
            start = self._today + timedelta(days=index * 60 - 360)
            status = "Completed" if start < self._today - timedelta(days=45) else "In Progress"
            if start > self._today:
                status = "Planned"
            self._add(
                "Campaign",
                age_days=max(1, (self._today - start).days + 30),
                Name=name,
                Type=kind,
                Status=status,
                StartDate=start.isoformat(),
                EndDate=(start + timedelta(days=30)).isoformat(),
                BudgetedCost=float(self._rng.randrange(20, 400) * 100),
                ActualCost=float(self._rng.randrange(20, 400) * 100) if status == "Completed" else None,
                ExpectedRevenue=float(self._rng.randrange(50, 900) * 1000),
                NumberSent=float(self._rng.randint(100, 5000)),
                IsActive=status == "In Progress",
                OwnerId=self._of["User"][7]["Id"],
            )

    def _campaign_members(self) -> None:
        for lead in self._of["Lead"][::2]:
            self._add(
                "CampaignMember",
                age_days=self._rng.randint(1, 90),
                CampaignId=self._any("Campaign"),
                LeadId=lead["Id"],
                Status=self._pick("CampaignMember", "Status"),
            )
        for contact in self._of["Contact"][::3]:
            self._add(
                "CampaignMember",
                age_days=self._rng.randint(1, 90),
                CampaignId=self._any("Campaign"),
                ContactId=contact["Id"],
                Status=self._pick("CampaignMember", "Status"),
            )

    def _products(self) -> None:
        for index, (name, family) in enumerate(_PRODUCTS, start=1):
            self._add(
                "Product2",
                age_days=600,
                Name=name,
                ProductCode=f"P-{index:03d}",
                StockKeepingUnit=f"NG-{index:04d}",
                Family=family,
                IsActive=index != 7,
                QuantityUnitOfMeasure="Hour" if family == "Services" else "Each",
            )

    def _opportunities(self) -> None:
        for account in self._of["Account"]:
            for _ in range(self._rng.choice((0, 1, 2, 2, 3))):
                closes = self._today + timedelta(days=self._rng.randint(-400, 150))
                past = closes < self._today
                product = self._rng.choice(_PRODUCTS)[0]
                age = max(2, (self._today - closes).days + self._rng.randint(20, 120))
                self._add(
                    "Opportunity",
                    age_days=age,
                    Name=f"{account['Name']} - {product}",
                    AccountId=account["Id"],
                    StageName=self._rng.choice(("Closed Won", "Closed Won", "Closed Lost"))
                    if past
                    else self._pick("Opportunity", "StageName", weights=(3, 3, 2, 2, 2, 2, 3, 3, 0, 0)),
                    Amount=float(self._rng.randrange(10, 1500) * 100),
                    CloseDate=closes.isoformat(),
                    Type=self._pick("Opportunity", "Type"),
                    LeadSource=self._pick("Opportunity", "LeadSource"),
                    CampaignId=self._any("Campaign") if self._rng.random() < 0.3 else None,
                    IsPrivate=False,
                    OwnerId=account["OwnerId"],
                )

    def _contact_roles(self) -> None:
        contacts: dict[str, list[str]] = {}
        for contact in self._of["Contact"]:
            contacts.setdefault(contact["AccountId"], []).append(contact["Id"])
        for opportunity in self._of["Opportunity"]:
            self._add(
                "OpportunityContactRole",
                age_days=self._rng.randint(1, 60),
                OpportunityId=opportunity["Id"],
                ContactId=self._rng.choice(contacts[opportunity["AccountId"]]),
                Role=self._pick("OpportunityContactRole", "Role"),
                IsPrimary=True,
            )

    def _cases(self) -> None:
        for number in range(1, 181):
            contact = self._rng.choice(self._of["Contact"])
            age = self._rng.randint(0, 240)
            status = "Closed" if age > 45 else self._pick("Case", "Status", weights=(4, 4, 1, 4))
            case = self._add(
                "Case",
                age_days=age,
                CaseNumber=f"{1000 + number:08d}",
                AccountId=contact["AccountId"],
                ContactId=contact["Id"],
                Subject=self._rng.choice(_CASE_SUBJECTS),
                Status=status,
                Priority=self._pick("Case", "Priority", weights=(2, 5, 3)),
                Origin=self._pick("Case", "Origin"),
                Type=self._pick("Case", "Type"),
                Reason=self._pick("Case", "Reason"),
                IsEscalated=status == "Escalated",
                OwnerId=self._of["User"][self._rng.choice((4, 5, 6))]["Id"],
            )
            if status == "Closed":
                closed = self._moment(max(0, age - self._rng.randint(1, 20)))
                case["ClosedDate"] = max(closed, case["CreatedDate"])

    def _tasks(self) -> None:
        for _ in range(160):
            contact = self._rng.choice(self._of["Contact"])
            due = self._today + timedelta(days=self._rng.randint(-60, 40))
            late = due < self._today
            self._add(
                "Task",
                age_days=max(0, (self._today - due).days) + self._rng.randint(1, 20),
                Subject=self._rng.choice(_TASK_SUBJECTS),
                ActivityDate=due.isoformat(),
                Status="Completed"
                if late and self._rng.random() < 0.8
                else self._rng.choice(("Not Started", "Not Started", "In Progress", "Deferred")),
                Priority=self._pick("Task", "Priority", weights=(2, 6, 1)),
                WhoId=contact["Id"],
                WhatId=self._rng.choice((contact["AccountId"], None)),
                OwnerId=contact["OwnerId"],
            )

    def _events(self) -> None:
        for _ in range(60):
            contact = self._rng.choice(self._of["Contact"])
            day = self._today + timedelta(days=self._rng.randint(-30, 30))
            start = datetime(day.year, day.month, day.day, self._rng.randint(8, 17), tzinfo=UTC)
            self._add(
                "Event",
                age_days=40,
                Subject=self._rng.choice(_EVENT_SUBJECTS),
                Location=self._rng.choice(("Online", "Customer site", "Office")),
                StartDateTime=format_time(start),
                DurationInMinutes=self._rng.choice((30, 60, 90)),
                ShowAs="Busy",
                WhoId=contact["Id"],
                WhatId=contact["AccountId"],
                OwnerId=contact["OwnerId"],
            )

    def _renewals(self) -> None:
        modules = [value["value"] for value in self._field("Renewal__c", "Modules__c")["picklistValues"]]
        for number, account in enumerate(self._of["Account"][::2], start=1):
            due = self._today + timedelta(days=self._rng.randint(-60, 300))
            chosen = self._rng.sample(modules, self._rng.randint(1, 3))
            self._add(
                "Renewal__c",
                age_days=300,
                Name=f"{account['Name']} {due.year}",
                Account__c=account["Id"],
                External_Id__c=f"R-{2000 + number}",
                Amount__c=float(self._rng.randrange(10, 400) * 100),
                Renewal_Date__c=due.isoformat(),
                Status__c=self._rng.choice(("Renewed", "Lapsed"))
                if due < self._today
                else self._rng.choice(("Upcoming", "Upcoming", "In Negotiation")),
                Modules__c=";".join(module for module in modules if module in chosen),
                Auto_Renew__c=self._rng.random() < 0.5,
                Discount__c=float(self._rng.choice((0, 5, 10, 15))),
                OwnerId=account["OwnerId"],
            )

    def _add(self, name: str, *, age_days: int, **values: Any) -> Record:
        describe = self._describes[name]
        record: Record = {
            field["name"]: field["defaultValue"] for field in describe["fields"] if field["type"] != "address"
        }
        record |= values
        created = self._moment(age_days)
        first_user = record_id("005", 1)
        record |= {
            "Id": record_id(describe["keyPrefix"], len(self._of[name]) + 1),
            "IsDeleted": False,
            "CreatedDate": created,
            "LastModifiedDate": created,
            "SystemModstamp": created,
            "CreatedById": first_user,
            "LastModifiedById": first_user,
        }
        now = datetime.strptime(created, "%Y-%m-%dT%H:%M:%S.%f%z")
        derive(name, record, values.keys(), now, self._records.get)
        self._records[record["Id"]] = record
        self._of[name].append(record)
        return record

    def _store(self, name: str, records: Sequence[Record]) -> None:
        describe = self._describes[name]
        columns = [field["name"] for field in describe["fields"] if field["type"] != "address"]
        names = ", ".join(f'"{column}"' for column in columns)
        marks = ", ".join("?" * len(columns))
        self._connection.executemany(
            f'INSERT INTO "{name}" ({names}) VALUES ({marks})',
            ([record.get(column) for column in columns] for record in records),
        )
        self._connection.execute("INSERT INTO _sequence VALUES (?, ?)", (name, len(records)))

    def _field(self, name: str, field: str) -> dict[str, Any]:
        return next(entry for entry in self._describes[name]["fields"] if entry["name"] == field)

    def _pick(self, name: str, field: str, weights: Sequence[int] | None = None) -> str:
        values = [entry["value"] for entry in self._field(name, field)["picklistValues"]]
        return str(self._rng.choices(values, weights)[0])

    def _any(self, name: str) -> str:
        return str(self._rng.choice(self._of[name])["Id"])

    def _sales(self) -> str:
        return str(self._of["User"][self._rng.choice((1, 2, 3))]["Id"])

    def _phone(self) -> str:
        return f"+1 555 {self._rng.randint(0, 9999):04d}"

    def _moment(self, age_days: int) -> str:
        day = self._today - timedelta(days=age_days)
        minute = self._rng.randint(0, 9 * 60)
        return format_time(datetime(day.year, day.month, day.day, 8, tzinfo=UTC) + timedelta(minutes=minute))


def customer_number(number: int) -> str:
    """Returns the external id of an account: the warehouse's number of the customer, from 1."""
    return f"C-{1000 + number}"


def _shuffled(rng: random.Random, values: Sequence[Any]) -> list[Any]:
    return rng.sample(list(values), len(values))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m narrowgauge.demo.organisation PATH")
    build_organisation(Path(sys.argv[1]))
