"""Named agents: the file that describes them, what each may do, and which of them speaks. Pure.

The file (docs/agents.md explains it) is read by `parse`, which finds every mistake before anybody speaks.
What an agent may do is asked by `may`: a call is allowed when one of the agent's tools covers it. Tools are

| tool                        | covers                                                     |
|-----------------------------|------------------------------------------------------------|
| `everything`                | all of the below                                           |
| `house`, `light`, `light.x` | all devices, those of a kind, one of them                  |
| `timers`, `memory`, `voice` | timers and alarms, remembered facts, volume and speed      |
| `answers`                   | time, date, sums, units, what Wren can do                  |
| `mqtt.name`                 | an MQTT tool of the settings                               |
| `mcp.server`, `mcp.server.x`| the tools of an MCP server, one of them                    |

What silences Wren (a ringing alarm, the microphone) is never forbidden. `Floor` says who speaks.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, NamedTuple, TypeVar, get_args

import msgspec
from msgspec import Meta

from device.events import Manner
from device.home.persona import HANDOFF, Other, Persona
from device.home.registry import HOUSELESS_SERVICES, SERVICES, Call, House
from device.tools.services import GROUPS, MCP_SERVICE, MQTT_SERVICE, Group

EVERYTHING, HOUSE = "everything", "house"
ALWAYS = frozenset(("ring_stop", "ring_snooze", "microphone_mute"))
EMBEDDED = "embedded"


class AgentsError(Exception):
    """The file is unusable; the message names the place and what to do."""


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


_T = TypeVar("_T", bound=_Table)


class Example(_Table, frozen=True):
    """A request and how the agent replies to it, which teaches its manner."""

    said: str
    reply: str


class Voice(_Table, frozen=True):
    """How it sounds."""

    name: str = ""  # of an installed voice model; "": Wren's
    speed: Annotated[float, Meta(ge=0.5, le=2)] = 1.0  # times speech.speed
    speaker: Annotated[int, Meta(ge=0)] = 0  # of a voice with several


class Agent(_Table, frozen=True):
    """One table `[agents.<id>]`."""

    name: Annotated[str, Meta(min_length=1)]
    called: tuple[str, ...] = ()  # what else people call it
    wake: tuple[str, ...] = ()  # wake words that are for it
    greeting: str = ""  # what it says when it is called; "": that of the language
    instructions: str = ""  # "": those of Wren
    examples: tuple[Example, ...] = ()
    voice: Voice = Voice()
    tools: tuple[str, ...] = ()
    hands_to: tuple[str, ...] = ()  # agents that may go on with the conversation
    consults: tuple[str, ...] = ()  # agents that it may ask behind the scene
    asked_for: tuple[str, ...] = ()  # requests that others hand, or put, to it
    model: str = EMBEDDED
    answer_tokens: Annotated[int, Meta(ge=0, le=512)] = 0  # 0: reason.answer_tokens
    sentences: Annotated[int, Meta(ge=1, le=12)] = 2
    listens_on: bool = False  # after each answer, as listen.follow_up = "always"

    def spoken_names(self) -> tuple[str, ...]:
        """What it is called, its proper name first."""
        return (self.name, *self.called)

    def manner(self) -> Manner:
        """How its words are to be said."""
        return Manner(voice=self.voice.name, speed=self.voice.speed, speaker=self.voice.speaker)


class _File(_Table, frozen=True):
    agents: dict[str, dict[str, Any]] = {}
    first: str = ""  # who speaks when nobody was called; "": the first in the file
    return_after_s: Annotated[float, Meta(ge=5, le=86_400)] = 120.0  # without a word


class Cast(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody, and who speaks when nobody was called or there was no word for so long."""

    agents: dict[str, Agent]
    first: str
    return_after_s: float


ALONE = Cast(agents={"": Agent(name="Wren", tools=(EVERYTHING,))}, first="", return_after_s=86_400)


class Floor(NamedTuple):
    """Who speaks, and since when there was no word (seconds of any monotonic clock)."""

    speaking: str
    since_s: float = 0.0

    def hand(self, agent: str, now_s: float) -> Floor:
        """Another agent speaks from now on."""
        return Floor(agent, now_s)

    def word(self, now_s: float) -> Floor:
        """Something was said, to it or by it."""
        return self._replace(since_s=now_s)

    def is_left(self, cast: Cast, now_s: float) -> bool:
        """Whether the first agent shall have the floor again."""
        return self.speaking != cast.first and now_s - self.since_s > cast.return_after_s


