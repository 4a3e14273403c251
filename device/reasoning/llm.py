"""The language model of the house: decides what a request means, or answers it in a sentence.

One prompt prefix per house (`prompt`) is evaluated once, kept in memory and, under `cache`, on disk: after a
restart it is read back in milliseconds instead of being computed for half a minute. A request then costs its
own words, which `prefill` can evaluate while they are still being spoken, and one evaluation per choice
along the tree of commands (`grammar`). Two rows of tokens are kept: the request being decided, and the
conversation, so that neither throws the other out. On a CPU the tokens of a batch cost nearly as much as one
by one, so what is saved is saved by evaluating fewer of them, not by evaluating branches together.

All methods belong to one thread; `cancelled` is asked inside every evaluation, by another thread, and stops
it within a token.

Border: text in; `Decision`, or pieces of text to speak. Raises ModelError (cause and next step), Cancelled,
TooSlow.
"""

from __future__ import annotations

import codecs
import hashlib
import logging
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from device.home.registry import House
from device.reasoning import commands, grammar, prompt
from device.reasoning.answer import Answer, claims
from device.reasoning.decision import Decision, judge
from device.reasoning.runtime import BATCH_TOKENS, ContextFull, Runtime
from device.reasoning.thinker import (
    DEFAULT_LIMITS,
    Begun,
    Cancel,
    Finality,
    History,
    Limits,
    ModelError,
    TooSlow,
    never,
    stop_if,
    unnoticed,
)

log = logging.getLogger(__name__)

DECIDING, TALKING = 0, 1  # rows of tokens
REQUEST_TOKENS = 96  # longer ones are cut
ROW_TOKENS = REQUEST_TOKENS + 96  # a request and what the model answers
SPARE_TOKENS = 2 * ROW_TOKENS  # of the context, beside the prefix
RECALLED_AT_ONCE = 16  # tokens of what was said: a quarter sooner than three, and lost if somebody speaks
KEPT_PREFIXES = 8  # of houses, and of agents in them
_END_MARKS = (".", "?", "!", " ?", " .", " please")  # what may stand between a whole request and the arrow


