"""The configuration: its keys, and how it is composed, stored and compared."""
