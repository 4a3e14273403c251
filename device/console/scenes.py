"""The three ways to run a whole Wren from the command line: `run`, `simulate` and `demo`."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import soundfile
from rich.console import Console
from rich.table import Table

from device import dialog
from device import settings as settings_module
from device.console import latency
from device.console.timeline import Turn, read, turns
from device.console.view import ConversationView
from device.events import SceneEnded
from device.faults import Fault
from device.services.cast import EMBEDDED, load_cast
from device.services.stage import DEMO_HOUSE, Stage, check_models
from device.services.thinkers import model_of
from device.settings import Settings

# spoken with flite's voices: the demonstration must not hear its own
DEMO_REQUESTS = tuple(sorted((Path(__file__).parent / "requests").glob("*.flac")))
AGENT_REQUESTS = tuple(sorted((Path(__file__).parent / "requests" / "agents").glob("*.flac")))
AGENT_SETTINGS = Path(dialog.__file__).parent / "samples" / "wren.toml"


def run(
    console: Console,
    settings: Settings,
    *,
    broker: str | None,
    house: Path | None,
    timeline: Path | None,
    config: Path | None,
) -> None:
    """Runs on this machine's sound card until interrupted; without a broker, with a simulated house."""
    check_models(language_model=_thinks_here(settings))
    if broker is None and _answers(settings.home.broker):
        broker = settings.home.broker
    if broker is None:
        console.print(f"no broker at {settings.home.broker}: starting a private one with a simulated house")
        house = house or DEMO_HOUSE
    stage = Stage(
        environment=_environment(config),
        timeline=timeline,
        broker=broker,
        house=house,
        watch=ConversationView(console).show,
        notice=console.print,
    )
    with stage:
        console.print("[bold]listening[/]: say “Alexa, turn on the kitchen light”; Ctrl-C ends")
        while True:
            stage.step()


def simulate(
    console: Console,
    settings: Settings,
    *,
    mic: Sequence[Path],
    over: Sequence[Path] = (),
    room_settings: Mapping[str, Any],
    timeline: Path | None,
    broker: str | None,
    house: Path | None,
    config: Path | None,
) -> None:
    """Runs the real daemons with files as microphone until the conversation is idle. Raises Fault."""
    spoken = {"mic": [str(path.resolve()) for path in mic], "over": [str(path.resolve()) for path in over]}
    for path in [
        *spoken["mic"],
        *spoken["over"],
        *(str(room_settings[name]) for name in ("noise", "rir") if name in room_settings),
    ]:
        check_sound(Path(path))
    check_models(language_model=_thinks_here(settings))
    stage = Stage(
        environment=_environment(config) | simulator_environment({**spoken, **room_settings}),
        timeline=timeline,
        broker=broker,
        house=house or (DEMO_HOUSE if broker is None else None),
        watch=ConversationView(console).show,
        notice=console.print,
    )
    with stage:
        play_through(stage)


def demo(console: Console, folder: Path, *, agents: bool = False) -> None:
    """The demonstration: a few requests, what became of them, and where the time went.

    With `agents` two agents of the samples speak, the second one after a hand-over.
    """
    folder.mkdir(parents=True, exist_ok=True)
    timeline = folder / "timeline.jsonl"
    requests, config = (AGENT_REQUESTS, AGENT_SETTINGS) if agents else (DEMO_REQUESTS, None)
    simulate(
        console,
        settings_module.load(config) if config else Settings(),
        mic=requests,
        room_settings={"speaker": str((folder / "reply.wav").resolve()), "gap_s": 1.0, "until_idle_s": 2.0},
        timeline=timeline,
        broker=None,
        house=None,
        config=config,
    )
    done = turns(read([timeline]))
    latency.draw(done, folder / "timeline.svg")
    console.print()
    console.print(_outcomes(done))
    latency.print_table(done, console)
    for name, what in (
        ("reply.wav", "what the loudspeaker played"),
        ("timeline.jsonl", "every event"),
        ("timeline.svg", "the same as a picture"),
    ):
        console.print(f"{folder / name}: {what}")
    unanswered = [turn for turn in done if not turn.heard]
    if len(done) < len(requests) or unanswered:
        raise Fault(
            f"{len(done) - len(unanswered)} of {len(requests)} requests were answered",
            f"look into {timeline}, and run `wren doctor`",
        )


def simulator_environment(fields: Mapping[str, Any]) -> dict[str, str]:
    """Settings of the simulated room as environment variables."""
    return {"WREN_AUDIO__BACKEND": "simulator"} | {
        f"WREN_SIMULATOR__{name.upper()}": value
        if isinstance(value, str)
        else msgspec.json.encode(value).decode()
        for name, value in fields.items()
    }


def play_through(stage: Stage) -> None:
    """Steps until all files were played and it is idle again. Raises Fault when a daemon cannot go on."""
    ended = False
    while not ended:
        for event in stage.step():
            ended |= isinstance(event, SceneEnded)


def check_sound(path: Path) -> None:
    """Raises Fault when a sound file is missing, empty or in no format that can be read."""
    if not path.exists():
        raise Fault(f"{path} does not exist", "name a sound file (WAV, FLAC, OGG or MP3)", permanent=True)
    try:
        frames = soundfile.info(path).frames
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise Fault(f"{path} is not a sound file that can be read", "convert it to WAV or FLAC") from error
    if frames == 0:
        raise Fault(f"{path} holds no sound", "record it again")


def _thinks_here(settings: Settings) -> bool:
    """Whether anybody thinks with the embedded model. Raises Fault when the agents' file is unusable."""
    models = {model_of(settings.reason, agent.model) for agent in load_cast(settings).agents.values()}
    return settings.reason.model and EMBEDDED in models


def _environment(config: Path | None) -> dict[str, str]:
    return {"WREN_CONFIG": str(config.resolve())} if config is not None else {}


def _answers(broker: str) -> bool:
    parts = urlsplit(broker)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 1883), timeout=0.5).close()
    except OSError:
        return False
    return True


def _outcomes(done: list[Turn]) -> Table:
    table = Table(title="What happened", title_justify="left")
    for column in ("wake", "heard", "understood", "house", "answer", "mouth-to-ear"):
        table.add_column(column, overflow="fold")
    for turn in done:
        wake = f"{turn.wake[0]} {turn.wake[1]:.2f}" if turn.wake else ""
        confirmed = f"{sum(turn.ok)} of {len(turn.ok)} confirmed" if turn.ok else ""
        audible = f"{turn.mouth_to_ear_ms} ms" if turn.mouth_to_ear_ms is not None else ""
        understood = ", ".join(turn.calls) or turn.route or turn.cancelled
        table.add_row(wake, turn.text, understood, confirmed, turn.heard, audible)
    return table
