"""Which entities of the house a target means, given what is to be done with them.

A thing is looked for by whole name, then by the words of its name that were said, then by kind and area. A
kind without an area means the area spoken of before, else the one this device stands in, else the only one
there is. What remains in doubt is asked back; what the house lacks is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from device.home.registry import Call, House, services_of
from device.reasoning.asking import MOST_CHOICES, NO_ROOM, which_one
from device.reasoning.frames import Target
from device.reasoning.goals import Goal, call_for
from device.reasoning.names import FLOOR, SURE, Found, Likely, NameIndex
from device.reasoning.replies import not_possible
from device.reasoning.results import AskBack, NotPossible, NotUnderstood, Stop
from device.reasoning.words import Lexicon, split

MARGIN = 0.05  # so much better than its rival a name must be heard
SURE_IF_RISKY = 0.92  # how well the name of what must not open by mistake is to be heard
NEAR = 0.65  # how much an unknown name must resemble a thing for that to be offered
PARTIAL, GUESSED_AREA = 0.9, 0.97  # what these guesses leave of the confidence
_RISKY = ("unlock", "open")
_OBVIOUS = ("on", "off", "run", "lock", "unlock")  # acts whose object is surely a thing
_HARMLESS = ("off", "close", "lock")
_CROWDS = ("light", "everything", "blind", "curtain", "cover", "fan")  # all in a room are meant
_EVERYTHING = {
    "on": ("light", "switch", "fan"),
    "off": ("light", "switch", "fan"),
    "open": ("cover",),
    "close": ("cover",),
    "lock": ("lock",),
    **dict.fromkeys(("step", "percent", "color", "white", "kelvin", "factor", "lighten"), ("light",)),
}
_DEFAULT_NOUN = {
    "open": "cover",
    "close": "cover",
    "stop": "cover",
    "lock": "lock",
    "unlock": "lock",
    "degrees": "thermostat",
}
_OF_LIGHTS = ("lighten", "color", "white", "kelvin", "brightness", "color_temperature")
_ROOM_DEGREES = range(5, 31)  # a bare number in this range may be a temperature


def _is_of_warmth(goal: Goal) -> bool:
    return goal.kind in ("degrees", "number") or (goal.kind, goal.of) in (
        ("step", ""),
        ("step", "temperature"),
    )


class Things:
    """The things of one sentence; `confidence` falls with every guess, `area` is the one spoken of last."""

    def __init__(
        self, words: list[str], places: list[list[Likely]], index: NameIndex, house: House, lexicon: Lexicon
    ) -> None:
        self.words = words
        self.house = house
        self.index = index
        self.lexicon = lexicon
        self.confidence = 1.0
        self.area = ""
        self._places = places
        self._numbered = ""

    def meant(self, target: Target, goal: Goal) -> list[str]:
        """The entities that `target` means for `goal`. Raises Stop when in doubt or when there is none."""
        if target.found:
            return self._named(target, goal)
        area = self.area_of(target)
        if target.words:
            return self._partly_named(target, goal, area)
        return self._of_kind(target, goal, area)

    def can(self, entity: str, goal: Goal) -> bool:
        """Whether the entity has such a goal at all."""
        if goal.kind == "toggle":
            return any(self.can(entity, Goal(kind)) for kind in ("on", "open", "lock"))
        call = self.call(entity, goal)
        if call is not None and goal.kind in ("color", "white", "kelvin"):
            return goal.kind == "kelvin" or self.house.allows(call)
        return call is not None and call.service in services_of(self.house.entities[entity])

    def call(self, entity: str, goal: Goal) -> Call | None:
        """The call that reaches `goal` for an entity, None where it has no such goal."""
        return call_for(goal, self.house.entities[entity], self.house)

    def area_of(self, target: Target) -> str:
        """The area id that `target` names ("@house", "@outdoor" or "" when it names none)."""
        if target.area == "@here":
            if not self.house.device_area:
                raise Stop(NO_ROOM)
            return self.house.device_area
        if target.area == "@unknown":
            raise Stop(NotPossible(self.spoken(target)))
        return target.area

    def within(self, entities: Iterable[str], area: str) -> list[str]:
        """Those of `entities` that are in `area`, by their area or, lacking one, by their name."""
        if area == "@house":
            return list(entities)
        if area in ("@indoor", "@outdoor"):
            return [e for e in entities if (e in self.index.outdoor) == (area == "@outdoor")]
        if area.startswith(FLOOR):
            rooms = self.house.floors.get(area.removeprefix(FLOOR), ())
            return [e for e in entities if any(self._is_in(e, room) for room in rooms)]
        return [e for e in entities if self._is_in(e, area)]

    def _is_in(self, entity: str, area: str) -> bool:
        own = self.house.entities[entity].area
        spoken = set(self.index.area_words.get(area, ()))
        if not own and not spoken:
            return False
        return own == area or (not own and any(spoken <= words for words in self.index.words_of[entity]))

    def partly(self, target: Target, *, is_strict: bool = True) -> dict[str, float]:
        """Entities that the unmatched words of `target` name in part, with how sure."""
        heard = [(self.words[at], self._places[at]) for at in target.words]
        return self.index.partly(heard, target.noun, is_strict=is_strict)

    def spoken(self, target: Target, start: int | None = None) -> str:
        """The words of a target, or those from `start`, as they were said, without the leading article."""
        words = self.words[target.start if start is None else min(start, target.start) : target.end]
        if len(words) > 2 and words[0] not in self.lexicon.known and self._is_article(words[1]):
            words = words[1:]  # an unknown verb
        while words and self._is_article(words[0]):
            words = words[1:]
        return " ".join(words)

    def _is_article(self, word: str) -> bool:
        return bool({"determiner", "quantifier"} & self.lexicon.readings(word).keys())

    def is_known_thing(self, target: Target) -> bool:
        """Whether a word of `target` is an everyday thing or room, though not one of this house."""
        words = [self.words[at] for at in target.words]
        named = self.lexicon.things | self.lexicon.rooms
        return any(w in named or (w in self.lexicon.known and w not in self.lexicon.words) for w in words)

    def literally(self, candidates: list[str], target: Target) -> list[str]:
        """Those whose name holds the special word that was said ("lamp", "shutters"), if there are any."""
        said = self._singular(target.spoken_noun)
        if said == self._singular(target.noun):
            return candidates
        literal = [e for e in candidates if self._is_called(e, said)]
        if target.every or (target.noun != "light" and not target.area):
            return literal or candidates
        area = target.area if target.area and target.area != "@here" else self.house.device_area
        return self.within(literal, area) or candidates

    # By whole name

    def _named(self, target: Target, goal: Goal) -> list[str]:
        best = target.found[0]
        ids = list(best.name.ids)
        able = [e for e in ids if self.can(e, goal)]
        measured = {self.house.entities[e].area for e in ids if self._is_thermometer(e)} - {""}
        if not able and len(measured) == 1 and _is_of_warmth(goal):  # "raise the nursery temperature"
            return self._of_kind(Target(target.start, target.end, noun="thermostat"), goal, measured.pop())
        if not able and best.name.area:
            return self._of_kind(Target(target.start, target.end, area=best.name.area), goal, best.name.area)
        if target.area and not best.name.area:
            area = self.area_of(target)
            inside = self.within(able, area) or self._unplaced(able, area)
            if not inside and not self.within(ids, area):
                raise Stop(NotPossible(self.spoken(target)))
            able = inside
        if not able:
            raise Stop(NotPossible(self.house.entities[ids[0]].name, "cannot"))
        self._check_hearing(target.found, goal)
        self.confidence *= best.score
        if not self.index.is_group(best.name):
            able = self._nearest(able, target)
            self._doubt(able, goal, target)
        self.area = self.house.entities[able[0]].area or self.area
        return able

    def _is_thermometer(self, entity: str) -> bool:
        return self.house.entities[entity].device_class == "temperature" and self._domain(entity) == "sensor"

    def _unplaced(self, entities: list[str], area: str) -> list[str]:
        """Those that are in no room the house knows of, which may well be the one that was said."""
        unplaced = [e for e in entities if not self.house.entities[e].area and not area.startswith("@out")]
        self.confidence *= GUESSED_AREA if unplaced else 1.0
        return unplaced

    def _nearest(self, entities: list[str], target: Target) -> list[str]:
        if len(entities) == 1 or target.every:
            return entities
        return self.within(entities, self.area) or self.within(entities, self.house.device_area) or entities

    def _check_hearing(self, found: Sequence[Found], goal: Goal) -> None:
        best = found[0]
        rivals = [
            f
            for f in found[1:]
            if f.name.ids and f.name.ids != best.name.ids and best.score - f.score < MARGIN
        ]
        least = SURE_IF_RISKY if goal.kind in _RISKY else SURE
        if best.score < least or (rivals and best.score < 1.0):
            options = dict.fromkeys((best.name.ids[0], *(f.name.ids[0] for f in rivals)))
            raise Stop(which_one([e for e in options if self.can(e, goal)], goal, self.house))

    # By a part of the name

    def _partly_named(self, target: Target, goal: Goal, area: str) -> list[str]:
        is_strict = goal.kind != "option" and not self._is_lit(target, goal)
        scores = self.partly(target, is_strict=is_strict)
        scores = {e: score for e, score in scores.items() if self.can(e, goal)}
        if area:
            scores = {e: scores[e] for e in self.within(scores, area)}
        if not scores:
            self._unknown(target, goal)
        top = max(scores.values())
        best = self._nearest([e for e, score in scores.items() if top - score < MARGIN], target)
        self.confidence *= PARTIAL * top
        if top < SURE or goal.kind in _RISKY or not self._is_telling(best, target):
            raise Stop(which_one(best, goal, self.house))
        self._doubt(best, goal, target)
        return best

    def _is_lit(self, target: Target, goal: Goal) -> bool:
        """Whether a thing is named for the light on it: "more light on the desk", "the lamp by the bed"."""
        if target.noun == "light" and target.spoken_noun:
            between = self.words[target.start : target.words[0]]
            return any("preposition" in self.lexicon.readings(word) for word in between)
        before = [word for word in self.words[: target.start] if not self._is_article(word)]
        is_place = bool(before) and "preposition" in self.lexicon.readings(before[-1])
        return is_place and (goal.kind in _OF_LIGHTS or goal.of in _OF_LIGHTS)

    def _is_telling(self, entities: list[str], target: Target) -> bool:
        """Whether the words tell one scene from another: "movie" of "movie night" does, "night" does not."""
        scenes = [self.house.entities[e] for e in entities if self._domain(e) == "scene"]
        first = {
            word
            for scene in scenes
            for name in (scene.name, *scene.aliases)
            for word in self._first_word(name)
        }
        heard = {word for at in target.words for likely in self._places[at] for word in likely.words}
        return not scenes or bool(first & heard)

    def _first_word(self, name: str) -> list[str]:
        return split(name, self.lexicon.language)[:1]

    def _unknown(self, target: Target, goal: Goal) -> None:
        before = self.words[target.start - 1] if target.start else ""
        is_object = goal.kind in _OBVIOUS and "determiner" in self.lexicon.readings(before)
        if self.is_known_thing(target):
            raise Stop(NotPossible(self.spoken(target)))
        if is_object or target.noun not in ("", "scene"):
            raise Stop(self._nearest_to(target, goal) or NotPossible(self.spoken(target)))
        raise Stop(NotUnderstood())

    def _nearest_to(self, target: Target, goal: Goal) -> AskBack | None:
        """The question whether what resembles an unknown name most was meant; None when nothing does."""
        said = [self.words[at] for at in target.words]
        if not (self.lexicon.things | self.lexicon.rooms).isdisjoint(said):
            return None
        able = [e for e in self.index.nouns_of if self.can(e, goal)]
        if target.noun:
            able = [e for e in able if target.noun in self.index.nouns_of[e]]
        if target.area:
            able = self.within(able, self.area_of(target))
        scores = {e: self.index.resemblance(said, e) for e in able}
        near = [e for e, score in scores.items() if score >= max(NEAR, max(scores.values()) - MARGIN)]
        if len(near) != 1:
            return None
        question = which_one(near, goal, self.house)
        lacking = not_possible(NotPossible(self.spoken(target)))
        return msgspec.structs.replace(question, question=f"{lacking} {question.question}")

    # By kind and area

    def _of_kind(self, target: Target, goal: Goal, area: str) -> list[str]:
        if not target.noun and goal.kind in _OBVIOUS and self.spoken(target) in self.lexicon.things:
            raise Stop(NotPossible(self.spoken(target)))  # "the bath" is a thing before it is a room
        noun = target.noun or self._default_noun(goal, area)
        candidates = [e for e in self._kind(noun, goal) if self.can(e, goal)]
        if target.spoken_noun:
            candidates = self.literally(candidates, target)
        is_near = not (area or target.every)
        chosen = self.within(candidates, area) if area else candidates
        chosen = self._near(candidates, target, goal) if is_near else chosen
        if not chosen:
            self._none_of_kind(target, goal, noun, area)
        if area and not area.startswith("@"):
            self.area = area
        said = self._singular(target.spoken_noun)
        is_one = said not in ("", noun) and not (self._is_plural(target) or target.every)
        if (
            is_one
            and noun == "light"
            and len(self.within(self._kind(noun, goal), self._area_of(chosen))) > len(chosen)
        ):
            raise Stop(which_one(chosen, goal, self.house))
        self._check_kind(chosen, target, goal, noun, area)
        return chosen

    def _check_kind(self, chosen: list[str], target: Target, goal: Goal, noun: str, area: str) -> None:
        """Asks back where a kind may mean too much, or opens what must not open by mistake."""
        is_plural = self._is_plural(target)
        if noun == "everything" and area in ("", "@house") and goal.kind in ("on", "open"):
            calls = tuple(call for e in chosen if (call := self.call(e, goal)))
            verb = "switch on" if goal.kind == "on" else "open"
            raise Stop(AskBack(f"Shall I really {verb} everything?", ("everything",), (calls,)))
        if noun not in _CROWDS and not is_plural:
            self._doubt(chosen, goal, target)
        is_entrance = noun in ("door", "garage", "gate", "lock") and bool(target.noun)
        if goal.kind in _RISKY and is_entrance and not area and not is_plural:
            raise Stop(which_one(chosen, goal, self.house))

    def _area_of(self, entities: Sequence[str]) -> str:
        """The one area of these, "@house" where there is more than one."""
        areas = {self.house.entities[e].area for e in entities}
        return areas.pop() if len(areas) == 1 else "@house"

    def _near(self, candidates: list[str], target: Target, goal: Goal) -> list[str]:
        for area in (self.area, self.house.device_area):
            if area and (inside := self.within(candidates, area)):
                if area == self.house.device_area:
                    self.confidence *= GUESSED_AREA
                return inside
        is_everything = target.noun == "everything"
        is_harmless = goal.kind in _HARMLESS and self._is_plural(target)
        if len(candidates) <= 1 or is_harmless or is_everything:
            return candidates
        rooms = {self.house.entities[e].area for e in candidates}
        is_many = len(candidates) > MOST_CHOICES or not self.house.device_area
        if target.noun in _CROWDS and is_many and len(rooms) > 1 and "" not in rooms:
            raise Stop(NO_ROOM)
        raise Stop(which_one(candidates, goal, self.house))

    def _none_of_kind(self, target: Target, goal: Goal, noun: str, area: str) -> None:
        kind = self._kind(noun, goal)
        here = self.within(kind, area) if area else kind
        if here:
            name = self.house.entities[here[0]].name
            raise Stop(NotPossible(name if len(here) == 1 else self.spoken(target) or noun, "cannot"))
        said = self.spoken(target)
        is_set = goal.kind in ("degrees", "percent", "color", "kelvin", "white")
        is_room = area in self.house.areas and (is_set or (goal.kind, goal.of) == ("step", "temperature"))
        if area == "@outdoor" and noun == "thermostat":
            raise Stop(NotPossible(f"{noun} {said}"))
        if not said or not (goal.kind in _OBVIOUS or target.noun or is_room):
            raise Stop(NotUnderstood())
        where = self.house.areas.get(area, "").lower()
        if where and where not in said:
            said = f"{said} in the {where}"
        raise Stop(NotPossible(said if target.noun else f"{noun} in the {where or said}"))

    def _default_noun(self, goal: Goal, area: str) -> str:
        if goal.of in ("temperature", "speed"):
            return "thermostat" if goal.of == "temperature" else "fan"
        if goal.kind == "number":
            inside = self.within(self.index.nouns_of, area)
            is_warmth = int(goal.value) in _ROOM_DEGREES and any(self._domain(e) == "climate" for e in inside)
            self._numbered = self._numbered or ("thermostat" if is_warmth else "light")
            return self._numbered  # "kitchen to forty and bedroom to twenty": both are about light
        return _DEFAULT_NOUN.get(goal.kind, "light")

    def _kind(self, noun: str, goal: Goal) -> list[str]:
        if noun == "everything":
            return [e for e in self.index.nouns_of if self._domain(e) in _EVERYTHING.get(goal.kind, ())]
        of_kind = [e for e, nouns in self.index.nouns_of.items() if noun in nouns]
        if noun == "thermostat":
            return [e for e in of_kind if self._domain(e) == "climate"] or of_kind
        if noun in ("blind", "curtain") and not of_kind:
            return [e for e, nouns in self.index.nouns_of.items() if "cover" in nouns]
        if noun == "cover":
            return [e for e in self.index.nouns_of if self._domain(e) == "cover" or e in of_kind]
        return of_kind

    def _domain(self, entity: str) -> str:
        return self.house.entities[entity].domain

    def _is_called(self, entity: str, spoken: str) -> bool:
        alike = [group for group in self.lexicon.language.synonyms if spoken in group]
        ways = [set(map(self._singular, way.split())) for way in (*(alike[0] if alike else ()), spoken)]
        called = [set(map(self._singular, words)) for words in self.index.words_of[entity]]
        return any(said <= words for said in ways for words in called)

    def _singular(self, word: str) -> str:
        for ending in self.lexicon.language.plural:
            if word.endswith(ending) and self.lexicon.noun(word.removesuffix(ending)):
                return word.removesuffix(ending)
        return word

    def _is_plural(self, target: Target) -> bool:
        return self._singular(target.spoken_noun) != target.spoken_noun

    def _doubt(self, entities: list[str], goal: Goal, target: Target) -> None:
        if len(entities) > 1 and not target.every:
            raise Stop(which_one(entities, goal, self.house))
