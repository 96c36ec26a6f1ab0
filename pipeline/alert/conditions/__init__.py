"""One module per condition of a rule."""
