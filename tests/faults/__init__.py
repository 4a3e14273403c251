"""Daemons, brokers and files that die or lie."""
