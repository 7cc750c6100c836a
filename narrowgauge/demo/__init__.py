"""Seeded demo systems: a company warehouse and a CRM organisation."""
