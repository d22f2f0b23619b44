"""Hidden units explained: scores of what each unit follows in a tune, and pictures."""
