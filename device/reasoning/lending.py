"""What a clause borrows from its neighbours: "turn on the kitchen and the hallway light". Pure."""

from __future__ import annotations

from dataclasses import replace

from device.reasoning.frames import Frame, Target


def inherit(frames: list[Frame]) -> list[Frame]:
    """Lends every frame the act or the things it lacks, from the frame before it or else after it."""
    result = list(frames)
    for at in range(1, len(result)):
        before, now = result[at - 1], result[at]
        if before.mood == "ask" and now.mood == "do" and now.verbs == now.participles:
            result[at] = replace(now, mood="ask", attributes=now.attributes or before.attributes)
        elif _lacks_goal(now):
            result[at] = _lent(now, before)
    for at in reversed(range(len(result) - 1)):
        now, after = result[at], result[at + 1]
        now = _lent(now, after) if _lacks_goal(now) else now
        is_alike = not (after.verbs or (after.has_goal and now.has_goal and after.acts != now.acts))
        if after.targets and is_alike:
            now = replace(now, targets=[_borrow_noun(target, after.targets[0]) for target in now.targets])
        result[at] = now
    return result


def _lacks_goal(now: Frame) -> bool:
    is_other = bool(now.houseless or now.not_yet or now.is_unwanted)
    return now.mood == "do" and bool(now.targets) and not (now.has_goal or is_other)


def _lent(now: Frame, lender: Frame) -> Frame:
    if lender.mood != "do" or not lender.has_goal:
        return now
    return replace(
        now,
        acts=lender.acts,
        values=lender.values,
        states=lender.states,
        steps=lender.steps,
        attributes=lender.attributes,
    )


def _borrow_noun(target: Target, other: Target) -> Target:
    is_bare = target.area and not (target.noun or target.found or target.words)
    if is_bare and not target.area.startswith("@") and (other.area or other.found):
        noun, spoken = other.noun, other.spoken_noun
        return replace(target, noun=noun, spoken_noun=spoken) if noun else target
    return target
