"""Secrets and personal data are taken out of an event here."""
