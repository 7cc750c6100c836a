"""Short texts that fill the slots of hand-written requests: subjects, notes, titles and products."""

from __future__ import annotations

__all__ = ["DEALS", "DEPARTMENTS", "NEXT_STEPS", "NOTES", "PRODUCTS", "SUBJECTS", "TITLES"]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines() if line.strip())


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
    rollout 2027
    Phase 3
    Depot 14
    annual plan 2028
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
    Hand Cart 450
    Label Printer 12
    Rack System 2000
    Crate 60
    Sensor Pack 24
    """
)
