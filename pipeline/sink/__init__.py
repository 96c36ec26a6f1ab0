"""What the next insert is, and what is missing after a crash; pure."""
