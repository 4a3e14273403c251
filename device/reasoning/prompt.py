"""What the language model reads before a request: who Wren is, the devices, and examples made from them.

The prefix depends on names only, never on states, so that it is evaluated once and kept until a device is
added or renamed. The examples of `prompts/<language>.toml` teach the command language on the live devices:
each takes the device that was used least so far among those it fits, and is left out where none does. Names
come from the network: `commands.plain` keeps markup and line breaks out of them.

A request is a line `what was said => answer`; an answer is `turn on kitchen light` or `say Hello!`, several
commands are joined by ";". The plain arrow costs a third of a chat template's tokens.

An agent with instructions of its own (`House.persona`) has them in place of Wren's, and its own examples of
talk; examples of requests for other agents are answered by `ask` and the agent.

Border: text with the model's control tokens (ChatML) in the prefix only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

import msgspec

from device.home.persona import Persona
from device.home.registry import HOUSELESS_SERVICES, Call, Entity, House, Value, services_of
from device.reasoning.commands import (
    ASK,
    CANNOT,
    SMALL_HOUSE,
    TALK,
    VERBS,
    group,
    labels,
    lines_of,
    plain,
    tools_of,
    use,
)

ARROW = " =>"
LEAD = " "  # an answer begins with a space, as words do for the tokenizer
JOINT = ";"
TOOL_EXAMPLES = 4  # the other tools are used in the same way
BRIEF_EXAMPLES = 12  # in a shortened prompt
_SYSTEM_END = "<|im_end|>\n"
_PUNCTUATION = re.compile(r"[.,!?;:]+(?=\s|$)")


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the file; see its head for the fields."""

    said: str
    domain: str = ""
    service: str = ""
    value: str | int | None = None
    reply: str = ""
    here: bool = False
    count: int = 1
    group: bool = False
    has: str = ""
    lacks: str = ""


class Prompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    text: str
    chat: str
    agent: str
    chat_agent: str
    devices: str
    others: str
    tools: str
    tool_said: str
    tool_said_value: str
    tool_value: str
    anywhere: str
    elsewhere: str
    retraction: str
    claims: tuple[str, ...]
    joints: tuple[str, ...]
    additions: tuple[str, ...]
    examples: tuple[Example, ...]


@cache
def load(language: str = "en") -> Prompt:
    """The prompt of a language; FileNotFoundError when there is none."""
    text = files("device.reasoning.prompts").joinpath(f"{language}.toml").read_bytes()
    return msgspec.toml.decode(text, type=Prompt)


def prefix(house: House, *, most: int = SMALL_HOUSE, language: str = "en") -> str:
    """The fixed part of every prompt for `house`, which names at most `most` devices."""
    prompt = load(language)
    shown = shown_of(house, most)
    text = filled(prompt.text, prompt.agent, house, shown, prompt)
    lines = [f"{said}{ARROW}{LEAD}{answer}\n" for said, answer in examples(house, shown, language)]
    return f"<|im_start|>system\n{text}{_SYSTEM_END}{''.join(lines)}"


def shortened(whole: str) -> str:
    """The beginning of a prefix: all of it but most of the examples."""
    system, end, examples = whole.partition(_SYSTEM_END)
    return "".join([system, end, *examples.splitlines(keepends=True)[:BRIEF_EXAMPLES]])


def filled(wren: str, agent: str, house: House, shown: Sequence[Entity], prompt: Prompt) -> str:
    """An instruction of the file with the room, the devices `shown`, tools and other agents.

    `wren` is Wren's, `agent` that of an agent with instructions of its own.
    """
    persona, devices = house.persona, _devices(house, shown, prompt)
    if persona.instructions:
        parts = [agent.strip().format(name=persona.name, instructions=persona.instructions)]
        parts += [prompt.devices.strip().format(devices=devices)] if shown else []
    else:
        area = plain(house.areas.get(house.device_area, "")) or prompt.anywhere
        parts = [wren.strip().format(area=area, devices=devices)]
    if tools := [f"{use(tool).text}: {plain(tool.description)}" for tool in tools_of(house)]:
        parts += [prompt.tools, *tools]
    if persona.others:
        names = ", ".join(plain(other.id) for other in persona.others)
        parts.append(prompt.others.format(others=names))
    return "\n".join(parts)


def request(text: str) -> str:
    """What was said as the prompt has it: one line, lower case, no punctuation."""
    return " ".join(_PUNCTUATION.sub("", text.lower()).replace(ARROW.strip(), "").split())


def exchange(said: str, replied: str) -> str:
    """A request and the free answer it got, as a line of the prompt."""
    reply = " ".join(replied.replace(ARROW.strip(), "").split())
    return f"{request(said)}{ARROW}{LEAD}{TALK} {reply}\n"


