"""Evaluation: formats, gold calls and metrics; `docs/eval.md` describes them. No service is imported here."""
