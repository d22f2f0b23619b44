"""The frame of every command, and what is shown in a terminal."""
