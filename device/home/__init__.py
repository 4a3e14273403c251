"""The house: discovery, registry and tools."""
