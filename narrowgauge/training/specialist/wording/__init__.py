"""Requests as people word them, written by hand, one template a line; `salesforce_templates` reads them."""
