"""Nouns on the wire: one module per topic, and what a stage is."""
