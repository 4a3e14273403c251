"""Engines that turn microphone samples into facts. No bus, no I/O."""
