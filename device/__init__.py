"""Wren on the device: engines, the two buses, and the daemons that run them."""
