"""`wren doctor`: checks the machine and says what to do about each fault."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from device import settings as settings_module
from device.bus.client import HubClient
from device.bus.paths import events_socket, microphone_ring
from device.bus.ring import RingReader
from device.events import AudioState
from device.faults import Fault
from device.home.registry import House
from device.reasoning import thinker
from device.services.cast import load_cast
from device.services.thinkers import open_thinker
from device.settings import Settings
from models.catalog import ROLES
from models.errors import ModelError
from models.store import Store

FREE_BYTES = 500_000_000
MEMORY_BYTES = 3_500_000_000
ENDPOINT_S = 30.0
RETAINED_S = 0.5  # within which a hub gives what it retains
EARLIEST_CLOCK_S = 1_760_000_000  # October 2025: a clock before this was never set
OPTIONAL_ROLES = ("turn", "second_pass")

Verdict = Literal["ok", "hint", "fault"]


class Finding(NamedTuple):
    """One check: what was found, and what to do unless it is fine."""

    verdict: Verdict
    what: str
    found: str
    remedy: str = ""


def report(settings: Settings, console: Console, *, echo: bool = False) -> bool:
    """Prints all findings, with `echo` those about the sound card's; false when one of them is a fault."""
    checks = (_echo,) if echo else CHECKS
    findings = [finding for check in checks for finding in check(settings)]
    table = Table(title="wren doctor", title_justify="left")
    for column in ("", "check", "found", "what to do"):
        table.add_column(column, overflow="fold")
    signs = {"ok": "[green]ok[/]", "hint": "[yellow]hint[/]", "fault": "[red]fault[/]"}
    for finding in findings:
        table.add_row(signs[finding.verdict], finding.what, escape(finding.found), escape(finding.remedy))
    console.print(table)
    return all(finding.verdict != "fault" for finding in findings)


def _processor(_settings: Settings) -> Iterator[Finding]:
    cores = os.cpu_count() or 1
    kind = platform.machine()
    known = kind in ("x86_64", "aarch64")
    yield Finding(
        "ok" if known else "fault",
        "processor",
        f"{cores} cores, {kind}",
        "" if known else "use a 64-bit x86 or ARM",
    )
    governors = {
        path.read_text().strip()
        for path in Path("/sys/devices/system/cpu").glob("cpu*/cpufreq/scaling_governor")
    }
    if governors & {"powersave"}:
        yield Finding(
            "hint", "governor", "powersave", "answers come sooner with: cpupower frequency-set -g schedutil"
        )


def _memory(settings: Settings) -> Iterator[Finding]:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    enough = total > MEMORY_BYTES or not settings.reason.model
    yield Finding(
        "ok" if enough else "hint",
        "memory",
        f"{total / 1e9:.1f} GB",
        "" if enough else "choose a smaller language model (`wren models list`) or set reason.model=false",
    )


def _disk(_settings: Settings) -> Iterator[Finding]:
    folder = settings_module.cache_dir()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    enough = free > FREE_BYTES
    yield Finding(
        "ok" if enough else "fault",
        "disk",
        f"{free / 1e9:.1f} GB free at {folder}",
        "" if enough else "free some space; `wren models prune` removes unused models",
    )


def _clock(_settings: Settings) -> Iterator[Finding]:
    now = time.time()
    is_set = now > EARLIEST_CLOCK_S
    yield Finding(
        "ok" if is_set else "fault",
        "clock",
        time.strftime("%Y-%m-%d %H:%M", time.localtime(now)),
        "" if is_set else "set it: timedatectl set-ntp true, or date --set",
    )


def _models(settings: Settings) -> Iterator[Finding]:
    store = Store()
    optional = (*OPTIONAL_ROLES, "llm") if settings.reason.endpoint else OPTIONAL_ROLES
    for role in ROLES:
        try:
            model = store.active(role)
        except ModelError as error:
            yield Finding(
                "hint" if role in optional else "fault", f"model: {role}", error.cause, error.next_step
            )
        else:
            yield Finding("ok", f"model: {role}", model.name)


def _endpoint(settings: Settings) -> Iterator[Finding]:
    """Asks the chat endpoint something short, where there is one."""
    if not settings.reason.endpoint:
        return
    deadline = time.monotonic() + ENDPOINT_S
    try:
        model, name = open_thinker(settings.reason)
        with closing(model):
            model.set_house(House(), lambda: time.monotonic() > deadline)
    except thinker.ModelError as error:
        yield Finding("fault", "chat endpoint", error.cause, error.next_step)
    except thinker.Cancelled:
        found = f"no answer within {ENDPOINT_S:g} s"
        yield Finding("fault", "chat endpoint", found, "see the log of that server, or take a smaller model")
    else:
        yield Finding("ok", "chat endpoint", name)


