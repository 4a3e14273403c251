"""Real daemons together."""