def parse(
    data: Mapping[str, Any],
    *,
    mqtt: Collection[str] = (),
    mcp: Collection[str] = (),
    wake_words: Collection[str] = (),
    models: Collection[str] = (),
) -> Cast:
    """The agents of a file; `mqtt`, `mcp`, `wake_words` and `models` are the names that the settings know.

    Raises AgentsError with one line about the first mistake.
    """
    file = _converted(data, _File, "")
    agents = {id_: _converted(table, Agent, f"agents.{id_}") for id_, table in file.agents.items()}
    cast = Cast(agents=agents, first=file.first, return_after_s=file.return_after_s)
    if not agents:
        raise AgentsError("there is no agent; add a table [agents.NAME] with at least a name")
    cast = msgspec.structs.replace(cast, first=cast.first or next(iter(cast.agents)))
    for problem in _problems(cast, mqtt, mcp, wake_words, (EMBEDDED, *models)):
        raise AgentsError(problem)
    return cast


def may(agent: Agent, call: Call) -> bool:
    """Whether the agent may make a call."""
    tools = agent.tools
    match call.service:
        case "handoff":
            return call.entity in agent.hands_to
        case "consult":
            return call.entity in agent.consults
        case service if EVERYTHING in tools or service in ALWAYS:
            return True
        case service if service == MQTT_SERVICE:
            return f"mqtt.{call.entity}" in tools
        case service if service == MCP_SERVICE:
            return f"mcp.{call.entity}" in tools or f"mcp.{call.entity.partition('.')[0]}" in tools
        case service if service in HOUSELESS_SERVICES:
            return "answers" in tools
        case service if service in GROUPS:
            return GROUPS[service] in tools
    return HOUSE in tools or call.entity in tools or call.entity.partition(".")[0] in tools


def may_hand(cast: Cast, agent: str, to: str) -> bool:
    """Whether the talk may go from one agent to another; back to the first it always may."""
    return to != agent and (to == cast.first or may(cast.agents[agent], Call(HANDOFF, to)))


def may_answer(agent: Agent, group: Group) -> bool:
    """Whether the agent may tell what a group of built-in tools knows."""
    return EVERYTHING in agent.tools or group in agent.tools


def keeps_house(agent: Agent) -> bool:
    """Whether the agent has tools of the house at all."""
    return any(tool in (EVERYTHING, HOUSE) or tool.partition(".")[0] in SERVICES for tool in agent.tools)


def seen(cast: Cast, agent_id: str, house: House) -> House:
    """The house as an agent sees it: the devices that it may use, and itself."""
    agent = cast.agents[agent_id]
    others = [Other(id_, "handoff", cast.agents[id_].asked_for) for id_ in agent.hands_to]
    others += [Other(id_, "consult", cast.agents[id_].asked_for) for id_ in agent.consults]
    persona = Persona(
        id=agent_id,
        name=agent.name,
        model="" if agent.model == EMBEDDED else agent.model,
        instructions=agent.instructions.strip(),
        examples=tuple((example.said, example.reply) for example in agent.examples),
        others=tuple(other for other in others if other.asked_for),
        keeps_house=keeps_house(agent),
        tells_time=may(agent, Call("time")),
        answer_tokens=agent.answer_tokens,
        sentences=agent.sentences,
    )
    entities = house.entities
    if not (EVERYTHING in agent.tools or HOUSE in agent.tools):
        entities = {id_: entity for id_, entity in entities.items() if may(agent, Call("get", id_))}
    return msgspec.structs.replace(house, entities=entities, persona=persona)


def helper(cast: Cast, agent_id: str, calls: Collection[Call]) -> str:
    """The agent to whom one that may not make `calls` can pass them on; "" for none."""
    for other in (cast.first, *cast.agents[agent_id].hands_to):
        if may_hand(cast, agent_id, other) and all(may(cast.agents[other], call) for call in calls):
            return other
    return ""


