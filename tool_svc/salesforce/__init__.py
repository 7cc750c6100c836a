"""The Salesforce tool: typed calls over the REST API."""
