"""A Salesforce organisation on loopback: the REST subset that the tool uses, over one SQLite file."""
