"""`python -m models`: the same as `wren models`, for the machine set-up."""

from models.cli import app

app(prog_name="python -m models")
