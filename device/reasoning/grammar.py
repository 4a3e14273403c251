"""Decoding along the tree of commands: the model chooses, the house limits the choice.

The lines of `commands` become a tree of tokens. Where the tree forks, and where a name begins even if only
one fits, the model is asked; tokens without an alternative are not evaluated one by one. There is no way out
of the tree, so every walk ends in calls that the house allows.

How sure a walk is: the first fork compares what can be done with `say` and `cannot`. A verb of the language
that this house has no use for ("unlock" without a lock) speaks for `cannot`; other words the model would
have liked to begin with say nothing. At later forks the share is taken over the whole vocabulary, so that a
name the model would rather write than any of the house's makes the walk unsure. Probabilities are multiplied
by the weight of the likeliest line behind a branch. The product of the shares is that of the walk.

Border: token ids; `Source` gives the logits, float32[vocabulary], of what follows an answer so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from device.reasoning.commands import CANNOT, TALK, Command

Encode = Callable[[str], Sequence[int]]
Source = Callable[[Sequence[int]], NDArray[np.float32]]

MOST_COMMANDS = 4  # in one answer
VERBS_TRIED = 2  # the second where nothing follows the first: "set" what no value was heard for
# The examples make the model decline too easily; a real lack also shows in the names it would rather write.
CANNOT_WEIGHT = 0.1
TINY = 1e-12


class Node(msgspec.Struct):
    """A place in the tree; `command` is set where a line is complete, `names` where a name begins."""

    children: dict[int, Node] = {}
    command: Command | None = None
    names: bool = False
    weight: float = 0.0


class Tree(msgspec.Struct, frozen=True):
    """The lines of one request as tokens, with the tokens that say that a line or the answer ends."""

    root: Node
    talk: int
    cannot: int
    absent: frozenset[int]  # first tokens of verbs that this house has no use for
    end: int
    line: int


class Walk(msgspec.Struct, frozen=True):
    """Where decoding went: the commands in order, how sure, and the shares of the first fork (sum 1)."""

    commands: tuple[Command, ...] = ()
    probability: float = 0.0
    act: float = 0.0
    talk: float = 0.0
    cannot: float = 0.0


def plant(
    lines: Sequence[Command], encode: Encode, *, verbs: Iterable[str], lead: str, end: int, line: int
) -> Tree:
    """The tree of `lines`, each written after `lead`; `verbs` are those whose absence from a house counts."""
    root = Node()
    for command in lines:
        if not command.calls:
            continue
        node = root
        for place, slot in enumerate(command.slots):
            node.names |= place == 1
            for token in encode(slot if place else lead + slot) if slot else ():
                node = node.children.setdefault(token, Node())
                node.weight = max(node.weight, command.weight)
        node.command = node.command or command
    talk, cannot = encode(lead + TALK)[0], encode(lead + CANNOT)[0]
    first = {encode(lead + verb)[0] for verb in verbs}
    return Tree(root, talk, cannot, frozenset(first - set(root.children)), end, line)


def walk(tree: Tree, source: Source, *, several: bool, least: float) -> Walk:
    """Follow the likeliest open branches; gives up where the probability falls below `least`.

    Shares are at most 1, so that behind a first fork below `least` nothing need be evaluated. Without
    `several` the walk ends with the first command.
    """
    first = _probabilities(source(()))
    verbs = {token: node.weight * float(first[token]) for token, node in tree.root.children.items()}
    acting, talk, cannot = sum(verbs.values()), float(first[tree.talk]), float(first[tree.cannot])
    absent = float(first[list(tree.absent)].sum())
    total = max(acting + talk + cannot + absent, TINY)
    unsure = Walk(act=acting / total, talk=talk / total, cannot=(cannot + absent) / total)
    if not verbs:
        return unsure
    counted = max(acting + talk + CANNOT_WEIGHT * cannot + absent, TINY)
    probability, command, answer = 0.0, None, list[int]()
    for verb in sorted(verbs, key=lambda token: verbs[token], reverse=True)[:VERBS_TRIED]:
        share = verbs[verb] / counted
        if share >= least:
            command, answer, rest = _descend(tree, [verb], source, [], least / max(share, TINY))
            share *= rest
        probability = share if command else max(share, probability)
        if command:
            break
    if command is None:
        return msgspec.structs.replace(unsure, probability=probability)
    chosen = [command]
    while several and len(chosen) < MOST_COMMANDS:
        after = source(answer)
        if after[tree.end] >= after[tree.line]:
            break
        answer.append(tree.line)
        command, tokens, share = _descend(tree, [], source, answer, least / max(probability, TINY))
        probability *= share
        if command is None:
            return msgspec.structs.replace(unsure, probability=probability)
        if command in chosen:
            break
        chosen.append(command)
        answer += tokens
    return msgspec.structs.replace(unsure, commands=tuple(chosen), probability=probability)


def _descend(
    tree: Tree, start: Sequence[int], source: Source, answer: Sequence[int], least: float
) -> tuple[Command | None, list[int], float]:
    """From the root, with `start` already chosen, to a whole line; None once the share is below `least`."""
    tokens: list[int] = []
    node, share = tree.root, 1.0
    for token in start:
        tokens.append(token)
        node = node.children[token]
    while node.children:
        best: int | None = next(iter(node.children))
        if len(node.children) > 1 or node.names or node.command is not None:
            probabilities = _probabilities(source([*answer, *tokens]))
            options: dict[int | None, float] = {}
            unlisted = 1.0
            for token, child in node.children.items():
                options[token] = child.weight * float(probabilities[token])
                unlisted -= float(probabilities[token])
            if node.command is not None:
                options[None] = node.command.weight * float(probabilities[[tree.end, tree.line]].sum())
                unlisted -= options[None]
            best = max(options, key=lambda token: options[token])
            share *= options[best] / max(sum(options.values()) + max(unlisted, 0.0), TINY)
            if share < least:
                return None, tokens, share
        if best is None:
            break
        tokens.append(best)
        node = node.children[best]
    return node.command, tokens, share


def _probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers: NDArray[np.float32] = np.exp(logits - logits.max())
    powers /= powers.sum()
    return powers
