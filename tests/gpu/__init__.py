"""What only a machine with a GPU can prove: `make gpu`. Nothing here is collected elsewhere."""
