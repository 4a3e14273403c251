"""The `wren` command. Every fatal error is one line: what is wrong and what to do next."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from device import settings as settings_module
from device.faults import Fault
from device.settings import SettingsError
from models.cli import app as models_app
from models.errors import ModelError

app = typer.Typer(
    help="Wren, an offline voice appliance.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(models_app, name="models", help="List, fetch, choose and check models.")
memory_app = typer.Typer(help="What Wren was asked to remember.", no_args_is_help=True)
app.add_typer(memory_app, name="memory")
console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

Config = Annotated[Path | None, typer.Option(help="settings file instead of the usual one")]
Broker = Annotated[
    str | None, typer.Option(help="MQTT broker, mqtt://HOST:PORT; without it a private one is started")
]
House = Annotated[Path | None, typer.Option("--home", help="TOML file of simulated devices")]
Timeline = Annotated[
    Path | None, typer.Option(help="write every event of the run here, one JSON object a line")
]


@app.command()
def run(broker: Broker = None, home: House = None, timeline: Timeline = None, config: Config = None) -> None:
    """Run everything on this machine's microphone and loudspeaker, until Ctrl-C."""
    from device.console import scenes

    scenes.run(console, _load(config), broker=broker, house=home, timeline=timeline, config=config)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="where the results go")] = Path("build/demo"),
    agents: Annotated[bool, typer.Option("--agents", help="with two agents and a hand-over")] = False,
) -> None:
    """Play spoken requests into a simulated room and show what happens."""
    from device.console import scenes

    scenes.demo(console, folder, agents=agents)


@app.command()
def simulate(
    mic: Annotated[list[Path], typer.Option(help="what the person says; repeat for several files")],
    over: Annotated[
        list[Path] | None, typer.Option(help="said while Wren speaks, a file for each reply; repeat")
    ] = None,
    over_after: Annotated[float, typer.Option(min=0, help="how long Wren has spoken by then, s")] = 1.0,
    speaker: Annotated[Path | None, typer.Option(help="write what the loudspeaker played")] = None,
    room: Annotated[Path | None, typer.Option(help="write what a person in the room heard")] = None,
    timeline: Timeline = None,
    noise: Annotated[Path | None, typer.Option(help="background sound, looped")] = None,
    noise_db: Annotated[float, typer.Option(help="gain of the background sound")] = 0.0,
    rir: Annotated[Path | None, typer.Option(help="room impulse response, loudspeaker to microphone")] = None,
    echo_delay_ms: Annotated[int, typer.Option(min=0)] = 60,
    echo_db: Annotated[float, typer.Option(max=0)] = -10.0,
    gap: Annotated[float, typer.Option(min=0, help="idle seconds before the next file")] = 1.0,
    until_idle: Annotated[float, typer.Option(min=0.1, help="end after this many idle seconds")] = 5.0,
    broker: Broker = None,
    home: House = None,
    config: Config = None,
) -> None:
    """Run the real daemons in real time with files as microphone."""
    from device.console import scenes

    files = {"noise": noise, "rir": rir}
    scenes.simulate(
        console,
        _load(config),
        mic=mic,
        over=over or (),
        room_settings={name: str(path.resolve()) for name, path in files.items() if path is not None}
        | {"noise_db": noise_db, "echo_delay_ms": echo_delay_ms, "echo_db": echo_db}
        | {"gap_s": gap, "until_idle_s": until_idle, "over_after_s": over_after}
        | {
            name: str(path.resolve())
            for name, path in (("speaker", speaker), ("room", room))
            if path is not None
        },
        timeline=timeline,
        broker=broker,
        house=home,
        config=config,
    )


@app.command("home-sim")
def home_sim(
    home: Annotated[Path, typer.Argument(help="TOML file of devices")],
    broker: Annotated[str, typer.Option(help="MQTT broker")] = "mqtt://127.0.0.1:1883",
) -> None:
    """Pretend to be a house: announce devices over MQTT and behave like them, until Ctrl-C."""
    import signal
    import threading

    from device.home import simulated

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    simulated.run(home, broker, stopping=stop.is_set)


@app.command()
def say(
    text: str,
    output: Annotated[Path | None, typer.Option(help="write a WAV file instead of playing")] = None,
    config: Config = None,
) -> None:
    """Speak a sentence with Wren's voice."""
    from device.console import tools

    tools.say(text, output, _load(config))


@app.command()
def transcribe(files: list[Path], config: Config = None) -> None:
    """Print what is said in sound files."""
    from device.console import tools

    tools.transcribe(files, _load(config), console)


@app.command()
def ask(text: str, config: Config = None) -> None:
    """Send a typed request to the Wren that is running here."""
    from device.console import tools

    tools.ask(text, _load(config), console)


@app.command()
def doctor(
    config: Config = None,
    echo: Annotated[
        bool, typer.Option("--echo", help="play sweeps through the sound card and measure their echo")
    ] = False,
) -> None:
    """Check this machine and say what to do about each fault."""
    from device.console import doctor as checks

    if not checks.report(_load(config), console, echo=echo):
        raise typer.Exit(1)


@app.command()
def latency(
    timelines: list[Path],
    plot: Annotated[Path | None, typer.Option(help="write a picture (.svg, .png)")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of a table")] = False,
) -> None:
    """Print per-stage and mouth-to-ear latencies of recorded timelines."""
    from device.console import latency as report
    from device.console import timeline as reader

    missing = [str(path) for path in timelines if not path.exists()]
    if missing:
        raise Fault(f"no timeline at {', '.join(missing)}", "record one with `wren simulate --timeline`")
    turns = reader.turns(reader.read(timelines))
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report.summary(turns))).decode() + "\n")
    else:
        report.print_table(turns, console)
    report.draw(turns, plot or timelines[0].with_suffix(".svg"))


@app.command()
def settings(
    assignments: Annotated[
        list[str] | None, typer.Argument(help="wake.threshold=0.6 changes the file")
    ] = None,
    config: Config = None,
) -> None:
    """List all settings with their values, or change some."""
    from device.console import settings_page

    if assignments:
        settings_page.change(assignments, config or settings_module.default_path(), console)
    else:
        settings_page.show(_load(config), console)


@memory_app.command("list")
def memory_list(config: Config = None) -> None:
    """Print every remembered fact with its number."""
    from device.console import keepsakes

    keepsakes.list_memory(_load(config), console)


@memory_app.command("forget")
def memory_forget(
    which: Annotated[list[str] | None, typer.Argument(help="numbers of `wren memory list`")] = None,
    everything: Annotated[bool, typer.Option("--all", help="forget everything")] = False,
    config: Config = None,
) -> None:
    """Erase facts from the device."""
    from device.console import keepsakes

    keepsakes.forget(_load(config), which or (), everything, console)


@app.command()
def timers(config: Config = None) -> None:
    """Print the timers, alarms and reminders that are kept."""
    from device.console import keepsakes

    keepsakes.list_timers(_load(config), console)


def _load(config: Path | None) -> settings_module.Settings:
    return settings_module.load(config)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except (Fault, SettingsError, ModelError) as error:
        errors.print(f"[red]wren:[/] {error}", markup=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def main(arguments: list[str] | None = None) -> Any:
    """Entry point."""
    with _one_line_errors():
        return app(arguments, standalone_mode=arguments is None)


if __name__ == "__main__":
    main()
