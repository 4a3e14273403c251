"""Network interfaces: every remote client is one more session."""
