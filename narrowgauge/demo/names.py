"""Names that the demo systems share: the warehouse's customers are the organisation's accounts."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache

__all__ = ["Company", "Person", "companies", "people"]

# Every company is made up. Name | city | country | industry.
_COMPANIES = """
Acme Industrial Supply|Chicago|United States|Manufacturing
Alder & Finch|London|United Kingdom|Retail
Amberline Logistics|Rotterdam|Netherlands|Transportation
Andina Foods|Bogota|Colombia|Food & Beverage
Arctic Harbor Seafood|Bergen|Norway|Food & Beverage
Ashgrove Clinics|Dublin|Ireland|Healthcare
Asterion Robotics|Munich|Germany|Manufacturing
Atlas Freight|Hamburg|Germany|Transportation
Aurora Health Partners|Minneapolis|United States|Healthcare
Baltic Timber|Riga|Latvia|Construction
Banyan Textiles|Mumbai|India|Manufacturing
Bayside Hotels|San Francisco|United States|Hospitality
Beacon Hill Books|Boston|United States|Retail
Bellweather Insurance|Hartford|United States|Insurance
Birchwood Furniture|Stockholm|Sweden|Retail
Blue Heron Media|Toronto|Canada|Media
Bluestone Energy|Houston|United States|Energy
Bramble & Co|Edinburgh|United Kingdom|Food & Beverage
Brightwater Utilities|Manchester|United Kingdom|Energy
Cadenza Audio|Vienna|Austria|Electronics
Calder Steelworks|Sheffield|United Kingdom|Manufacturing
Canopy Software|Seattle|United States|Technology
Cardinal Pharmacies|St. Louis|United States|Healthcare
Casa Verde Gardens|Valencia|Spain|Retail
Cedar Point Schools|Portland|United States|Education
Cinder Block Builders|Denver|United States|Construction
Clearwater Labs|Zurich|Switzerland|Biotechnology
Cobalt Networks|Singapore|Singapore|Technology
Copperfield Bank|London|United Kingdom|Finance
Coral Bay Resorts|Miami|United States|Hospitality
Cresta Alpine|Innsbruck|Austria|Retail
Crown Lane Bakery|Leeds|United Kingdom|Food & Beverage
Cygnus Aerospace|Toulouse|France|Manufacturing
Daylight Solar|Phoenix|United States|Energy
Delta Marine|Antwerp|Belgium|Transportation
Dovetail Joinery|Bristol|United Kingdom|Construction
Driftwood Cafe Group|Vancouver|Canada|Hospitality
Eastgate Motors|Stuttgart|Germany|Automotive
Echo Valley Farms|Des Moines|United States|Agriculture
Ember & Oak|Austin|United States|Hospitality
Emerald City Media|Seattle|United States|Media
Estrella Cosmetics|Madrid|Spain|Retail
Evergreen Outdoor|Calgary|Canada|Retail
Fairmount Legal|Philadelphia|United States|Professional Services
Falcon Ridge Security|Dallas|United States|Professional Services
Fjord Shipping|Oslo|Norway|Transportation
Flint Hills Grain|Kansas City|United States|Agriculture
Forge & Anvil Tools|Birmingham|United Kingdom|Manufacturing
Garnet Jewellers|Antwerp|Belgium|Retail
Glacier Water|Reykjavik|Iceland|Food & Beverage
Golden Gate Fitness|San Francisco|United States|Healthcare
Granite Peak Mining|Salt Lake City|United States|Mining
Green Lantern Printing|Milan|Italy|Media
Gulfstream Fisheries|Tampa|United States|Food & Beverage
Halcyon Travel|Lisbon|Portugal|Hospitality
Hanseatic Trading|Lubeck|Germany|Wholesale
Harborview Hospital|Baltimore|United States|Healthcare
Hearth & Home|Copenhagen|Denmark|Retail
Helios Optics|Jena|Germany|Electronics
Highland Distillers|Inverness|United Kingdom|Food & Beverage
Horizon Telecom|Paris|France|Telecommunications
Iberia Ceramics|Porto|Portugal|Manufacturing
Indigo Paper|Lyon|France|Manufacturing
Inkwell Stationers|Oxford|United Kingdom|Retail
Ironbridge Engineering|Newcastle|United Kingdom|Construction
Ivory Coast Cocoa|Abidjan|Ivory Coast|Agriculture
Jade Garden Imports|Hong Kong|Hong Kong|Wholesale
Juniper Analytics|Berlin|Germany|Technology
Kestrel Drones|Eindhoven|Netherlands|Electronics
Keystone Plumbing|Pittsburgh|United States|Construction
Kingfisher Nurseries|Cambridge|United Kingdom|Agriculture
Kyoto Instruments|Kyoto|Japan|Electronics
Lakeside Dairy|Milwaukee|United States|Food & Beverage
Lantern Theatre Company|Prague|Czech Republic|Media
Larkspur Events|Brussels|Belgium|Professional Services
Laurel Canyon Records|Los Angeles|United States|Media
Lighthouse Credit Union|Halifax|Canada|Finance
Linden University|Heidelberg|Germany|Education
Lone Star Equipment|San Antonio|United States|Wholesale
Lumen Lighting|Eindhoven|Netherlands|Electronics
Magnolia Homes|Atlanta|United States|Construction
Maple Leaf Packaging|Montreal|Canada|Manufacturing
Marlin Sports|Sydney|Australia|Retail
Mariposa Coffee|Mexico City|Mexico|Food & Beverage
Meridian Capital|New York|United States|Finance
Midland Rail Services|Derby|United Kingdom|Transportation
Mistral Wind|Marseille|France|Energy
Monsoon Tea|Chennai|India|Food & Beverage
Mosaic Interiors|Barcelona|Spain|Retail
Nimbus Cloud Hosting|Dublin|Ireland|Technology
Nordlys Design|Aarhus|Denmark|Professional Services
Northwind Traders|Seattle|United States|Wholesale
Oakridge Veterinary|Nashville|United States|Healthcare
Obsidian Games|Warsaw|Poland|Technology
Old Mill Brewing|Ghent|Belgium|Food & Beverage
Orchard Lane Organics|Auckland|New Zealand|Agriculture
Orion Semiconductors|Taipei|Taiwan|Electronics
Pampas Leather|Buenos Aires|Argentina|Manufacturing
Pelican Cargo|New Orleans|United States|Transportation
Pinecrest Academy|Charlotte|United States|Education
Polaris Navigation|Helsinki|Finland|Electronics
Prairie Wind Cooperative|Omaha|United States|Energy
Quarry Stone Masons|Bath|United Kingdom|Construction
Quicksilver Couriers|New York|United States|Transportation
Red Kite Aviation|Cardiff|United Kingdom|Transportation
Redwood Dental|Sacramento|United States|Healthcare
Rheinland Chemicals|Cologne|Germany|Manufacturing
Riverbend Publishing|Budapest|Hungary|Media
Saffron Kitchens|Birmingham|United Kingdom|Hospitality
Sable Fashion|Milan|Italy|Retail
Sequoia Advisors|San Jose|United States|Professional Services
Silver Birch Care|Gothenburg|Sweden|Healthcare
Southern Cross Wines|Adelaide|Australia|Food & Beverage
Summit Cycles|Boulder|United States|Retail
Tamarind Spice|Colombo|Sri Lanka|Wholesale
Thornton & Webb|Leeds|United Kingdom|Professional Services
Tidewater Boats|Annapolis|United States|Manufacturing
Umbra Cameras|Osaka|Japan|Electronics
Vela Biosciences|Basel|Switzerland|Biotechnology
Windmill Toys|Utrecht|Netherlands|Retail
Yellow Door Realty|Cape Town|South Africa|Real Estate
Zephyr Airlines|Athens|Greece|Transportation
"""

_FIRST = """
Aisha Alan Alice Amara Amir Andrea Anna Antonio Beatriz Ben Bianca Bruno Camille Carlos Chen Clara Daniel
Darius David Diana Dmitri Elena Eliza Emil Emma Erik Esther Farid Fatima Felix Fiona Francesca Gabriel
George Grace Hana Hannah Henrik Hugo Ines Ingrid Isaac Ivan Jack James Jana Jasmine Joao Johanna Jonas
Julia Kai Karim Katarina Kenji Lars Laura Lea Leo Liam Lin Lucia Magnus Marco Maria Marta Mateo Maya Mei
Michael Mila Mohammed Nadia Naomi Niamh Nicolas Nina Noah Nora Oliver Olivia Omar Oscar Paula Peter Petra
Priya Rachel Rafael Rania Ravi Rosa Ruth Samir Sanjay Sara Sofia Stefan Susan Tariq Thomas Tom Uma
Valentina Victor Wei Yara Yuki Zoe
"""

_LAST = """
Abbott Adeyemi Ahmed Andersson Bailey Baker Barros Bauer Becker Bennett Bianchi Brandt Carter Castillo
Chandra Chang Clarke Conti Cooper Costa Dahl Davies Diaz Dubois Edwards Eriksen Evans Farrell Fernandez
Fischer Fleming Fontaine Foster Garcia Gomez Grant Green Gupta Haddad Hansen Harris Hayes Hoffmann Hughes
Ibrahim Ivanova Jansen Jensen Johansson Kapoor Kaya Keller Kelly Khan Kim Klein Kovacs Kowalski Larsen
Lee Lopez Marino Martin Mehta Mendes Meyer Mitchell Moreau Morgan Murphy Nakamura Nguyen Nielsen Novak
Okafor Olsen Ortega Palmer Park Patel Pereira Petrov Quinn Rahman Ramos Reid Rossi Roy Russo Sanchez
Santos Sato Schmidt Silva Singh Stone Suzuki Svensson Tanaka Taylor Torres Turner Varga Vogel Walsh Weber
White Wilson Wright Yamamoto Young Zhang
"""

_TITLES = (
    "Accounts Payable Manager",
    "Chief Executive Officer",
    "Chief Financial Officer",
    "Director of Operations",
    "Facilities Manager",
    "Head of Procurement",
    "IT Manager",
    "Office Manager",
    "Purchasing Agent",
    "VP of Supply Chain",
)


@dataclass(frozen=True)
class Company:
    """A made-up company.

    Attributes:
        name: Its name, unique.
        city: Where it sits.
        country: The country's English name.
        industry: One of about twenty industries.
    """

    name: str
    city: str
    country: str
    industry: str

    @property
    def domain(self) -> str:
        """The company's mail domain, for example `acme-industrial-supply.example`."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-") + ".example"


@dataclass(frozen=True)
class Person:
    """A made-up contact of a company.

    Attributes:
        first_name: First name.
        last_name: Last name; the pair is unique.
        title: Job title.
        company: Where the person works.
    """

    first_name: str
    last_name: str
    title: str
    company: Company

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def email(self) -> str:
        """Mail address at the company's domain."""
        return f"{self.first_name}.{self.last_name}@{self.company.domain}".lower()


@cache
def companies() -> tuple[Company, ...]:
    """Returns the companies, the same ones in the same order on every call."""
    return tuple(Company(*line.split("|")) for line in _COMPANIES.split("\n") if line)


@cache
def people() -> tuple[Person, ...]:
    """Returns two contacts for each company, in the companies' order; the same ones on every call."""
    names = [(first, last) for first in _FIRST.split() for last in _LAST.split()]
    chosen = random.Random(7).sample(names, 2 * len(companies()))
    title = random.Random(8)
    return tuple(
        Person(first, last, title.choice(_TITLES), companies()[index // 2])
        for index, (first, last) in enumerate(chosen)
    )
