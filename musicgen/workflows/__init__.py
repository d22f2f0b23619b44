"""The work of the commands, without a terminal."""
