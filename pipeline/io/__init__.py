"""The shell: the only code that touches the world, apart from the store."""