def _sound(settings: Settings) -> Iterator[Finding]:
    from device.audio.portaudio import list_devices

    devices = list_devices()
    for direction, wanted in (
        ("input", settings.audio.input_device),
        ("output", settings.audio.output_device),
    ):
        names = [device.name for device in devices if getattr(device, f"{direction}_channels") > 0]
        fitting = [name for name in names if wanted.lower() in name.lower()]
        if fitting:
            yield Finding("ok", f"sound {direction}", fitting[0])
        elif names:
            remedy = f"set audio.{direction}_device to part of one of: {', '.join(names)}"
            yield Finding("fault", f"sound {direction}", f"none is called “{wanted}”", remedy)
        else:
            yield Finding("hint", f"sound {direction}", "none", "plug one in, or use `wren simulate`")


def _broker(settings: Settings) -> Iterator[Finding]:
    url = settings.home.broker
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 1883), timeout=1).close()
    except (OSError, ValueError) as error:
        remedy = "start Mosquitto or set home.broker; without one `wren run` starts its own"
        yield Finding("hint", "MQTT broker", f"{url}: {error}", remedy)
    else:
        yield Finding("ok", "MQTT broker", url)
    if shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin") is None:
        yield Finding(
            "hint", "Mosquitto", "not installed", "`make setup` installs it; the demonstration needs it"
        )


def _agents(settings: Settings) -> Iterator[Finding]:
    if not settings.reason.agents:
        return
    try:
        names = [agent.name for agent in load_cast(settings).agents.values()]
    except Fault as fault:
        yield Finding("fault", "agents", fault.message, fault.hint)
    else:
        yield Finding("ok", "agents", ", ".join(names))


def _running(settings: Settings) -> Iterator[Finding]:
    bus = HubClient(events_socket(settings_module.runtime_dir(settings)))
    bus.wait(0)
    yield Finding("ok", "running", "yes" if bus.connected else "no")
    until_s = time.monotonic() + RETAINED_S
    states: list[AudioState] = []
    while bus.connected and not states and (left_s := until_s - time.monotonic()) > 0:
        bus.wait(left_s)
        states = [event for event in bus.poll() if isinstance(event, AudioState)]
    for state in states[-1:]:
        yield from _of_sound(state, records=_records(settings))
    bus.close()


def _records(settings: Settings) -> bool:
    """Whether the audio daemon lives: the hub retains the state of a dead one too."""
    ring = RingReader(microphone_ring(settings_module.runtime_dir(settings)))
    ring.wait(0)  # attaches
    is_written = ring.wait(RETAINED_S)
    ring.close()
    return is_written


def _of_sound(state: AudioState, *, records: bool) -> Iterator[Finding]:
    """What the audio daemon says of itself."""
    if not (state.input and state.output):
        missing = "loudspeaker" if state.input else "microphone"
        yield Finding("fault", "in use", f"no {missing}", "plug it in; Wren takes it up by itself")
        return
    if not records:
        remedy = "see `journalctl -u wren-audio`; it is started again by itself"
        yield Finding("fault", "in use", "nothing: the audio daemon has died", remedy)
        return
    yield Finding("ok", "in use", f"{state.input}; {state.output}{', muted' if state.muted else ''}")
    yield Finding("ok", "xruns", f"{state.xruns} since audio started")
    facts = [
        f"{state.echo} cancellation" if state.echo in ("software", "hardware") else state.echo,
        None if state.echo_delay_ms is None else f"{state.echo_delay_ms} ms late",
        None if state.erle_db is None else f"{state.erle_db:.0f} dB quieter (ERLE)",
        None if state.drift_ppm is None else f"clocks {state.drift_ppm} ppm apart",
    ]
    yield Finding("ok", "echo", ", ".join(fact for fact in facts if fact))


def _echo(settings: Settings) -> Iterator[Finding]:
    from device.console import echo_check

    try:
        found = echo_check.check(settings)
    except Fault as fault:
        yield Finding("fault", "echo", fault.message, fault.hint)
        return
    yield Finding("ok", "room", f"noise {found.noise_db:.0f} dBFS, echo {found.echo_db:.0f} dBFS")
    if found.clipped:
        yield Finding("hint", "level", "the microphone is overdriven", "lower audio.volume or the input gain")
    if found.delay_ms is not None:
        yield Finding("ok", "delay", f"{found.delay_ms} ms from loudspeaker to microphone")
    if found.erle_db is not None:
        text = f"{found.erle_db:.0f} dB quieter by software (ERLE), {found.residual_db:.0f} dBFS are left"
        yield Finding("ok", "cancelled", text)
    if found.reference is not None:
        text = "carries what is played" if found.reference else "does not carry what is played"
        yield Finding("ok", "reference", f"input channel {settings.audio.reference_channel} {text}")
    right = settings.audio.echo == found.mode
    yield Finding(
        "ok" if right else "hint",
        "audio.echo",
        settings.audio.echo,
        "" if right else f"set audio.echo to {found.mode}: {found.reason}",
    )


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _processor,
    _memory,
    _disk,
    _clock,
    _models,
    _endpoint,
    _sound,
    _broker,
    _agents,
    _running,
)
