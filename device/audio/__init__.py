"""Sound in and out: sound cards, files, the simulated room, formats."""
