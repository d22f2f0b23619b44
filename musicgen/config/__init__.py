"""The configuration: its keys, how it is composed, kept and compared."""
