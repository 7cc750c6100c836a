"""Requests that look like a CRM's and that no Salesforce call serves: the answer is a refusal.

They ask for what other systems hold, for what the interface cannot do, for objects that the organisation does
not have, for a change of a record without saying which one by its id, or for something else altogether.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from narrowgauge.demo.names import companies, people
from narrowgauge.training.specialist.noise import roughen
from narrowgauge.training.specialist.organisation_objects import object_ideas
from narrowgauge.training.specialist.refusals import unrelated_requests
from narrowgauge.training.specialist.sql_schema import plural

__all__ = ["refused_requests"]

# What the interface of records cannot do, whatever the data.
_BEYOND = (
    "email {person} the quote for {company}",
    "send {company} a reminder by e-mail",
    "send an email to all contacts at {company}",
    "text {person} that we are running late",
    "call {person} for me",
    "merge the duplicate accounts of {company}",
    "merge contact {person} into the other one",
    "convert the lead {person} into an opportunity",
    "attach the signed contract to the {company} account",
    "upload this PDF to the {company} deal",
    "export all {things} to Excel",
    "download a csv of our {things}",
    "import these {things} from a spreadsheet",
    "build a dashboard of the {things}",
    "make a report on {things} and schedule it every Monday",
    "run the pipeline report",
    "create a new field on {things} for the tax number",
    "add a picklist value to the status of {things}",
    "make {field} mandatory on {things}",
    "change the page layout of {things}",
    "reset the password of {person}",
    "give {person} access to the {things}",
    "log in as {person}",
    "create a user for {person}",
    "undo my last change to {company}",
    "restore the account {company} that I deleted yesterday",
    "empty the recycle bin",
    "write a trigger that closes old {things}",
    "set up a workflow that warns me about late {things}",
    "delete all {things}",
    "delete every one of our {things} older than two years",
    "close all open {things} at once",
    "reassign all {things} of {person} to me",
    "mass update the {field} of all {things}",
    "share the {company} account with the support team",
    "follow {company} on chatter",
    "post in chatter that {company} signed",
    "translate the description of the {company} account",
    "summarize what happened with {company}",
    "predict which {things} we will win",
    "score the {things} by how likely they are to buy",
    "draft a reply to the case of {company}",
    "print labels for the {things} in {place}",
    "which {things} should I work on first",
)
# What this organisation has no object for; `{absent}` are objects of other ones, so that it is the catalogue
# that refuses them and not their names.
_ABSENT = (
    "list the invoices of {company}",
    "how many orders did {company} place",
    "what is the stock level of {product}",
    "show the shipments to {place}",
    "what's the salary of {person}",
    "open quote Q-{number}",
    "add a new {absent_one} for {company}",
    "create an order for {company}",
    "show the {absent} of {company}",
    "when does the {absent_one} of {company} end",
    "which {absent} does {company} have",
    "add {product} to the price book",
    "what does {product} cost in the price book",
    "list the knowledge articles about {topic}",
    "publish a knowledge article on {topic}",
    "create a solution for {topic}",
    "show the entitlements of {company}",
    "list the {absent} in {place}",
    "what did {company} pay last month",
    "show the payments of {company}",
    "how much revenue did we book in {place}",
    "which warehouse holds {product}",
    "list the {absent} for {company}",
    "show the survey answers of {company}",
    "how many visits did our website have",
    "what is {company}'s credit limit",
    "what's the tax number of {company}?",
    "what is the bank account of {company}",
    "{company}: VAT number?",
    "what's the share price of {company}",
    "who is the landlord of {company}?",
    "what's {person}'s shoe size?",
    "where did {person} go to school",
    "which car does {person} drive?",
    "how many parking spaces does {company} have",
    "opening hours of {company}?",
    "what's the discount code of {company}",
    "how much did {person} earn last year",
    "{person}: passport number",
    "when does {person}'s holiday start?",
    "list the delivery notes for {company}",
    "which machines stand at {company}?",
    "how many trucks are on their way to {place}",
    "room bookings in {place}",
    "employees at {company}: salary and start date",
    "how many days off does {person} have left",
    "track the parcel for {company}",
    "book an expense for the lunch with {company}",
    "list the suppliers in {place}",
)
# A change or a deletion needs the id of a record, and only the request or its row can have it.
_WITHOUT_ID = (
    "change the phone of {company} to {phone}",
    "update {company}: phone {phone}",
    "set the industry of {company} to Energy",
    "rename {company} to {other}",
    "move the {company} deal to Closed Won",
    "mark the {company} opportunity as lost",
    "push the close date of the {company} deal to the end of June",
    "set the amount of the {company} deal to {number}000",
    "close the case of {company}",
    "escalate the ticket that {person} opened",
    "set the priority of the {company} case to High",
    "delete {company}",
    "delete the contact {person}",
    "remove the lead {person}",
    "get rid of the {company} opportunity",
    "mark my task about {topic} as completed",
    "update {person}'s title to CTO",
    "change {person}'s email to {mail}",
    "qualify the lead {person}",
    "assign the {company} account to {person}",
    "clear the description of {company}",
    "update it",
    "delete it",
    "close that case",
    "change the status to Closed",
    "set it to high priority",
    "remove that one",
)
_THINGS = (
    "leads",
    "accounts",
    "contacts",
    "opportunities",
    "cases",
    "tasks",
    "campaigns",
    "deals",
    "tickets",
)
_FIELDS = ("status", "phone", "industry", "owner", "priority", "rating", "close date")
_PLACES = ("Spain", "Berlin", "Texas", "Lyon", "Japan", "the north", "Milan", "Canada", "Oslo")
_PRODUCTS = ("the standing desk", "the desk lamp", "Route Planner", "bubble wrap", "the barcode scanner")
_TOPICS = ("late deliveries", "the login problem", "refunds", "invoices", "the API timeout", "onboarding")
# Words that name what the organisation has, so that no object called so is absent.
_KNOWN = frozenset(
    (
        *("account", "contact", "lead", "case", "task", "event", "campaign", "product", "user", "renewal"),
        *("request", "ticket", "meeting", "subscription", "policy", "visit", "job", "bid", "key", "survey"),
    )
)
_POLITE = ("", "", "", "", "please ", "can you ", "could you ", "I need you to ", "pls ", "hi, ")
_CRM = ("", "", "", "", "", " in Salesforce", " in the CRM", " in salesforce please")
# How often requests of each sort are drawn; unrelated ones are few, since the router keeps most of them away.
_SORTS = ((_BEYOND, 4.0), (_ABSENT, 3.0), (_WITHOUT_ID, 3.0), ((), 2.0))


def refused_requests(*, seed: int) -> Iterator[str]:
    """Yields requests without end; the same seed gives the same requests."""
    rng = random.Random(seed)
    firms = [company.name for company in companies()]
    persons = [person.name for person in people()]
    labels = [idea.label.lower() for idea in object_ideas()]
    absent = [label for label in labels if not _KNOWN & set(label.split())]
    unrelated = unrelated_requests(rng, ())
    while True:
        templates = rng.choices([sort for sort, _ in _SORTS], [weight for _, weight in _SORTS])[0]
        if not templates:
            yield roughen(rng.choice(unrelated), rng)
            continue
        company, person = rng.choice(firms), rng.choice(persons)
        one = rng.choice(absent)
        said = rng.choice(templates).format(
            absent_one=one,
            absent=plural(one),
            company=company,
            other=rng.choice(firms),
            person=person,
            things=rng.choice(_THINGS),
            field=rng.choice(_FIELDS),
            place=rng.choice(_PLACES),
            product=rng.choice(_PRODUCTS),
            topic=rng.choice(_TOPICS),
            number=rng.randint(11, 980),
            phone=f"+{rng.randint(10, 60)} {rng.randint(100, 999)} {rng.randint(1000, 9999)}",
            mail=f"{re.sub('[^a-z]', '', person.split()[-1].lower())}@example.com",
        )
        yield roughen(f"{rng.choice(_POLITE)}{said}{rng.choice(_CRM)}", rng)
