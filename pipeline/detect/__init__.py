"""Windows become rolling values and signals; pure."""
