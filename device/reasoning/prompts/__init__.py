"""What the language model reads before a request, a file per language."""
