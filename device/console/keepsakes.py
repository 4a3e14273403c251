"""`wren memory` and `wren timers`: what Wren remembers and what it will ring for, from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table

from device import settings as settings_module
from device.faults import Fault
from device.settings import Settings
from device.tools import say
from device.tools.memory import Memory
from device.tools.store import Store
from device.tools.timers import Book


def list_memory(settings: Settings, console: Console) -> None:
    """Every fact with its number, the oldest first."""
    facts = Memory(settings_module.state_dir(settings)).facts()
    for number, fact in enumerate(facts, 1):
        console.print(f"{number:>3}  {fact}", markup=False)
    if not facts:
        console.print("Wren has not been asked to remember anything")


def forget(settings: Settings, which: Sequence[str], everything: bool, console: Console) -> None:
    """Erases facts, named by number or by their very text. Raises Fault for one that is not there."""
    memory = Memory(settings_module.state_dir(settings))
    facts = memory.facts()
    if everything:
        memory.clear()
        console.print(f"{len(facts)} forgotten")
        return
    if not which:
        raise Fault("nothing is named", "name facts by number (see `wren memory list`), or give --all")
    chosen = []
    for text in which:
        if text.isdecimal() and 1 <= int(text) <= len(facts):
            chosen.append(facts[int(text) - 1])
        elif text in facts:
            chosen.append(text)
        else:
            raise Fault(f"there is no {text}", "`wren memory list` shows the numbers")
    for fact in chosen:
        memory.forget(fact)
        console.print(f"forgotten: {fact}", markup=False)


def list_timers(settings: Settings, console: Console) -> None:
    """Every timer, alarm and reminder that is kept."""
    book = Store(settings_module.state_dir(settings) / "timers.json", Book()).load()
    if not book.timers:
        console.print("no timers, alarms or reminders")
        return
    table = Table()
    for column in ("id", "kind", "name", "rings"):
        table.add_column(column)
    for timer in book.timers:
        due = datetime.fromtimestamp(timer.due_s)
        paused = timer.paused_s is not None
        rings = f"paused, {say.duration(timer.paused_s or 0)} left" if paused else f"{due:%Y-%m-%d %H:%M:%S}"
        table.add_row(timer.id, timer.kind, timer.name, rings)
    console.print(table)