def _problems(
    cast: Cast,
    mqtt: Collection[str],
    mcp: Collection[str],
    wake_words: Collection[str],
    models: Collection[str],
) -> Iterator[str]:
    ids = list(cast.agents)
    if cast.first not in ids:
        yield f"first: there is no agent {cast.first}; {_near(cast.first, ids)}"
    for id_, agent in cast.agents.items():
        place = f"[agents.{id_}]"
        for field in ("hands_to", "consults"):
            for other in getattr(agent, field):
                if other not in ids:
                    yield f"{place} {field}: there is no agent {other}; {_near(other, ids)}"
                if other == id_:
                    yield f"{place} {field}: an agent cannot call itself; take {id_} out"
        for tool in agent.tools:
            if hint := _unknown(tool, mqtt, mcp):
                yield f"{place} tools: there is no tool {tool}; {hint}"
        for word in agent.wake:
            if word not in wake_words:
                yield f"{place} wake: {word} is no wake word of [wake.words]; {_near(word, list(wake_words))}"
        if agent.model not in models:
            yield f"{place} model: there is no model {agent.model}; {_near(agent.model, list(models))}"
    yield from _ambiguous(cast)
    for id_ in ids:
        if loop := _loop(cast, id_, (id_,)):
            yield f"{' consults '.join(loop)}: that would never end; take one of them out of consults"
    named = {id_ for agent in cast.agents.values() for id_ in (*agent.hands_to, *agent.consults)}
    for id_, agent in cast.agents.items():
        if id_ not in named and id_ != cast.first and not agent.wake:
            yield f"[agents.{id_}]: nobody calls it; name it in hands_to of another, or give it a wake word"


def _ambiguous(cast: Cast) -> Iterator[str]:
    owners: dict[tuple[str, str], str] = {}
    for id_, agent in cast.agents.items():
        claims = {("name", name.lower()) for name in agent.spoken_names()} | {
            ("wake word", w) for w in agent.wake
        }
        for claim in sorted(claims):
            if owners.setdefault(claim, id_) != id_:
                yield f"{owners[claim]} and {id_} have the same {claim[0]} {claim[1]}; give one another"


def _unknown(tool: str, mqtt: Collection[str], mcp: Collection[str]) -> str:
    """What to do about an unknown tool; "" for a known one."""
    kind, _, name = tool.partition(".")
    if kind == "mqtt" and name:
        return "" if name in mqtt else f"define it in [tools.mqtt.{name}], or {_near(name, list(mqtt))}"
    if kind == "mcp" and name:
        server = name.partition(".")[0]
        return (
            ""
            if server in mcp
            else f"define the server in [tools.mcp.{server}], or {_near(server, list(mcp))}"
        )
    if kind in SERVICES:
        return ""
    known = [EVERYTHING, HOUSE, *get_args(Group), *SERVICES]
    return "" if tool in known else _near(tool, [*known, "mqtt.NAME", "mcp.SERVER"])


def _loop(cast: Cast, agent: str, path: tuple[str, ...]) -> tuple[str, ...]:
    """A way along `consults` that comes back to where it began; () for none."""
    for other in cast.agents[agent].consults:
        if other == path[0]:
            return (*path, other)
        if other not in path and (found := _loop(cast, other, (*path, other))):
            return found
    return ()


def _near(wrong: str, known: list[str]) -> str:
    near = difflib.get_close_matches(wrong, known, n=1)
    return (
        f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}" if known else "there are none"
    )


def _converted(data: Any, kind: type[_T], place: str) -> _T:
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise AgentsError(_explain(str(error), kind, place)) from error


def _explain(message: str, kind: type[_Table], place: str) -> str:
    """Msgspec's message as a line about the file."""
    what, _, where = message.partition(" - at `$")
    parts = [part for part in (place, *where.strip("`").split(".")) if part]
    told = f"[{'.'.join(parts)}] " if parts else ""
    if "unknown field" not in what:
        return f"{told}{what[0].lower()}{what[1:]}; see docs/agents.md"
    wrong = what.split("`")[1]
    known = Voice if parts[-1:] == ["voice"] else Example if "examples" in where else kind
    return f"{told}there is no {wrong}; {_near(wrong, list(known.__struct_fields__))}"
