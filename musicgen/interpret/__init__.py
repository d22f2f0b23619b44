"""Hidden units explained: what each one follows in a tune, and pictures of it."""
