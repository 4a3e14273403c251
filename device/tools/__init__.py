"""What Wren does beyond the house: timers, sums and units, remembered facts, tools of the settings file."""
