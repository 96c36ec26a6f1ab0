"""One parameterised query per panel."""
