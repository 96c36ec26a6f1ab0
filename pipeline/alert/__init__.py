"""Rolling values and signals become alerts and notifications; pure."""
