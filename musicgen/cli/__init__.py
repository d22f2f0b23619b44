"""The command line: the frame of every command, and the displays in a terminal."""
