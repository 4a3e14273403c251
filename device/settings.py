"""Every setting of Wren, once.

One tree of structs gives the TOML file, the environment (`WREN_AUDIO__VOLUME=0.6`), the generated page
`docs/settings.md` and the types that the code uses. Later sources win: defaults, the file, what was changed
by voice (`adjusted.json` in the state directory), the environment.
Units are in the names. A daemon is handed the tree when it starts and again whenever `settings.changed` is
sent or it receives SIGHUP.
"""

from __future__ import annotations

import difflib
import os
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta
from platformdirs import user_cache_path, user_config_path, user_state_path

ENVIRONMENT_PREFIX = "WREN_"
ENVIRONMENT_SEPARATOR = "__"

Probability = Annotated[float, Meta(ge=0, le=1)]
Milliseconds = Annotated[int, Meta(ge=0, le=600_000)]


ADJUSTABLE = ("audio.volume", "speech.speed")  # what people change by voice


class SettingsError(Exception):
    """The settings are unusable; the message names the place and what to do."""


class Section(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A table of the settings file."""


class Device(Section, frozen=True):
    """Who this Wren is."""

    id: Annotated[str, Meta(pattern="^[a-z0-9_-]+$", description="name on the MQTT broker")] = "wren"
    area: Annotated[str, Meta(description="area this Wren stands in, meant by 'the light' alone")] = ""
    language: Annotated[str, Meta(description="language people speak to it")] = "en"


class Audio(Section, frozen=True):
    """Microphone and loudspeaker."""

    backend: Annotated[
        Literal["portaudio", "simulator"], Meta(description="sound card, or the simulated room")
    ] = "portaudio"
    input_device: Annotated[
        str, Meta(description="part of the microphone's name; empty: the system's default")
    ] = ""
    output_device: Annotated[
        str, Meta(description="part of the loudspeaker's name; empty: the system's default")
    ] = ""
    block_ms: Annotated[
        int, Meta(ge=10, le=100, description="block length of the microphone; the loudspeaker's is half")
    ] = 20
    volume: Annotated[Probability, Meta(description="loudspeaker volume")] = 1.0
    gate_tail_ms: Annotated[
        Milliseconds,
        Meta(
            description="the room's echo lasts this long after speech ends; a gated microphone is mute then"
        ),
    ] = 250
    echo: Annotated[
        Literal["software", "hardware", "gate", "threshold"],
        Meta(
            description="what is done about Wren's own voice in the microphone: cancelled here, cancelled by "
            "a microphone array, microphone muted meanwhile, or nothing but a stricter voice threshold"
        ),
    ] = "software"
    processed_channel: Annotated[
        int, Meta(ge=0, le=31, description="echo=hardware: input channel that the array has cleaned")
    ] = 0
    raw_channel: Annotated[
        int, Meta(ge=0, le=31, description="echo=hardware: input channel of a bare microphone")
    ] = 1
    reference_channel: Annotated[
        int, Meta(ge=0, le=31, description="echo=hardware: input channel with what the loudspeaker plays")
    ] = 5
    noise_suppression: Annotated[bool, Meta(description="steady noise is taken out of the microphone")] = (
        False
    )
    automatic_gain: Annotated[bool, Meta(description="quiet people are amplified")] = False


class Simulator(Section, frozen=True):
    """The simulated room of `wren simulate` and `wren demo`."""

    mic: Annotated[tuple[str, ...], Meta(description="what people say, sound files in order")] = ()
    over: Annotated[
        tuple[str, ...], Meta(description="what people say while Wren speaks, a sound file for each reply")
    ] = ()
    over_after_s: Annotated[float, Meta(ge=0, description="how long Wren has spoken by then")] = 1.0
    noise: Annotated[str, Meta(description="background sound file, looped")] = ""
    rir: Annotated[str, Meta(description="room impulse response from loudspeaker to microphone")] = ""
    echo_delay_ms: Annotated[Milliseconds, Meta(description="loudspeaker to microphone delay")] = 60
    echo_db: Annotated[float, Meta(le=0, description="loudspeaker level at the microphone")] = -10.0
    noise_db: Annotated[float, Meta(description="gain of the background sound")] = 0.0
    gap_s: Annotated[float, Meta(ge=0, description="idle time before the next file is played")] = 1.0
    until_idle_s: Annotated[float, Meta(ge=0, description="end after this idle time; 0 never ends")] = 0.0
    speaker: Annotated[str, Meta(description="WAV file that receives what the loudspeaker played")] = ""
    room: Annotated[str, Meta(description="WAV file that receives what a person in the room heard")] = ""


class WakeWord(Section, frozen=True):
    """One wake word model."""

    model: Annotated[str, Meta(description="file stem in the wake model set, such as alexa_v0.1")]
    threshold: Annotated[Probability, Meta(description="score that counts as heard")] = 0.5
    patience: Annotated[int, Meta(ge=1, le=10, description="scores in a row over the threshold")] = 1
    refractory_ms: Annotated[Milliseconds, Meta(description="deaf to this word after it was heard")] = 2000


def _default_words() -> dict[str, WakeWord]:
    return {
        "alexa": WakeWord(model="alexa_v0.1"),
        "hey jarvis": WakeWord(model="hey_jarvis_v0.1"),
        "hey mycroft": WakeWord(model="hey_mycroft_v0.1"),
    }


class Wake(Section, frozen=True):
    """Wake word detection."""

    words: Annotated[dict[str, WakeWord], Meta(description="spoken word to its model and thresholds")] = (
        msgspec.field(default_factory=_default_words)
    )


class Listen(Section, frozen=True):
    """Voice activity, recognition and the end of a turn."""

    pre_roll_ms: Annotated[
        Milliseconds, Meta(description="sound before the wake word was noticed that belongs to the request")
    ] = 1500
    vad_threshold: Annotated[Probability, Meta(description="voice probability that counts as voice")] = 0.5
    vad_onset_chunks: Annotated[
        int, Meta(ge=1, le=10, description="32 ms chunks of voice in a row that start speech")
    ] = 3
    hypothesis_silence_ms: Annotated[
        Milliseconds, Meta(description="trailing quiet after which the final text is prepared")
    ] = 40
    complete_silence_ms: Annotated[
        Milliseconds, Meta(description="trailing silence that ends a whole request that also sounds final")
    ] = 120
    hesitant_silence_ms: Annotated[
        Milliseconds, Meta(description="the same for a whole request that does not sound final")
    ] = 250
    talk_silence_ms: Annotated[
        Milliseconds,
        Meta(description="the same for talk that the language model surely takes for whole"),
    ] = 450
    likely_silence_ms: Annotated[
        Milliseconds,
        Meta(
            description="the same for what the language model takes for whole, unless misheard and not final"
        ),
    ] = 650
    unsure_silence_ms: Annotated[
        Milliseconds, Meta(description="the same for no known request that surely sounds final, else longer")
    ] = 950
    open_silence_ms: Annotated[
        Milliseconds, Meta(description="the same when words are obviously missing; no pause is longer")
    ] = 1200
    turn_threshold: Annotated[
        Probability, Meta(description="probability of the turn model that counts as sounding final")
    ] = 0.2
    far_voice_ms: Annotated[
        Milliseconds, Meta(description="so much later a turn ends while a much quieter voice goes on")
    ] = 400
    no_speech_timeout_ms: Annotated[Milliseconds, Meta(description="gives up when nobody speaks")] = 5000
    maximum_turn_ms: Annotated[Milliseconds, Meta(description="longest request")] = 15_000
    partial_every_ms: Annotated[Milliseconds, Meta(description="how often partial text is published")] = 300
    follow_up: Annotated[
        Literal["questions", "always"],
        Meta(description="listens on after a question of its own, or after each answer"),
    ] = "questions"
    follow_up_ms: Annotated[Milliseconds, Meta(description="how long it listens on")] = 5000
    minimum_confidence: Annotated[Probability, Meta(description="below this the text is not acted upon")] = (
        0.35
    )


class BargeIn(Section, frozen=True):
    """Talking over Wren's voice."""

    enabled: Annotated[bool, Meta(description="Wren can be interrupted by speech")] = True
    duck_db: Annotated[
        float, Meta(ge=-60, le=0, description="loudspeaker gain while somebody may speak")
    ] = -20.0
    confirm_ms: Annotated[
        int, Meta(ge=32, le=2000, description="shortest voice that is taken for an interruption")
    ] = 64
    confidence: Annotated[
        Probability,
        Meta(
            description="probability that a voice has words, for an interruption; at first it must be higher"
        ),
    ] = 0.6
    loud_threshold: Annotated[
        Probability,
        Meta(description="voice probability that counts while Wren speaks in echo mode threshold"),
    ] = 0.9
    pause_ms: Annotated[
        Milliseconds,
        Meta(
            description="voice after which Wren falls silent until it is known what it was; then it goes on"
        ),
    ] = 96
    restore_ms: Annotated[
        Milliseconds, Meta(description="silence after which the loudspeaker is loud again")
    ] = 300


class Reason(Section, frozen=True):
    """Dialog and language model."""

    model: Annotated[bool, Meta(description="use the language model for what no known command covers")] = True
    agents: Annotated[
        str, Meta(description="file of named agents (docs/agents.md), beside this one; empty: Wren alone")
    ] = ""
    threads: Annotated[int, Meta(ge=1, le=64, description="processor cores for the language model")] = 2
    context_tokens: Annotated[int, Meta(ge=512, le=32768, description="language model context")] = 3072
    act_probability: Annotated[Probability, Meta(description="model calls at least this sure are run")] = 0.7
    ask_probability: Annotated[
        Probability, Meta(description="model calls at least this sure are offered")
    ] = 0.14
    answer_tokens: Annotated[int, Meta(ge=8, le=512, description="longest free answer")] = 60
    endpoint: Annotated[
        str,
        Meta(description="instead of the embedded model: an OpenAI-compatible one, http://127.0.0.1:8080/v1"),
    ] = ""
    endpoint_model: Annotated[str, Meta(description="model name there; empty: the server has only one")] = ""
    endpoint_key_file: Annotated[
        str, Meta(description="file with the key for it; empty: systemd's credential 'endpoint-key', if any")
    ] = ""
    endpoint_remote: Annotated[
        bool, Meta(description="allows an endpoint elsewhere: what people say then leaves this device")
    ] = False
    filler_ms: Annotated[
        Milliseconds,
        Meta(description="begins talk that is not ready so long after the request with 'Well,'; 0: never"),
    ] = 600
    holding_ms: Annotated[Milliseconds, Meta(description="says that it is thinking after this long")] = 1500
    shorten_ms: Annotated[
        Milliseconds, Meta(description="tries a shorter prompt when no answer has begun after this long")
    ] = 4000
    deadline_ms: Annotated[Milliseconds, Meta(description="apologises after this long without an answer")] = (
        8000
    )


class Home(Section, frozen=True):
    """The house on MQTT."""

    broker: Annotated[str, Meta(description="mqtt://[user@]host[:port] or mqtts://…")] = (
        "mqtt://127.0.0.1:1883"
    )
    password_file: Annotated[str, Meta(description="file with the broker password")] = ""
    discovery_prefix: Annotated[str, Meta(description="Home Assistant's MQTT discovery prefix")] = (
        "homeassistant"
    )
    confirm_ms: Annotated[Milliseconds, Meta(description="how long a device may take to confirm")] = 2000
    areas: Annotated[
        dict[str, str], Meta(description="entity id or name to area, before what discovery suggests")
    ] = {}
    floors: Annotated[dict[str, str], Meta(description="area id to the spoken name of its floor")] = {}
    aliases: Annotated[dict[str, tuple[str, ...]], Meta(description="entity id to further spoken names")] = {}


class Speech(Section, frozen=True):
    """Wren's voice."""

    voice: Annotated[str, Meta(description="voice model name; empty: the active one")] = ""
    speed: Annotated[float, Meta(ge=0.5, le=2, description="1 is the voice's own pace")] = 1.0
    deterministic: Annotated[bool, Meta(description="same sound for the same text, for tests")] = False
    cues: Annotated[bool, Meta(description="short chimes for heard, understood and failed")] = True
    cue_db: Annotated[float, Meta(le=0, description="level of the chimes")] = -18.0


class Timers(Section, frozen=True):
    """Timers, alarms and reminders."""

    ring_every_ms: Annotated[int, Meta(ge=1000, le=60_000, description="from one ring to the next")] = 2000
    ring_first_db: Annotated[float, Meta(le=0, description="level of the first ring")] = -30.0
    ring_step_db: Annotated[float, Meta(ge=0, le=20, description="each ring is louder by this")] = 3.0
    ring_last_db: Annotated[float, Meta(le=0, description="level of the loudest ring")] = -8.0
    ring_limit_s: Annotated[int, Meta(ge=5, le=86_400, description="stops ringing by itself")] = 300
    late_s: Annotated[
        int, Meta(ge=0, le=86_400, description="what ended longer ago while Wren was off is told, not rung")
    ] = 900
    snooze_s: Annotated[int, Meta(ge=10, le=7200, description="a snoozed alarm rings again after this")] = 540
    stop_without_wake_word: Annotated[bool, Meta(description="while it rings, 'stop' needs no wake word")] = (
        True
    )


class MqttTool(Section, frozen=True):
    """Something that can be done by one MQTT message, in `[tools.mqtt.<name>]`."""

    sentences: Annotated[
        tuple[str, ...],
        Meta(description="what calls it, as hassil templates: '(open|unlock) [the] gate', '… to {value}'"),
    ]
    topic: Annotated[str, Meta(description="where the message goes")]
    payload: Annotated[str, Meta(description="the message; {value} and {text} stand for what was said")] = ""
    confirm_topic: Annotated[str, Meta(description="its news confirm; without one nothing is confirmed")] = ""
    confirm_payload: Annotated[str, Meta(description="what the news must be; empty: anything")] = ""
    confirm_ms: Annotated[Milliseconds, Meta(description="how long the confirmation may take")] = 2000
    ask_first: Annotated[bool, Meta(description="asks 'Shall I …?' before it is done")] = False
    description: Annotated[str, Meta(description="what it does, as in 'open the gate'; empty: its name")] = ""
    reply: Annotated[str, Meta(description="what is said when it is done")] = "Done."


class McpServer(Section, frozen=True):
    """A server of the Model Context Protocol, in `[tools.mcp.<name>]`; its tools become Wren's."""

    command: Annotated[tuple[str, ...], Meta(description="program that is run and spoken to by pipes")] = ()
    url: Annotated[str, Meta(description="or the address of a server (streamable HTTP)")] = ""
    sentences: Annotated[
        dict[str, tuple[str, ...]], Meta(description="tool to hassil templates, besides 'run <tool name>'")
    ] = {}
    ask_first: Annotated[
        Literal["risky", "always", "never"],
        Meta(description="asks before a tool is run; risky: unless it says that it only reads"),
    ] = "risky"
    timeout_ms: Annotated[Milliseconds, Meta(description="how long a tool may take")] = 8000


class Tools(Section, frozen=True):
    """Tools beyond the house and Wren's own."""

    mqtt: Annotated[dict[str, MqttTool], Meta(description="name to message, sentences and confirmation")] = {}
    mcp: Annotated[dict[str, McpServer], Meta(description="name to MCP server (needs the extra 'mcp')")] = {}


class Settings(Section, frozen=True):
    """The whole tree."""

    device: Device = Device()
    audio: Audio = Audio()
    simulator: Simulator = Simulator()
    wake: Wake = Wake()
    listen: Listen = Listen()
    barge_in: BargeIn = BargeIn()
    reason: Reason = Reason()
    home: Home = Home()
    speech: Speech = Speech()
    timers: Timers = Timers()
    tools: Tools = Tools()
    runtime_dir: Annotated[str, Meta(description="rings and the event socket live here")] = ""
    state_dir: Annotated[
        str, Meta(description="what must survive a restart lives here: timers, remembered facts")
    ] = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"


def default_path() -> Path:
    """`$WREN_CONFIG`, else `/etc/wren/wren.toml` where it exists, else the user's configuration folder."""
    if named := os.environ.get("WREN_CONFIG"):
        return Path(named)
    system = Path("/etc/wren/wren.toml")
    return system if system.exists() else user_config_path("wren") / "wren.toml"


def runtime_dir(settings: Settings) -> Path:
    """Where this run keeps its rings and sockets: the setting, else a folder of the user."""
    if settings.runtime_dir:
        return Path(settings.runtime_dir)
    user = os.environ.get("XDG_RUNTIME_DIR")
    return Path(user, "wren") if user else Path(tempfile.gettempdir(), f"wren-{os.getuid()}")


def state_dir(settings: Settings) -> Path:
    """What must survive a restart: the setting, systemd's state directory, the system's, or the user's."""
    if named := settings.state_dir or os.environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(named)
    system = Path("/var/lib/wren")
    return system if os.access(system, os.W_OK) else user_state_path("wren")


def cache_dir() -> Path:
    """Per-user cache: models, wheels, saved prefixes, synthesised phrases."""
    return Path(os.environ.get("WREN_CACHE_DIR") or user_cache_path("wren"))


def adjust(settings: Settings, values: Mapping[str, float | None]) -> None:
    """Keeps settings of `ADJUSTABLE` that people changed by voice; None leaves one to the file again."""
    kept = {name: value for name, value in {**_adjusted(settings), **values}.items() if value is not None}
    path = state_dir(settings) / "adjusted.json"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(kept))
    fresh.replace(path)


