"""The test suite: unit, pipeline (real daemons in the simulated room), faults, bench."""
