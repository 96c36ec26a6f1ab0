"""One module per language of text stacks."""
