"""From frames to calls: what is to be done with, or asked of, the things that a clause means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rapidfuzz import fuzz

from device.home.registry import Call, Entity, State
from device.reasoning.asking import which_one, which_way
from device.reasoning.context import Context
from device.reasoning.context import goals_of as wanted_before
from device.reasoning.frames import Frame, Target
from device.reasoning.goals import Goal, goals_of, in_range, reduce_acts
from device.reasoning.questions import answerable
from device.reasoning.replies import shall_i
from device.reasoning.results import AskBack, NotPossible, NotUnderstood, Stop
from device.reasoning.things import GUESSED_AREA, PARTIAL, Things
from device.reasoning.words import split

_OPTION_LIKE = 88  # percent
_SET = (
    "percent",
    "degrees",
    "number",
    "kelvin",
    "white",
    "color",
    "option",
    "lighten",
)  # new values, not changes
_FULL = 100.0  # percent
_SURE_OF_ROOM = 0.96  # how well a room must be heard where all in it is meant
_HARDLY_TOLD = ("on", "off", "close", "lock", "dim", "down")
_STATES_WISHED = ("close", "lock", "dim")  # "curtains closed", "doors locked" are said of what shall be
_SWITCHED = ("on", "off", "run")  # "shut off" alone is of nothing
_NOUNS = {
    "light": "light",
    "fan": "fan",
    "climate": "thermostat",
    "cover": "cover",
    "lock": "lock",
    "switch": "switch",
}
_ASKED_STATES = {"light": "on", "switch": "on", "fan": "on", "cover": "open", "lock": "lock"}
_UNNAMED = {  # what is meant where no thing is said, by what is changed or by what is done
    "brightness": "light",
    "temperature": "thermostat",
    "speed": "fan",
    "color": "light",
    "lighten": "light",
    "degrees": "thermostat",
    "lock": "lock",
    "kelvin": "light",
    "white": "light",
    "factor": "light",
    "color_temperature": "light",
}


class Resolver:
    """Resolves the clauses of one sentence in turn; "it" means what the clause before was about.

    In the first clause it means what the request before was about, which `context` tells.
    """

    def __init__(self, things: Things, context: Context) -> None:
        self.things = things
        self.antecedent: list[str] = []
        self.context = context
        self._repeated: list[Goal] = []

    def repeat(self, frames: list[Frame]) -> list[Frame]:
        """Clauses that only name things ("and the hallway too"), to be done or asked like others before."""
        known = [e for e in self.context.entities if e in self.things.house.entities]
        if not known:
            return frames
        if not self.context.is_question:
            self._repeated = wanted_before(self.context)
        return [self._as_before(frame, self.things.house.entities[known[0]]) for frame in frames]

    def _as_before(self, frame: Frame, entity: Entity) -> Frame:
        noun = _NOUNS.get(entity.domain, "")
        targets = [
            target
            if target.found or target.noun or target.words
            else replace(target, noun=noun, spoken_noun=noun)
            for target in frame.targets
        ]
        if not self.context.is_question:
            return replace(frame, targets=targets)
        if entity.domain in ("sensor", "binary_sensor", "climate"):
            attribute = "temperature" if entity.domain == "climate" else entity.device_class
            return replace(frame, mood="ask", attributes=[attribute])
        return replace(frame, mood="ask", targets=targets, acts={_ASKED_STATES.get(entity.domain, "on")})

    def calls(self, frame: Frame) -> list[Call]:
        """The calls of one clause. Raises Stop when there are none to make."""
        is_about_house = frame.mood == "ask" and any(target.found for target in frame.targets)
        if frame.not_yet and not is_about_house:
            raise Stop(NotPossible(frame.not_yet, "not_yet"))
        if frame.houseless:
            return self._houseless(frame)
        if frame.mood == "ask" or self._is_reading(frame):
            self.antecedent = answerable(self.things, frame)
            return [Call("get", entity) for entity in self.antecedent]
        return self._do(frame)

    def _is_reading(self, frame: Frame) -> bool:
        """Whether only a measurement is named ("humidity in the bathroom"), which asks for it."""
        if frame.has_goal or frame.verbs or frame.states or frame.unknown:
            return False
        named = [e for target in frame.targets for found in target.found[:1] for e in found.name.ids]
        is_sensor = bool(named) and all(self.things.house.entities[e].domain == "sensor" for e in named)
        is_of = all(frame.attributes_from < target.start for target in frame.targets)
        return is_sensor or (bool(frame.attributes) and (is_of or not named))

    def _houseless(self, frame: Frame) -> list[Call]:
        if frame.targets or frame.unknown or frame.has_goal or frame.has_subject or frame.is_mentioned:
            raise Stop(NotUnderstood())
        return [Call(frame.houseless)]

    def _do(self, frame: Frame) -> list[Call]:
        option = self._option(frame)
        goals = [option] if option else goals_of(frame) or self._repeated
        if not goals and not frame.acts:
            if frame.is_condition:
                raise Stop(NotUnderstood("statement"))
            goals = [Goal(frame.states[0])] if frame.states else [Goal("run")] if frame.is_scene else []
        if not goals or (frame.unknown and not option):
            raise Stop(self._without_option(frame) or NotUnderstood())
        calls = [call for goal in goals for call in self._reach(goal, frame)]
        if not option and self._has_two_readings(frame, calls):
            raise Stop(AskBack(shall_i(calls, self.things.house), ("yes",), (tuple(calls),)))
        return calls

    def _without_option(self, frame: Frame) -> NotPossible | None:
        """That a thing to choose from has no such choice: "switch the washing machine to turbo"."""
        chosen = {e.id: e for target in frame.targets for e in self._optioned(target)}
        selects = [entity for entity in chosen.values() if entity.domain == "select"]
        others = [target for target in frame.targets if not self._optioned(target)]
        if len(selects) != 1 or len(chosen) != 1 or not frame.verbs or not (frame.unknown or others):
            return None
        return NotPossible(selects[0].name, "cannot")

    def _has_two_readings(self, frame: Frame, calls: list[Call]) -> bool:
        """Whether a light may as well be only switched, or is to go a way that the value may not lie on.

        "Turn on the blue light", "turn the lights on brighter", "raise the lights half way". Nor is a light
        opened or closed, whoever asks whether it is fine to open something may not want it done yet, and a
        word that is but like a room's name may be none.
        """
        act = reduce_acts(frame.acts)
        if self._may_be_told(frame, act):
            return True
        is_light = {target.noun for target in frame.targets} == {"light"}
        if act in ("open", "close") and not (frame.is_shut or (act == "close" and is_light)):
            return any(call.service in ("turn_on", "turn_off") for call in calls) or (
                frame.is_leave_asked and act == "open"
            )
        if frame.is_leave_asked and act == "unlock":
            return True
        if any(self._is_guessed_room(target) for target in frame.targets):
            if frame.verbs and all(target.start < frame.acts_from for target in frame.targets):
                raise Stop(NotUnderstood())  # "Holly, could you shut down": rather somebody's name
            return True
        is_full = any(value.amount == _FULL for value in frame.values) and not frame.verbs
        is_amount = is_full or "brightness" in frame.attributes
        if any(value.is_level and value.is_switching for value in frame.values) and not is_amount:
            return any(call.service == "brightness" for call in calls)
        if act == "on" and not (frame.complaint or frame.has_pronoun):
            return any(
                value.is_epithet or (value.is_level and value.is_loose) for value in frame.values
            ) or bool(frame.steps and not frame.values)
        sign = {"up": "+", "down": "-"}.get(act or "", "")
        is_vague = any(
            value.is_level and 1 < value.amount < 100 and not value.relative for value in frame.values
        )
        return bool(sign) and is_vague and not all(self._is_on_the_way(call, sign) for call in calls)

    def _may_be_told(self, frame: Frame, act: str | None) -> bool:
        """Whether it may be told: "she wants the lamp on", "lamp turned on", "opened the gate".

        "Turned the lamp off" sounds like "turn the lamp off", so only what opens is asked about then.
        """
        if frame.is_begun or (frame.is_theirs and frame.is_wished):
            return True
        if frame.is_demanded or not 0 < frame.verbs == frame.participles:
            return False
        is_after = any(target.start < frame.acts_from for target in frame.targets)
        return act not in (_STATES_WISHED if is_after else () if frame.is_irregular else _HARDLY_TOLD)

    def _is_guessed_room(self, target: Target) -> bool:
        """Whether nothing but a room is named, and that by a word that is only like its name ("brain")."""
        return target.likeness < _SURE_OF_ROOM and not (target.found or target.noun or target.words)

    def _is_on_the_way(self, call: Call, sign: str) -> bool:
        """Whether the brightness called for lies where `sign` says, seen from now."""
        now = self.things.house.states.get(call.entity, State())
        level = 0 if now.value == "off" else now.brightness
        if call.service != "brightness" or not isinstance(call.value, int | float):
            return True
        return level is not None and (call.value > level if sign == "+" else call.value < level)

    def _reach(self, goal: Goal, frame: Frame) -> list[Call]:
        entities = self._entities(goal, frame)
        calls: list[Call] = []
        for entity in entities:
            call, name = self.things.call(entity, goal), self.things.house.entities[entity].name
            if call is None and goal.kind == "toggle":
                raise Stop(which_way(entity, self.things.house))
            if call is None:
                raise Stop(NotPossible(name, "cannot"))
            if goal.kind == "toggle" and call.service == "unlock":
                raise Stop(which_one([entity], Goal("unlock"), self.things.house))
            if not in_range(call, self.things.house):
                raise Stop(NotPossible(name, "out_of_range"))
            calls.append(call)
        if not calls:
            raise Stop(NotUnderstood())
        self.antecedent = entities
        return calls

    def _entities(self, goal: Goal, frame: Frame) -> list[str]:
        is_switched = goal.kind in ("on", "off", "run", "stop")
        if (
            is_switched
            and frame.activities
            and all(not (t.found or t.noun or t.words) for t in frame.targets)
        ):
            return self._doing(goal, frame)
        if frame.activities and not (is_switched or frame.targets):
            raise Stop(NotUnderstood())
        if not frame.targets:
            return self._unnamed(goal, frame)
        result: list[str] = []
        for target in frame.targets:
            self._check_object(target, frame)
            result += self.things.meant(target, goal)
        if frame.count and len(result) != frame.count:
            raise Stop(which_one(result, goal, self.things.house))
        excluded = {e for target in frame.excluded for e in self.things.meant(target, goal)}
        return [e for e in dict.fromkeys(result) if e not in excluded]

    def _check_object(self, target: Target, frame: Frame) -> None:
        """Unknown words are only taken for a thing the house lacks where the thing acted upon is said."""
        is_bare = bool(target.words) and not (target.noun or target.area)
        is_object = -1 < frame.acts_from < target.start and len(frame.targets) == 1
        if is_bare and not (is_object or self.things.is_known_thing(target) or self.things.partly(target)):
            raise Stop(NotUnderstood())

    def _unnamed(self, goal: Goal, frame: Frame) -> list[str]:
        """What is meant where no thing is said: those of the clause before, or what is in this room."""
        able = [e for e in self.antecedent if self.things.can(e, goal)]
        if able:
            return able
        if able := self._spoken_of(goal, frame):
            return able
        if "back" in frame.acts:
            raise Stop(NotUnderstood())  # to where things were before, which nobody knows
        noun = _UNNAMED.get(goal.of) or _UNNAMED.get(goal.kind, "")
        if goal.kind == "color" and not (frame.verbs or frame.has_pronoun):
            noun = ""
        if not noun and goal.of and frame.values:
            raise Stop(NotPossible(f"set the {goal.of.replace('_', ' ')}", "beyond"))
        if not noun:
            raise Stop(NotUnderstood())
        self.things.confidence *= GUESSED_AREA
        target = Target(0, 0, noun=noun, spoken_noun=noun, every=noun == "lock")
        return self.things.meant(target, goal)

    def _spoken_of(self, goal: Goal, frame: Frame) -> list[str]:
        """What the request before was about, where this one goes on from it. Raises Stop if that may open."""
        is_white = any(done.call.service in ("color", "color_temperature") for done in self.context.last)
        able = [
            e for e in self.context.entities if e in self.things.house.entities and self.things.can(e, goal)
        ]
        if goal.of == "temperature" and not (frame.has_pronoun or is_white):
            able = [e for e in able if self.things.house.entities[e].domain != "light"]
        if not able or (goal.kind in (*_SET, *_SWITCHED) and not frame.has_pronoun):
            return []
        if goal.kind in ("unlock", "open") and goal.kind not in self._before():
            raise Stop(which_one(able, goal, self.things.house))
        return able

    def _before(self) -> set[str]:
        return {goal.kind for goal in wanted_before(self.context)}

    def _doing(self, goal: Goal, frame: Frame) -> list[str]:
        """The one thing that does the activity spoken of."""
        doers = [e for e in self.things.index.words_of if any(self._does(e, a) for a in frame.activities)]
        doers = [e for e in doers if self.things.can(e, goal)]
        for target in frame.targets:
            doers = self.things.within(doers, self.things.area_of(target))
        if len(doers) != 1:
            raise Stop(NotUnderstood())
        self.things.confidence *= PARTIAL
        return doers

    def _does(self, entity: str, activity: str) -> bool:
        domain, _, names = activity.partition(":")
        is_kind = domain in ("", self.things.house.entities[entity].domain)
        wanted = [set(name.split()) for name in names.split("|")]
        return is_kind and any(n <= words for words in self.things.index.words_of[entity] for n in wanted)

    def _option(self, frame: Frame) -> Goal | None:
        """The option of a named select or thermostat that was said, if any; its words are then explained."""
        for target in frame.targets:
            for entity in self._optioned(target):
                for option in entity.options:
                    taken = self._where_said(option, target, frame)
                    if taken:
                        frame.targets = [t for t in frame.targets if t.start not in taken]
                        frame.unknown = [at for at in frame.unknown if at not in taken]
                        return Goal("option", name=option)
        return None

    def _optioned(self, target: Target) -> list[Entity]:
        """The selects and thermostats that `target` may mean, each with options to choose from."""
        things = self.things
        ids: Iterable[str]
        if target.found:
            ids = target.found[0].name.ids
        elif target.words:
            ids = things.partly(target, is_strict=False)
        else:
            nouns_of = things.index.nouns_of
            of_kind = [e for e, nouns in nouns_of.items() if target.noun and target.noun in nouns]
            ids = things.within(of_kind, things.area_of(target)) if target.area else of_kind
        return [things.house.entities[e] for e in ids if things.house.entities[e].options]

    def _where_said(self, option: str, target: Target, frame: Frame) -> range:
        """Where the words of an option stand outside the thing's own name; empty when they do not."""
        wanted = split(option, self.things.lexicon.language)
        if frame.acts == {"off"} and wanted == ["off"]:
            return range(0)
        words = self.things.words
        for at in frame.options:
            said = words[at : at + len(wanted)]
            is_like = fuzz.ratio(" ".join(said), " ".join(wanted)) >= _OPTION_LIKE or (
                len(wanted) == 1 and said[0] in self.things.lexicon.language.verb_forms.get(wanted[0], ())
            )
            if is_like and not target.start <= at < target.end:
                return range(at, at + len(wanted))
        return range(0)
