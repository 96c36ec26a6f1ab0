"""The owner of a service and type decides which group an unknown fingerprint belongs to; pure."""