def examples(house: House, shown: Sequence[Entity], language: str = "en") -> list[tuple[str, str]]:
    """Requests and answers for the devices `shown`, and of Wren's talk where it has no instructions."""
    is_agent = bool(house.persona.instructions)
    names = labels(house)
    words = {word for entity in house.entities.values() for word in plain(entity.name).split()}
    used = dict.fromkeys((entity.id for entity in shown), 0)
    result = list(_tool_examples(house, load(language)))
    for example in load(language).examples:
        if example.lacks in words or (is_agent and example.reply and not example.domain):
            continue
        if example.service in HOUSELESS_SERVICES and not house.allows(Call(example.service)):
            continue
        chosen = _choose(example, house, shown, used)
        if len(chosen) < example.count and example.domain:
            continue
        for entity in chosen:
            used[entity.id] += 1
        value = example.value
        if value is None and chosen and example.service in ("mode", "option"):
            value = chosen[0].options[0]
        spoken = {
            "name": names[chosen[0].id] if chosen else "",
            "name2": names[chosen[-1].id] if chosen else "",
            "area": plain(house.areas.get(chosen[0].area, "")) if chosen else "",
            "value": plain(str(value)),
        }
        result.append((example.said.format(**spoken), _answer(example, chosen, value, spoken["area"], names)))
    return _mixed(result, _of_the_agent(house.persona))


def _of_the_agent(persona: Persona) -> list[tuple[str, str]]:
    talk = [(request(said), f"{TALK} {reply}") for said, reply in persona.examples]
    asked = [
        (request(said), f"{ASK} {plain(other.id)}") for other in persona.others for said in other.asked_for
    ]
    return _mixed(talk, asked)


def _mixed(many: Sequence[tuple[str, str]], few: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """`few` spread evenly among `many`, so that none of them is taken for what always comes."""
    places = [((number + 0.5) / len(rows), row) for rows in (many, few) for number, row in enumerate(rows)]
    return [row for _, row in sorted(places, key=lambda place: place[0])]


def _tool_examples(house: House, prompt: Prompt) -> Iterator[tuple[str, str]]:
    for tool in tools_of(house)[:TOOL_EXAMPLES]:
        values: dict[str, Value] = {"text": prompt.tool_value, "number": 12}
        value = tool.options[0] if tool.options else values.get(tool.argument)
        said = prompt.tool_said if value is None else prompt.tool_said_value
        yield said.format(name=plain(tool.words), value=value), use(tool, value).text


def _choose(example: Example, house: House, shown: Sequence[Entity], used: dict[str, int]) -> list[Entity]:
    if not example.domain:
        return []
    fit = [
        entity
        for entity in shown
        if entity.domain == example.domain
        and (not example.service or example.service in services_of(entity))
        and ("{area}" not in example.said or entity.area in house.areas)
        and (not example.here or entity.area == house.device_area)
        and (example.value is None or house.allows(Call(example.service, entity.id, example.value)))
        and (not example.has or example.has in plain(entity.name).split())
        and (example.service not in ("mode", "option") or entity.options)
    ]
    if example.group:
        fit = [e for e in fit if sum(e.area == other.area for other in fit) > 1]
    return sorted(fit, key=lambda entity: 0 if example.here else used[entity.id])[: example.count]


def _answer(
    example: Example, chosen: Sequence[Entity], value: str | int | None, area: str, names: dict[str, str]
) -> str:
    if not example.service:
        return f"{TALK} {example.reply}" if example.reply else CANNOT
    if example.service in HOUSELESS_SERVICES:
        return f"{VERBS['get']} {example.service}"
    numbers = [value] if isinstance(value, int) else []
    colors = [value] if isinstance(value, str) else []
    lines = []
    for entity in chosen:
        call = Call(example.service, entity.id, value)
        verb, tail, _ = next(line for line in lines_of(entity, numbers, colors) if line[2] == call)
        name = group(area, entity.domain, set(names.values())) if example.group else names[entity.id]
        lines.append(f"{verb} {name}{tail}")
    return f"{JOINT} ".join(lines)


def shown_of(house: House, most: int) -> list[Entity]:
    """At most `most` devices, taken from every room in turn."""
    rank: dict[str, int] = {}
    seen: dict[str, int] = {}
    for entity in house.entities.values():
        rank[entity.id] = seen.get(entity.area, 0)
        seen[entity.area] = rank[entity.id] + 1
    first = sorted(house.entities.values(), key=lambda entity: rank[entity.id])[:most]
    return [entity for entity in house.entities.values() if entity in first]


def _devices(house: House, shown: Sequence[Entity], prompt: Prompt) -> str:
    names = labels(house)
    rooms: dict[str, list[str]] = {}
    for entity in shown:
        room = plain(house.areas.get(entity.area, "")) or prompt.anywhere
        rooms.setdefault(room, []).append(names[entity.id])
    lines = [f"{room}: {', '.join(members)}" for room, members in rooms.items()]
    return "\n".join([*lines, prompt.elsewhere] if len(shown) < len(house.entities) else lines)