class LanguageModel:
    """A loaded model and what it knows of one house; `limits` may be replaced at any time."""

    def __init__(
        self,
        path: Path,
        *,
        threads: int,
        context: int,
        cache: Path | None = None,
        limits: Limits = DEFAULT_LIMITS,
        language: str = "en",
    ) -> None:
        """Load the model in about three seconds; raises ModelError.

        `context` in tokens; `cache` is a folder for evaluated prefixes.
        """
        self._runtime = Runtime(path, threads=threads, context=context, sequences=2)
        self._cache, self._language = cache, language
        self.limits = limits
        self._prefix: list[int] = []
        self._brief: list[int] = []  # the beginning of the prefix, so that it is always evaluated too
        self._line_end = self._runtime.tokenize("\n")[0]
        self._joint = self._runtime.tokenize(prompt.JOINT)[0]
        self._arrow = self._runtime.tokenize(prompt.ARROW)
        self._talk = self._runtime.tokenize(prompt.LEAD + commands.TALK)
        self._ends = self._single((prompt.ARROW, *_END_MARKS))
        self._additions = self._single(f" {word}" for word in prompt.load(language).additions)

    @property
    def ready(self) -> bool:
        """Whether the prefix of a house is evaluated."""
        return bool(self._prefix)

    @property
    def effort(self) -> tuple[int, int]:
        """Evaluations and evaluated tokens since the start, which is what a CPU pays for."""
        return self._runtime.evaluations, self._runtime.evaluated_tokens

    @property
    def spared(self) -> int:
        """How many of its threads rest, so that others have their cores; may be set from any thread."""
        return self._runtime.spared

    @spared.setter
    def spared(self, cores: int) -> None:
        self._runtime.spared = cores

    def close(self) -> None:
        """Free the memory."""
        self._runtime.close()

    def set_house(self, house: House, cancelled: Cancel = never) -> bool:
        """Learn the names of a house; whether that was read from disk instead of computed.

        Cancelled in the middle it goes on from there the next time; until it ends the model is not `ready`.
        """
        text, tokens = self._fit(house)
        if tokens == self._prefix:
            return True
        self._prefix = []
        self._runtime.drop(TALKING)  # makes room
        path = self._cache / f"{self._key(text)}.state" if self._cache else None
        restored = path is not None and self._runtime.restore(DECIDING, path, tokens)
        if not restored:
            self._runtime.evaluate(DECIDING, tokens, stop_if(cancelled), at_once=BATCH_TOKENS)
            self._save(path)
        elif path:
            path.touch()
        self._prefix = tokens
        self._brief = self._runtime.tokenize(prompt.shortened(text), markup=True)
        return restored

    def recall(self, history: History, cancelled: Cancel = never) -> None:
        """Read what has been said, so that a free answer to the next request begins sooner."""
        tokens = [*self._known(), *self._before(history)]
        if self._runtime.held(TALKING, tokens) < len(tokens):
            self._runtime.evaluate(TALKING, tokens, stop_if(cancelled), at_once=RECALLED_AT_ONCE)

    def prefill(self, text: str, history: History = (), cancelled: Cancel = never) -> None:
        """Read a request that may still go on; changes nothing but the cost of what follows.

        After a free answer another one is likely, so the request is read into that conversation too.
        """
        check, heard = stop_if(cancelled), self._heard(text)
        self._runtime.evaluate(DECIDING, [*self._known(), *heard], check)
        if before := self._before(history):
            self._runtime.evaluate(TALKING, [*self._known(), *before, *heard], check)

    def finality(
        self, text: str, history: History = (), cancelled: Cancel = never, *, whole: bool = False
    ) -> Finality:
        """How probable it is that a request heard as `text` is over: that the prompt's arrow comes next.

        With `history` it is read where it will be answered, without it where it will be decided about. What
        is probably `whole` is read on to where an answer begins.
        """
        before = self._before(history)
        asked = [*self._known(), *before, *self._heard(text)]
        guess = [*self._arrow, *self._talk] if whole else []
        row = TALKING if before else DECIDING
        logits = self._runtime.evaluate(row, asked, stop_if(cancelled), guess=guess)
        powers = np.exp(logits - logits.max())
        probabilities = powers / powers.sum()
        over, added = (float(probabilities[tokens].sum()) for tokens in (self._ends, self._additions))
        return Finality(over, over / max(over, 1 - added, 1e-6))

    def decide(self, text: str, house: House, cancelled: Cancel = never, *, brief: bool = False) -> Decision:
        """What `text` asks for; every call of the decision is allowed by `house`."""
        check = stop_if(cancelled, time.monotonic() + self.limits.deadline_s)
        heard = commands.hear(text, house, self._language)
        known, row = (self._brief, TALKING) if brief else (self._known(), DECIDING)
        tree = grammar.plant(
            commands.commands(heard, house),
            self._runtime.tokenize,
            verbs=commands.ABSENT_VERBS,
            lead=prompt.LEAD,
            end=self._line_end,
            line=self._joint,
        )
        asked = [*known, *self._heard(text), *self._arrow]
        walk = grammar.walk(
            tree,
            lambda answer: self._runtime.evaluate(
                row, [*asked, *answer], check, guess=() if answer else self._talk
            ),
            several=heard.several,
            least=self.limits.ask,  # below it no call is even offered
        )
        return judge(walk, act=self.limits.act, ask=self.limits.ask)

    def talk(
        self,
        text: str,
        history: History = (),
        cancelled: Cancel = never,
        *,
        brief: bool = False,
        begun: Begun = unnoticed,
    ) -> Iterator[str]:
        """A spoken answer of a few sentences, clause by clause; it ends early at the deadline.

        `history` is what was said before; `begun` is called at the first token.
        """
        check = stop_if(cancelled, time.monotonic() + self.limits.deadline_s)
        answer = Answer(self._language, self.limits.sentences)
        decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        tokens = self._conversation(text, () if brief else history, brief=brief)
        cut = True
        try:
            for number in range(self.limits.answer_tokens):
                logits = self._runtime.evaluate(TALKING, tokens, check)
                token = int(logits.argmax())
                if number == 0:
                    begun()
                piece, newline, _ = decoder.decode(self._runtime.piece(token)).partition("\n")
                if clause := answer.push(piece):
                    yield clause
                cut = not (newline or self._runtime.ends(token))
                if answer.over or not cut:
                    break
                tokens = [*tokens, token]
        except (TooSlow, ContextFull) as error:
            log.warning("the answer was cut off: %s", error)
        if not answer.over and (rest := answer.finish(cut=cut)):
            yield rest

    def _conversation(self, text: str, history: History, *, brief: bool) -> list[int]:
        heard = self._heard(text)
        known = self._brief if brief else self._known()
        return [*known, *self._before(history), *heard, *self._arrow, *self._talk]

    def _before(self, history: History) -> list[int]:
        """As much of the history as fits beside any request; half goes when it does not.

        Replies that report an action are left out: the model would learn from them to claim actions.
        """
        question = REQUEST_TOKENS + len(self._arrow) + len(self._talk)
        taken = ROW_TOKENS + len(self._known()) + question + self.limits.answer_tokens
        said = ""
        lines: list[list[int]] = []
        for role, words in history:
            if role == "user":
                said = words
            elif said and not claims(words, self._language):
                lines.append(self._runtime.tokenize(prompt.exchange(said, words)))
        while lines and sum(map(len, lines)) > self._runtime.context - taken:
            lines = lines[(len(lines) + 1) // 2 :]
        return [token for line in lines for token in line]

    def _heard(self, text: str) -> list[int]:
        """What was said as tokens; a request is never so long that its prompt would not fit."""
        return self._runtime.tokenize(prompt.request(text))[:REQUEST_TOKENS]

    def _single(self, parts: Iterable[str]) -> list[int]:
        """The tokens of those that are a token each."""
        tokens = map(self._runtime.tokenize, parts)
        return [numbers[0] for numbers in tokens if len(numbers) == 1]

    def _known(self) -> list[int]:
        if not self._prefix:
            raise ModelError(
                "the language model has not read the house yet", "wait for it, about half a minute"
            )
        return self._prefix

    def _fit(self, house: House) -> tuple[str, list[int]]:
        """The prefix for a house, with as many devices as leave room for a request."""
        for most in (commands.SMALL_HOUSE, commands.SMALL_HOUSE // 2, commands.SMALL_HOUSE // 4):
            text = prompt.prefix(house, most=most, language=self._language)
            tokens = self._runtime.tokenize(text, markup=True)
            if len(tokens) + SPARE_TOKENS <= self._runtime.context:
                return text, tokens
        raise ModelError(
            f"a context of {self._runtime.context} tokens has no room for this house",
            f"set reason.context_tokens to at least {len(tokens) + SPARE_TOKENS}",
        )

    def _key(self, text: str) -> str:
        seed = f"{self._runtime.fingerprint} {text}"
        return hashlib.sha256(seed.encode()).hexdigest()[:32]

    def _save(self, path: Path | None) -> None:
        """Keep the evaluated prefix for the next start, and the files of the last few houses only."""
        if path is None:
            return
        try:
            self._runtime.save(DECIDING, path)
            states = sorted(path.parent.glob("*.state"), key=lambda file: file.stat().st_mtime, reverse=True)
            for old in states[KEPT_PREFIXES:]:
                old.unlink(missing_ok=True)
        except OSError as error:
            log.warning("the evaluated prompt cannot be kept, the next start will be slow: %s", error)
