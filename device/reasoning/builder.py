"""From a clause to its frame: what is wanted (acts, values) of which things (targets). Pure."""

from __future__ import annotations

from device.reasoning.clauses import mood_of
from device.reasoning.frames import Frame, Target, Value
from device.reasoning.items import Item
from device.reasoning.lights import light_up
from device.reasoning.names import NameIndex
from device.reasoning.words import DOING, DONE

_HOURS = 12  # "at" up to this number is rather a time of day
_UNITS = ("percent", "degrees", "fahrenheit", "kelvin")
_BETWEEN = frozenset(("determiner", "quantifier", "ignored", "degree"))
_NAMED = frozenset(("name", "noun", "area", "pronoun", "everything"))
_WHOM, _PURPOSE_WORDS = ("unknown", "subject"), 2
_DEMANDS = frozenset(("ensure", "desire", "modal"))
_ASKS_ALONE = frozenset(("houseless", "ask", "wh", "which", "copula", "aux", "desire", "neutral"))
_OPTION_KINDS = frozenset(
    (
        "unknown",
        "color",
        "level",
        "neutral",
        "act",
        "step",
        "state",
        "attribute",
        "noun",
        "complaint",
        "sense",
    )
)


def frame(part: list[Item], index: NameIndex) -> Frame:
    """The frame of one clause."""
    return _Builder(part, index).build()


