"""The Python interface: the names that `from musicgen import ...` gives, as
`musicgen/__init__.py` lists them."""
