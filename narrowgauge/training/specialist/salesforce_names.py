"""Made-up names of people and companies that fill the slots of hand-written requests."""

from __future__ import annotations

__all__ = ["COMPANIES", "FIRST_NAMES", "LAST_NAMES"]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines() if line.strip())


def _items(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.replace("\n", " ").split(",") if item.strip())


FIRST_NAMES = _items(
    """
    Abel, Ada, Adrian, Agnes, Ahmed, Alba, Aleksander, Alina, Alma, Amina, Anders, Angela, Anika, Anton,
    Arjun, Arthur, Astrid, Barbara, Basil, Bea, Benedict, Bettina, Birgit, Bo, Brenda, Bridget, Callum,
    Carla, Carmen, Caspar, Cecilia, Chiara, Chloe, Christoph, Ciara, Colin, Connor, Dagmar, Dana, Dario,
    Deborah, Deepa, Denise, Derek, Dolores, Dorothea, Dylan, Ed, Eleanor, Elif, Elisa, Emre, Enzo,
    Erica, Esra, Eva, Ewan, Fabian, Faith, Fernando, Filip, Florian, Frank, Freya, Frida, Gemma, Georg,
    Gerard, Gianna, Giulia, Greta, Gustav, Gwen, Hamza, Hannes, Harriet, Heidi, Helga, Hiro, Holly,
    Howard, Ian, Ilse, Imani, Irene, Isabel, Ismail, Jacob, Jan, Janice, Jared, Jelena, Jerome, Jo,
    Jolene, Jorge, Josefine, Judith, Julian, Kamil, Karen, Kaspar, Kathleen, Keira, Kerstin, Khalid,
    Klaus, Konrad, Krista, Kwame, Lara, Leila, Lennart, Leonor, Lewis, Lily, Linus, Lorenzo, Louise,
    Luca, Ludwig, Lukas, Lydia, Malik, Manuela, Marek, Margot, Marius, Martin, Matilda, Matthias,
    Maureen, Max, Meera, Miriam, Moritz, Nadine, Nathan, Nell, Nikhil, Nils, Noor, Odette, Olga, Otto,
    Owen, Pablo, Patricia, Paul, Pia, Pierre, Quentin, Ralf, Ramona, Rasmus, Rebecca, Renata, Rhys,
    Rita, Robin, Roman, Rosalind, Rupert, Sabine, Sally, Salma, Sandra, Saskia, Sean, Selma, Sergio,
    Shreya, Sigrid, Silvia, Simon, Solveig, Sonja, Stella, Sunita, Svenja, Tamara, Tessa, Theo, Tilda,
    Tobias, Tove, Ulrich, Ursula, Vera, Viktor, Vivian, Wanda, Wendy, Wolfgang, Xavier, Yasmin, Yusuf,
    Zainab, Zelda
    """
)
LAST_NAMES = _items(
    """
    Achterberg, Adler, Aguilar, Albrecht, Almeida, Alvarez, Amato, Anand, Archer, Armstrong, Arnold,
    Aydin, Baird, Banerjee, Barnes, Bartos, Batista, Baumann, Beaumont, Bergström, Bishop, Blake, Bosch,
    Boyle, Bradshaw, Braun, Brennan, Brooks, Burke, Calloway, Campbell, Cardoso, Castellanos, Chadwick,
    Christensen, Coleman, Correia, Crawford, Cruz, Dalton, Davenport, de Boer, de Wit, Delgado, Demir,
    Donnelly, Doyle, Drake, Duarte, Duval, Eder, Egan, Ekström, Ellis, Engel, Esposito, Falk, Faure,
    Ferrari, Figueroa, Finch, Forsyth, Franke, Fraser, Fuchs, Gallagher, Gallo, Garrett, Gibson,
    Giordano, Goldberg, Graf, Greco, Gustafsson, Haas, Hakimi, Halvorsen, Hartley, Hayward, Heikkinen,
    Herrera, Hidalgo, Hill, Holm, Horvath, Huber, Hussain, Ito, Jacobs, Jain, Janssen, Joshi, Jovanovic,
    Kang, Karlsson, Kessler, Kimura, Koch, Koenig, Kruger, Kumar, Lambert, Lang, Larsson, Lehmann,
    Lemaire, Leroy, Lindqvist, Lombardi, Lowe, Lund, MacDonald, Maier, Malone, Marchetti, Marsh, Mazur,
    McAllister, McKenna, Medina, Menon, Molina, Montoya, Moretti, Mueller, Munro, Nair, Navarro,
    Neumann, Nowak, O'Brien, O'Leary, Oduya, Osei, Özdemir, Pacheco, Palmieri, Papadopoulos, Parker,
    Pascual, Peña, Perez, Pfeiffer, Pohl, Popescu, Porter, Prescott, Quist, Raman, Rasmussen, Reyes,
    Richter, Rinaldi, Robertson, Rojas, Romano, Rossetti, Roth, Rowe, Saito, Salazar, Sandberg, Sauer,
    Schaefer, Schneider, Schulz, Seidel, Serrano, Sharma, Sheikh, Simmons, Soto, Stein, Stewart, Strand,
    Sullivan, Sundberg, Takahashi, Tanner, Thompson, Tran, Ueda, Ulrich, Valdez, van Dijk, van den Berg,
    Vasquez, Vaughan, Vieira, Wagner, Walker, Watanabe, Weaver, Whitfield, Wiese, Winkler, Wolff, Wood,
    Yilmaz, Zamora, Zeller, Ziegler, Zimmermann
    """
)
COMPANIES = _lines(
    """
    Alpenglow Outfitters
    Aldous Mechanical
    Ambergate Foods
    Anchor & Vine
    Antelope Freight
    Apex Dental Group
    Arbor Lane Schools
    Argent Wealth
    Arlo Bikes
    Ashdown Paper Mills
    Aspen Ridge Clinics
    Atria Labs
    Auberon Hotels
    Axiom Tooling
    Azure Coast Marine
    Baltis Electronics
    Bancroft Legal
    Barley & Rye Bakeries
    Basalt Mining
    Beechwood Care Homes
    Belfry Media
    Berg Maschinenbau GmbH
    Bernina Textil AG
    Bittersweet Chocolates
    Blackthorn Security
    Blauwater Logistics BV
    Blue Kettle
    Bolt & Nut Supply Co
    Boreal Data Centers
    Bramley Orchards
    Brightside Solar
    Brindle Coffee Roasters
    Broadleaf Insurance
    Cable & Loom
    Calico Fabrics
    Camber Automotive
    Canyon Creek Spa
    Cascade Water Systems
    Castor Shipping
    Cavendish Printers
    Celandine Pharma
    Chalk Farm Studios
    Cherrytree Kindergartens
    Cirrus Aviation Services
    Citadel Locksmiths
    Clover Dairy
    Coastline Realty
    Comet Courier
    Concordia Hospital
    Copper Kettle Catering
    Corvus Analytics
    Crescent Moon Tea
    Crossfield Farms
    Dalby Windows
    Danube Cruises
    Deepwell Drilling
    Delphi Optics
    Domino Packaging
    Drakestone
    Dunmore Distillery
    Eastbrook University
    Edelweiss Reisen
    Eider Insulation
    Elmwood Furniture
    Emberton Steel
    Eskdale Wool
    Everline Fitness
    Fabrik Nord
    Fairfax Plumbing
    Farrow Gardens
    Fennel & Sage
    Fernhill Vets
    Finchley Books
    Firefly Toys
    Flint & Feather
    Foxglove Cosmetics
    Frostline Refrigeration
    Galleon Games
    Gantry Cranes Ltd
    Geneva Timepieces
    Gladstone Press
    Globex
    Goldfinch Jewellery
    Granary Mills
    Greenfield Energy
    Grove Street Pharmacy
    Gullwing Motors
    Halden Robotics
    Harper & Dunn
    Harvest Table
    Haverford Bank
    Hawthorn Nurseries
    Hazel Grove Hospice
    Hexagon Tiles
    Highgate Partners
    Hollow Oak Cider
    Hudson Lane Interiors
    Hydra Pumps
    Icefield Fisheries
    Initech
    Inland Rail Freight
    Ironwood Gym
    Isla Verde Resort
    Ivyhouse Press
    Jasper Stone Works
    Jetstream Couriers
    Juno Biotech
    Kaldi Coffee
    Kapital & Sohn
    Karst Hydro
    Kelp Forest Foods
    Kingsley Tailors
    Kite & Anchor
    Klarwasser GmbH
    La Rochelle Traiteur
    Lagoon Pools
    Lakehouse Software
    Lattice Networks
    Lavender Hill Laundry
    Leafcutter Packaging
    Limestone Cowork
    Lindt & Kaiser Bau
    Longacre Estates
    Lotus Wellness
    Lumiere Cinemas
    Mackerel Sky Films
    Maple Street Dental
    Marigold Florists
    Mason Dixon Plumbing
    Meadowlark Farms
    Mercato Centrale
    Merlin Scaffolding
    Midas Foundry
    Millstone Brewery
    Mint Leaf Hotels
    Monarch Lifts
    Moonstone Jewellers
    Mulberry Schools Trust
    Nautilus Diving
    Nimbus9
    Nordwind Energie
    North Quay Seafood
    Nutmeg Bakers
    Oakham Builders
    Oceanic Pearl
    Olive Branch Mediation
    Onyx Data
    Orbital Freight
    Osprey Outdoors
    Oxbow Consulting
    Palisade Insurance
    Paper Crane Studio
    Peregrine Travel
    Pepper & Lime
    Pinnacle Roofing
    Plover Tech
    Poppyfield Childcare
    Prism Optical
    Quantum Leap Learning
    Quayside Hotels
    Raven Rock Mining
    Redbrick Architects
    Rivet & Weld
    Rosewood Instruments
    Saltmarsh Foods
    Sandpiper Ferries
    Sapphire Dental Labs
    Seabright Cannery
    Sentinel Alarms
    Silverlake Clinics
    Skylark Drones
    Solis Solar
    Sparrow & Finch
    Spindle Textiles
    Stanza Publishing
    Starboard Marine
    Stonebridge Capital
    Sunday Bakery
    Swift River Logistics
    Tailwind Cycles
    Tamarack Lumber
    Tern Coastal Ferries
    Thistle & Thorn
    Timberline Homes
    Topaz Pharma
    Trellis Software
    Trident Plumbing
    Tundra Cold Storage
    Umbrella Events
    Union Square Bakers
    Valley Forge Metals
    Vantage Point Security
    Verdant Landscapes
    Vertex Machining
    Vintner & Sons
    Wandle Brewery
    Waverley Trust
    Westlake Motors
    White Heron Spa
    Whitestone Quarry
    Wickford Yachts
    Willow Bend Clinic
    Windrose Airlines
    Wren Kitchens
    Yarrow Herbs
    Zenith Glass
    Zinnia Events
    """
)
