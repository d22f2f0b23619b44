"""A package that is not ours: one of each component, and nothing of it stands in musicgen."""
