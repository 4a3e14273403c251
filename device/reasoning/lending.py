"""What a clause borrows from its neighbours: "turn on the kitchen and the hallway light". Pure."""

from __future__ import annotations

from dataclasses import replace

from device.reasoning.frames import Frame, Target


def inherit(frames: list[Frame]) -> list[Frame]:
    """Lends every frame the act or the things it lacks, from the frame before it or else after it."""
    result = list(frames)
    for at, now in enumerate(result):
        before = result[at - 1] if at else None
        after = result[at + 1] if at + 1 < len(result) else None
        if before and before.mood == "ask" and now.mood == "do" and now.verbs == now.participles:
            now = replace(now, mood="ask", attributes=now.attributes or before.attributes)
        elif (
            now.mood == "do"
            and now.targets
            and not now.has_goal
            and not (now.houseless or now.not_yet or now.is_unwanted)
        ):
            lender = before if before and before.mood == "do" and before.has_goal else after
            if lender and lender.mood == "do" and lender.has_goal:
                now = replace(
                    now,
                    acts=lender.acts,
                    values=lender.values,
                    states=lender.states,
                    steps=lender.steps,
                    attributes=lender.attributes,
                )
        if (
            after
            and after.targets
            and not (after.verbs or (after.has_goal and now.has_goal and after.acts != now.acts))
        ):
            now = replace(now, targets=[_borrow_noun(target, after.targets[0]) for target in now.targets])
        result[at] = now
    return result


def _borrow_noun(target: Target, other: Target) -> Target:
    is_bare = target.area and not (target.noun or target.found or target.words)
    if is_bare and not target.area.startswith("@") and (other.area or other.found):
        noun, spoken = other.noun, other.spoken_noun
        return replace(target, noun=noun, spoken_noun=spoken) if noun else target
    return target
