"""HTTP requests become messages and a reply; pure."""