def _adjusted(settings: Settings) -> dict[str, float]:
    try:
        found = msgspec.json.decode(
            (state_dir(settings) / "adjusted.json").read_bytes(), type=dict[str, float]
        )
    except (OSError, msgspec.MsgspecError):
        return {}
    return {name: value for name, value in found.items() if name in ADJUSTABLE}


def load(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from `path` (the default file may be absent, a named one may not) and the environment.

    What was changed by voice counts only with the default file.

    Raises SettingsError with the file, the setting and the nearest known name.
    """
    environment = os.environ if environment is None else environment
    tree: dict[str, Any] = {}
    source = path or default_path()
    if path is not None and not path.exists():
        raise SettingsError(f"settings file {path} does not exist; create it or leave out --config")
    if source.exists():
        try:
            tree = tomllib.loads(source.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{source} is not valid TOML: {error}") from error
        except OSError as error:
            raise SettingsError(
                f"{source} cannot be read ({error.strerror}); check its owner and mode"
            ) from error
    if path is None:
        named = environment.get("WREN_STATE_DIR") or tree.get("state_dir", "")
        for name, value in _adjusted(Settings(state_dir=str(named))).items():
            _put(tree, name.split("."), value)
    for keys, text in _from_environment(environment):
        _put(tree, keys, text)
    try:
        settings = msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{source}: {_explain(str(error))}") from error
    if settings.reason.agents:
        path = source.absolute().parent / Path(settings.reason.agents).expanduser()
        reason = msgspec.structs.replace(settings.reason, agents=str(path))
        settings = msgspec.structs.replace(settings, reason=reason)
    return settings


def describe() -> Iterator[tuple[str, str, str, str]]:
    """Every setting as (dotted name, type and bounds, default, help), in order."""
    yield from _describe("", Settings())


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[list[str], Any]]:
    sections = {name for name, value in get_type_hints(Settings).items() if isinstance(value, type)}
    for name, text in environment.items():
        keys = name.removeprefix(ENVIRONMENT_PREFIX).lower().split(ENVIRONMENT_SEPARATOR)
        known = (keys[0] in sections and len(keys) > 1) or keys in (
            ["runtime_dir"],
            ["state_dir"],
            ["log_level"],
        )
        if name.startswith(ENVIRONMENT_PREFIX) and known:
            structured = text.lstrip().startswith(("[", "{"))
            yield keys, msgspec.json.decode(text) if structured else text


def _put(tree: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        tree = tree.setdefault(key, {})
    tree[keys[-1]] = value


def _explain(message: str) -> str:
    """Adds the nearest known setting to msgspec's "unknown field" message."""
    if "unknown field" not in message:
        return message
    wrong = message.split("`")[1]
    names = {name.rpartition(".")[2] for name, *_ in describe()} | set(Settings.__struct_fields__)
    near = difflib.get_close_matches(wrong, sorted(names), n=1)
    place = message.partition("`$")[2].strip("`.")
    hint = f"did you mean {near[0]}?" if near else "`wren settings` lists them all"
    return f"there is no setting {wrong}{f' in [{place}]' if place else ''}; {hint}"


def _describe(prefix: str, section: Section) -> Iterator[tuple[str, str, str, str]]:
    for name, hint in get_type_hints(type(section), include_extras=True).items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _describe(f"{prefix}{name}.", value)
            continue
        kind, bounds, text = _unwrap(hint)
        yield f"{prefix}{name}", f"{kind}{bounds}", _toml(value), text


def _unwrap(hint: Any) -> tuple[str, str, str]:
    if get_origin(hint) is not Annotated:
        if get_origin(hint) is Literal:
            return " | ".join(get_args(hint)), "", ""
        name = hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
        return name.replace("device.settings.", ""), "", ""
    inner, *metas = get_args(hint)
    kind, bounds, text = _unwrap(inner)
    for meta in metas:
        limits = [
            f"{meta.ge:g}" if meta.ge is not None else "",
            f"{meta.le:g}" if meta.le is not None else "",
        ]
        if any(limits):
            bounds = f" {limits[0]}…{limits[1]}"
        text = meta.description or text
    return kind, bounds, text


def _toml(value: Any) -> str:
    return msgspec.json.encode(value).decode()
