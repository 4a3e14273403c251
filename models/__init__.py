"""Which models Wren can run, where they come from, and the copies on this machine."""
