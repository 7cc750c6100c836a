"""Cities, streets and meeting places that fill the slots of hand-written requests."""

from __future__ import annotations

__all__ = ["CITIES", "LOCATIONS", "STREETS"]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines() if line.strip())


# City | country; said in English.
CITIES = tuple(
    (city, country)
    for line in _lines(
        """
        Germany: Berlin, Munich, Hamburg, Cologne, Leipzig, Stuttgart, Bremen, Dresden
        Austria: Vienna, Graz, Linz, Salzburg
        Switzerland: Zurich, Basel, Geneva, Bern
        France: Paris, Lyon, Nantes, Lille, Bordeaux, Strasbourg
        Spain: Madrid, Seville, Bilbao, Valencia, Zaragoza, Malaga
        Portugal: Lisbon, Porto, Braga
        Italy: Rome, Turin, Bologna, Naples, Verona
        Netherlands: Amsterdam, Rotterdam, Utrecht, Eindhoven
        Belgium: Antwerp, Ghent, Brussels
        Denmark: Copenhagen, Odense, Aarhus
        Sweden: Stockholm, Malmo, Uppsala
        Norway: Oslo, Trondheim, Stavanger
        Finland: Helsinki, Tampere, Turku
        Poland: Warsaw, Krakow, Gdansk, Poznan
        Czech Republic: Prague, Brno
        Hungary: Budapest, Szeged
        Greece: Athens, Patras
        Ireland: Dublin, Cork, Galway
        United Kingdom: London, Leeds, Bristol, Glasgow, Cardiff, Sheffield, Norwich, York
        United States: Boston, Denver, Austin, Chicago, Atlanta, Seattle, Tucson, Nashville, Raleigh, Omaha
        Canada: Toronto, Ottawa, Halifax, Calgary, Winnipeg
        Mexico: Monterrey, Puebla, Merida
        Brazil: Recife, Curitiba, Salvador
        Chile: Santiago, Valparaiso
        Argentina: Rosario, Cordoba
        South Africa: Durban, Cape Town
        Kenya: Nairobi, Mombasa
        Morocco: Rabat, Fez
        Turkey: Izmir, Ankara, Bursa
        India: Pune, Chennai, Jaipur, Kochi
        Japan: Osaka, Nagoya, Sapporo, Kobe
        South Korea: Busan, Daegu
        Vietnam: Hanoi, Da Nang
        Australia: Perth, Hobart, Brisbane, Geelong
        New Zealand: Wellington, Dunedin
        """
    )
    for country, _, cities in (line.partition(": "),)
    for city in cities.split(", ")
)
STREETS = _lines(
    """
    12 Mill Lane
    48 Harbour Road
    7 Rue des Lilas
    Hauptstrasse 19
    221 Cedar Avenue
    90 Kings Road
    Calle Mayor 5
    33 Station Street
    1600 Industrial Parkway
    4 Abbey Close
    Via Garibaldi 62
    17 Dockside
    805 Elm Street
    Lindenweg 3
    56 Canal Walk
    2 Castle Square
    140 Prospect Avenue
    Bahnhofstrasse 101
    29 Orchard Drive
    Unit 6, Westgate Park
    """
)
LOCATIONS = _lines(
    """
    Online
    Zoom
    Teams
    our office
    Head office
    Room 4
    Conference room B
    their office
    Customer site
    Hotel Meridian
    the cafe next door
    Hall 7, booth 12
    Warehouse 2
    Main lobby
    """
)
