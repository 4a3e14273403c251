"""The two buses between the daemons: audio rings and typed events."""
