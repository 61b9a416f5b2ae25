"""What a change of templates does, and what is wrong with it."""
