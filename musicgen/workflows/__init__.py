"""The work behind the commands; knows no terminal."""
