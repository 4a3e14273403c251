"""What people see of a run: the live view, latency tables and pictures, the machine check."""
