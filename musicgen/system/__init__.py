"""Where things lie, and files that survive a kill."""
