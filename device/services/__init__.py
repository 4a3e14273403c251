"""One thin file per daemon, and the laptop supervisor."""
