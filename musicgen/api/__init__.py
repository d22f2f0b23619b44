"""Python's door: what `from musicgen import ...` gives. `musicgen/__init__.py` lists it."""
