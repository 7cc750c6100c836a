"""Made-up names, places and short texts that fill the slots of hand-written requests."""

from __future__ import annotations

__all__ = [
    "CITIES",
    "COMPANIES",
    "DEALS",
    "DEPARTMENTS",
    "FIRST_NAMES",
    "LAST_NAMES",
    "LOCATIONS",
    "NEXT_STEPS",
    "NOTES",
    "PRODUCTS",
    "STREETS",
    "SUBJECTS",
    "TITLES",
]


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
SUBJECTS = _lines(
    """
    Login fails after update
    login fails after update
    printer jams on long labels
    Printer keeps jamming
    broken pallet jack
    Wrong item delivered
    wrong items in the box
    missing invoice for February
    Missing invoice
    double charge on the card
    Double charge in January
    late delivery
    Late delivery again
    shipment never arrived
    Two pallets missing
    pallets missing from order
    damaged packaging
    Damaged on arrival
    cannot reset password
    Password reset loop
    portal is down
    Portal times out
    export to CSV is empty
    CSV export broken
    API returns 500
    API timeout on large orders
    Scanner does not pair
    scanner battery dies fast
    screen flickers
    Screen stays black
    noise from the conveyor
    Conveyor belt stuck
    firmware update failed
    Firmware rollback needed
    warranty question
    Warranty claim
    refund request
    Refund not received
    return label please
    Return label missing
    wrong billing address
    Billing address change
    VAT number is wrong
    vat missing on invoice
    quote expired
    Quote for 40 desks
    price list 2026
    Price increase complaint
    contract renewal questions
    Contract cancellation
    cancel subscription
    Subscription downgrade
    upgrade to premium
    Upgrade request
    onboarding help
    Onboarding session missed
    training for new staff
    Training materials
    data import stuck
    Data import with duplicates
    duplicate contacts
    Merge of duplicate accounts
    user locked out
    Locked account
    two factor codes not arriving
    2FA device lost
    slow dashboard
    Dashboard shows old numbers
    report is wrong
    Report totals do not match
    email notifications stopped
    Notifications sent twice
    app crashes on start
    Crash when saving an order
    license key invalid
    License count exceeded
    cold room alarm
    Alarm goes off at night
    leaking valve
    Leak at pump 3
    overheating motor
    Motor overheats
    spare part needed
    Spare parts order
    installation appointment
    Installation postponed
    technician did not show up
    Technician visit
    rude driver
    Complaint about the driver
    thank you note
    Feedback on the new site
    payment failed
    Payment reminder received twice
    overdue invoice
    Overdue payment
    credit note missing
    Credit note for returned goods
    customs papers
    Customs delay in Rotterdam
    address label unreadable
    Labels printed upside down
    barcode not recognised
    Barcode mismatch
    desk lamp flickers
    Standing desk wobbles
    missing screws
    Missing manual
    wrong colour
    Wrong size delivered
    bulk order discount
    Discount code rejected
    delivery window change
    Change of delivery address
    site survey
    Site visit
    GDPR data request
    Data deletion request
    security questionnaire
    Security review
    single sign-on setup
    SSO stopped working
    webhook not firing
    Webhook duplicates
    stock levels off
    Stock count mismatch
    route planner freezes
    Route planner ignores tolls
    map does not load
    Map pins misplaced
    no confirmation mail
    Confirmation mail in wrong language
    gift wrapping forgotten
    Gift card not accepted
    power supply defective
    Power cut at the site
    cable too short
    Cable missing
    broken seal
    Broken glass in delivery
    tyre pressure sensor
    Forklift inspection
    quarterly check-in
    Kickoff feedback
    account access for auditor
    Audit documents
    time zone wrong
    Calendar sync broken
    phone line dead
    Callback requested
    supplier form
    Supplier onboarding form
    """
)
NOTES = _lines(
    """
    called twice, no answer
    prefers email over phone
    met at the fair in Lisbon
    wants a discount for 3 years
    asked for a callback after lunch
    waiting for legal
    budget is approved
    decision maker is on leave
    two pallets were missing
    will send photos tomorrow
    moved to a new office
    very happy with the support
    needs the quote in euros
    competitor offered less
    only reachable in the mornings
    speaks French and English
    wants to start small
    pilot went well
    said they are short of staff
    renewal depends on the new CFO
    no interest before summer
    left a voicemail
    needs a second user
    customer sent the serial number
    driver refused to wait
    wants references from the same industry
    contract is with procurement
    asked about on-site training
    the old scanner still works
    replacement was shipped
    bounced emails, check the address
    introduced by a partner
    do not call before ten
    they pay by purchase order
    invoice goes to the head office
    asked for the security papers
    demo with the warehouse team
    wants monthly billing
    merger is announced
    key user leaves at the end of the month
    """
)
NEXT_STEPS = _lines(
    """
    send the proposal
    call the CFO
    book a demo
    Send contract
    wait for budget approval
    Follow up by phone
    on-site workshop
    collect references
    legal review
    Get signature
    negotiate payment terms
    second demo
    pricing call
    Send revised quote
    meet procurement
    security questionnaire
    """
)
TITLES = _lines(
    """
    CEO
    CFO
    CTO
    COO
    Head of Procurement
    Head of IT
    Head of Sales
    Purchasing Manager
    Purchasing Agent
    Office Manager
    Facilities Manager
    Operations Director
    Director of Operations
    Plant Manager
    Warehouse Lead
    Warehouse Manager
    IT Director
    IT Administrator
    VP of Supply Chain
    VP Marketing
    Marketing Manager
    Account Manager
    Accountant
    Controller
    Buyer
    Managing Director
    Owner
    Executive Assistant
    Quality Manager
    HR Manager
    Sales Director
    Project Manager
    Chief Procurement Officer
    Logistics Coordinator
    Store Manager
    """
)
DEPARTMENTS = _lines(
    """
    Finance
    Purchasing
    Procurement
    IT
    Operations
    Marketing
    Sales
    Legal
    Engineering
    Logistics
    HR
    Quality
    Facilities
    Customer Service
    Accounting
    Research
    Production
    """
)
DEALS = _lines(
    """
    renewal
    Renewal 2026
    expansion
    Expansion
    pilot
    Pilot
    rollout
    Warehouse rollout
    upgrade
    Support plan
    new business
    scanners
    label printers
    Fleet order
    training package
    phase 2
    Phase 2
    storage racks
    annual contract
    starter kit
    """
)
PRODUCTS = _lines(
    """
    Folding Cart
    Thermal Printer X2
    Safety Gloves
    Dock Scheduler
    Fleet Tracker
    Shelf Labels
    Heavy Duty Shelf
    Cold Chain Sensor
    Hand Scanner Pro
    Pallet Wrap
    Loading Ramp
    Yard Planner
    Premium Support
    Setup Service
    Data Migration
    Cable Kit
    LED Strip
    Stacking Box
    Warehouse Radio
    Invoice Add-on
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