class _Builder:
    """Reads the items of one clause from left to right."""

    def __init__(self, part: list[Item], index: NameIndex) -> None:
        self.index = index
        self.part = part = self._without_purpose(part)
        self.frame = Frame(mood_of(part), part[0].start)
        is_led = "relates" in part[0].readings and len(part) > 1 and part[1].is_verb
        is_doing = part[0].is_verb and part[0].form == DOING
        self.frame.is_begun = (is_led or is_doing) and part[0].start == 0
        self.frame.is_reason = part[0].kind == "reason"
        self.frame.is_open_question = part[0].kind in ("wh", "which")
        self.verb: Item | None = None
        self.targets = self.frame.targets  # or, after "except", those excluded

    def _without_purpose(self, part: list[Item]) -> list[Item]:
        """A clause without what it is for: "dim the lamp for the baby", "too dark to read".

        Of a question also what there is enough for: "is it warm enough to sit outside".
        """
        led = next((at for at, item in enumerate(part) if item.readings.keys() & {"purpose", "relates"}), 0)
        before, tail = part[:led], [item for item in part[led + 1 :] if item.kind != "determiner"]
        known = self.index.lexicon.things | self.index.lexicon.rooms | self.index.option_words
        said = next((at for at, i in enumerate(tail) if i.kind not in _WHOM or i.text in known), len(tail))
        is_to = "purpose" not in part[led].readings
        felt = ("complaint", "step", "ignored") if mood_of(part) == "ask" else ("complaint", "step")
        if is_to and before and before[-1].kind in felt and said:
            return [*before, *tail[said:]]
        is_wish = any(i.is_verb for i in before) and any(i.kind in _NAMED for i in before)
        is_for = 0 < said == len(tail) <= _PURPOSE_WORDS and not is_to
        return before if is_wish and is_for else part

    def build(self) -> Frame:
        for at, item in enumerate(self.part):
            before = self.part[:at]
            match item.kind:
                case "except":
                    self.targets = self.frame.excluded
                case "name":
                    self._name(item, before)
                case "area":
                    self._area(item, item.value, before)
                case "noun":
                    self._noun(item, before)
                case "quantifier" if not before and self.part[1:2] and self._is_particle(self.part[1]):
                    self.targets.append(Target(item.start, item.end, noun="everything", every=True))
                case "everything":
                    self.targets.append(Target(item.start, item.end, noun="everything", every=True))
                case "unknown":
                    self._unknown(item, before)
                case "sense" | "sensed" if self.frame.mood != "ask":
                    self._unknown(item, before)
                case "disjunction" if self.frame.mood == "do":
                    self.frame.unknown.append(item.start)  # "bright or dim": which of them was not said
                case "act" if self._is_of_unknown_verb(at):
                    self.frame.unknown.append(item.start)
                case _:
                    self._meaning(item, before[-1] if before else None, (*self.part[at + 1 :], None)[0])
            if item.kind == "duration" and self._is_ordinal(at):
                self._unknown(item, before)
            if item.kind in _OPTION_KINDS:
                self.frame.options.append(item.start)
            self.frame.is_sensed |= "sensed" in item.readings
            if sense := item.readings.get("sense"):
                self.frame.senses.append((sense, item.kind in ("sense", "act", "state", "complaint")))
        light_up(self.frame, self.part, self.index)
        targets = self.frame.targets
        self.frame.is_scene = bool(targets) and all(self._is_scene(target) for target in targets)
        return self.frame

    def _is_particle(self, item: Item) -> bool:
        return item.kind == "act" and item.text in self.index.lexicon.language.particles

    def _is_of_unknown_verb(self, at: int) -> bool:
        """Whether a particle goes with a verb that nobody knows: "air out the bathroom"."""
        before, after = self.part[:at], self.part[at + 1 :]
        if not self._is_particle(self.part[at]) or not before or before[-1].is_verb or not after:
            return False
        is_first = {item.kind for item in before} <= {"unknown", "attribute", "determiner", "ignored"}
        return is_first and after[0].kind in ("determiner", "quantifier", *_NAMED)

    # Things

    def _touches(self, before: list[Item]) -> bool:
        """Whether only articles and the like lie between the last thing and here."""
        end = self.targets[-1].end if self.targets else 0
        return bool(self.targets) and all(o.kind in _BETWEEN for o in before if o.start >= end)

    def _every(self, before: list[Item]) -> bool:
        end = self.targets[-1].end if self.targets else 0
        return any(o.kind in ("quantifier", "which") for o in before if o.start >= end)

    def _name(self, item: Item, before: list[Item]) -> None:
        area = next((found.name.area for found in item.found if found.name.area), "")
        named = tuple(found for found in item.found if found.name.ids)
        if not named:
            self._area(item, area, before)
            self.targets[-1].likeness = item.found[0].score
            return
        last = self.targets[-1] if self._touches(before) else None
        if self._is_plug_of(before):
            self.targets[-1] = Target(self.targets[-1].start, item.end, named, area=area)
        elif last and last.area and not (last.noun or last.found or last.words):
            last.found, last.end = named, item.end
        else:
            self.targets.append(Target(item.start, item.end, named, area=area, every=self._every(before)))

    def _is_plug_of(self, before: list[Item]) -> bool:
        """Whether the switch just spoken of is that of a thing named now: "the plug for the printer"."""
        led = [o for o in before if o.kind != "determiner"][-2:]
        is_led = len(led) == 2 and led[0].kind == "noun" and led[1].kind == "preposition"
        return (
            is_led and led[0].value == "switch" and bool(self.targets) and self.targets[-1].noun == "switch"
        )

    def _area(self, item: Item, area: str, before: list[Item]) -> None:
        """An area narrows the things just named, unless they have one or plainly are elsewhere."""
        led = [o for o in before if o.kind != "determiner"][-2:]
        if not self.targets and len(led) == 2 and led[0].kind == "act" and "purpose" in led[1].readings:
            self.frame.unknown.append(item.start)  # "set off for the office"
        last = self.targets[-1] if self.targets else None
        is_apart = last is not None and any(o.kind == "except" and o.start >= last.end for o in before)
        if (
            last
            and last.area == "@here"
            and area != "@here"
            and before[-1].kind in ("preposition", "determiner")
        ):
            last.area, last.end = area, item.end  # "I can not see where I am going in the hall"
            return
        if last and not (last.area or is_apart):
            named = [e for found in last.found for e in found.name.ids]
            is_there = bool(named) and area == "@here"
            is_there = is_there or any(self.index.entities[e].area == area for e in named)
            is_said_of = bool(named) and before[-1].kind in ("preposition", "determiner")
            if last.noun or last.words or is_there or is_said_of:
                last.area, last.end = area, item.end
                last.every |= area == "@house" and last.noun == "thermostat"  # "the heating everywhere"
                return
        self.targets.append(Target(item.start, item.end, area=area, every=self._every(before)))

    def _noun(self, item: Item, before: list[Item]) -> None:
        if self.targets and before[-1].kind == "color":  # "the lamp … a blue light"
            return
        last = self.targets[-1] if self._touches(before) else None
        every = self._every(before)
        named = [e for found in last.found for e in found.name.ids] if last else []
        is_kind_of_last = any(item.value in self.index.nouns_of[e] for e in named)
        if last and (is_kind_of_last or not (last.noun or last.found)):
            last.noun, last.spoken_noun, last.end, last.every = (
                item.value,
                item.text,
                item.end,
                last.every or every,
            )
        else:
            target = Target(item.start, item.end, noun=item.value, spoken_noun=item.text, every=every)
            self.targets.append(target)

    def _unknown(self, item: Item, before: list[Item]) -> None:
        if self.frame.mood == "ask" and item.text.endswith(self.index.lexicon.language.adverb_ending):
            return
        if self.verb is not None and (act := self.index.lexicon.act(self.verb.text, item.text)):
            self.frame.acts.add(act)  # "get … going"
            return
        last = self.targets[-1] if self.targets else None
        touches = self._touches(before)
        is_place = bool(before) and before[-1].kind in ("preposition", "determiner")
        if last and touches and last.found:
            self.frame.unknown.append(item.start)
        elif last and (touches or (is_place and self._is_narrowed(last, item))):
            last.words.append(item.start)
            last.end = item.end
        else:
            every = self._every(before)
            self.targets.append(Target(item.start, item.end, words=[item.start], every=every))

    def _is_narrowed(self, last: Target, item: Item) -> bool:
        """Whether an unknown place says more of a kind of thing ("lights in the attic"), no choice does."""
        return bool(last.noun) and not (last.words or last.area or item.text in self.index.option_words)

    def _is_scene(self, target: Target) -> bool:
        if target.found:
            return any(self.index.entities[e].domain in ("scene", "button") for e in target.found[0].name.ids)
        return target.noun == "scene" and bool(target.words)

    def _is_ordinal(self, at: int) -> bool:
        """Whether a length of time stands for something else ("the second lamp", "brighten my day")."""
        before, after = self.part[at - 1] if at else None, (*self.part[at + 1 :], None)[0]
        if before is not None and before.kind == "determiner":
            return True
        is_counted = before is not None and before.kind == "number"
        return not is_counted and after is not None and after.kind in ("name", "noun")

    # What is wanted of them

    def _meaning(self, item: Item, previous: Item | None, following: Item | None) -> None:
        frame = self.frame
        if previous and previous.kind == "origin":
            return
        if item.kind in ("act", "neutral"):
            frame.verbs += item.is_verb
            is_done = item.is_verb and item.form == DONE
            frame.participles += is_done
            is_regular = item.text.split()[0].endswith(self.index.lexicon.language.done_ending)
            frame.is_irregular |= is_done and not is_regular
            frame.acts_from = item.start if frame.acts_from < 0 else frame.acts_from
            item.value = self._joined(item) or item.value
            self.verb = item if item.is_verb else self.verb
        match item.kind:
            case "act":
                frame.acts.add(item.value)
                frame.is_shut |= "shuts" in item.readings
                if self.targets is frame.excluded:
                    frame.guard = frame.guard or "negation"
            case "state":
                frame.states.append(item.value)
                frame.is_condition = "condition" in item.readings and not self._is_demanded()
            case "step":
                frame.steps.append(item.value)
            case "attribute":
                frame.attributes.append(item.value)
                frame.attributes_from = min(item.start, frame.attributes_from)
            case "complaint" if self._is_attribute(item, following):
                pass
            case "complaint":
                frame.complaint, frame.is_bare = item.value, "bare" in item.readings
                frame.is_lack = "lacks" in item.readings
                frame.is_sought = not frame.is_lack and self._is_sought()
            case "color" if item.value.isdigit():
                frame.values.append(Value("white", float(item.value)))
            case "color":
                is_before = previous is not None and previous.kind not in ("preposition", "clock", "neutral")
                is_epithet = is_before and following is not None and following.kind in ("noun", "name")
                frame.values.append(Value("color", name=item.value, is_epithet=is_epithet))
            case "level":
                prior = previous.kind if previous else ""
                last = self.index.lexicon.readings(item.text.split()[-1])
                if last.get("attribute") == "brightness" and "act" not in last:  # "full brightness"
                    frame.attributes.append("brightness")
                frame.values.append(
                    Value(
                        "percent",
                        float(item.value),
                        relative=prior == "by",
                        is_level=True,
                        is_loose=prior not in ("preposition", "clock"),
                        is_switching=previous is not None
                        and previous.text in self.index.lexicon.language.particles,
                    )
                )
            case "factor":
                times, _, of = item.value.partition(" ")
                frame.values.append(Value("factor", float(times), of))
            case "number":
                self._number(item, previous, following.kind if following else "")
            case "activity":
                frame.activities.append(item.value)
            case "houseless" | "not_yet" | "guard":
                frame.is_mentioned |= item.kind == "houseless" and not self._is_asked_alone()
                setattr(frame, item.kind, getattr(frame, item.kind) or item.value)
            case _:
                self._manner(item)

    def _is_demanded(self) -> bool:
        """Whether the clause demands something or has a verb: "keep the lights lit"."""
        return any(o.is_verb or o.kind in _DEMANDS for o in self.part)

    def _is_sought(self) -> bool:
        """Whether the clause demands a state of things: "make it dark", but not "it is getting dark"."""
        kinds = {o.kind for o in self.part if o.form != DOING}
        return bool(kinds & {"neutral", "desire", "ensure"}) and "copula" not in kinds

    def _is_attribute(self, item: Item, following: Item | None) -> bool:
        """Whether a complaint only says which thing is meant: "the dark hallway"."""
        is_before = following is not None and following.kind in ("noun", "name")
        return is_before and "bare" in item.readings and self.frame.mood != "ask"

    def _is_asked_alone(self) -> bool:
        """Whether time or date is all that is spoken of; "for his own time" is not about the clock."""
        articles = self.index.lexicon.language.articles
        is_wish = any(o.kind in ("neutral", "desire") for o in self.part)
        if is_wish and not any(o.kind == "houseless" and " " in o.text for o in self.part):
            return False  # "give me time"
        return all(
            o.kind in _ASKS_ALONE or (o.kind == "determiner" and o.text in articles) for o in self.part
        )

    def _joined(self, particle: Item) -> str:
        """What a particle makes of the verb before the thing ("light … up"), which then means that alone."""
        verb = self.verb
        if verb is None or particle.is_verb or verb.value not in ("on", "close", ""):
            return ""
        act = self.index.lexicon.act(verb.text, particle.text)
        if act == "off" and any(map(self._may_move, self.targets)):
            return ""
        if act:
            self.frame.acts.discard(verb.value)
        return act

    def _may_move(self, target: Target) -> bool:
        """Whether a target may be a cover, which is shut down but not switched off."""
        if target.found:
            return any(self.index.entities[e].domain == "cover" for e in target.found[0].name.ids)
        return target.noun not in ("light", "fan", "thermostat", "switch", "everything")

    def _manner(self, item: Item) -> None:
        frame = self.frame
        match item.kind:
            case "ensure" | "modal":
                frame.is_demanded = True
            case "desire":
                frame.is_demanded = True
                frame.is_wished = True
                frame.is_leave_asked |= "leave" in item.readings
            case "unwanted":
                frame.is_unwanted = True
            case "degree":
                frame.is_slight = True
            case "pronoun":
                frame.has_pronoun = True
                frame.is_ours = frame.is_ours or "impersonal" in item.readings
            case "subject":
                frame.has_subject = True
                frame.is_ours = "self" in item.readings
                frame.is_theirs = not frame.is_ours

    def _number(self, item: Item, previous: Item | None, unit: str) -> None:
        frame, amount, prior = self.frame, float(item.text), previous.kind if previous else ""
        if prior == "negative":
            amount, prior = -amount, "preposition"
        is_time_of_day = prior == "clock" and amount <= _HOURS and unit not in _UNITS
        if unit == "noun" and prior not in ("clock", "by"):
            frame.count = int(amount)
            return
        is_delay = previous is not None and "delay" in previous.readings and unit not in _UNITS
        if unit == "duration" or is_time_of_day or is_delay:
            frame.guard = "later" if frame.guard in ("", "intention") else frame.guard
        relative = prior == "by"
        match unit:
            case "percent":
                value = Value("percent", amount, relative=relative)
            case "fahrenheit":
                celsius = (amount if relative else amount - 32) * 5 / 9
                value = Value("degrees", round(celsius * 2) / 2, relative=relative)
            case "kelvin":
                value = Value("kelvin", amount, relative=relative)
            case "degrees":
                is_loose = prior not in ("preposition", "clock")
                value = Value("degrees", amount, relative=relative or prior == "act", is_loose=is_loose)
            case _:
                value = Value("number", amount, relative=relative)
        frame.values.append(value)
