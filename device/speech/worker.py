"""The thread that synthesises, so that the daemon's loop stays free for events and cues.

Clauses are spoken one after another in the order they were submitted. While there is none, words that are
expected to be said are begun (`expect`), and last a phrase to warm the cache with: both give way at once,
but a clause with the expected words goes on from what is there. What was made is taken in order: `Opening`,
then `Sound` until one has `end`. A clause that fails is finished with the recorded fallback, once in a turn;
further clauses of that turn then stay silent. `drop` forgets everything of older turns, also the clause in
work. The thread pauses while `_AHEAD_S` of sound have not been taken.

A clause with `ahead` is begun, and everything after it waits until the same clause comes without.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from device.faults import Fault
from device.speech import Samples, Style, fallback
from device.speech.alignment import estimated_word_ends
from device.speech.cancellation import Cancellation, Cancelled
from device.speech.continuation import Sounding, Timed, continued
from device.speech.messages import Clause, Failure, Message, Opening, Sound, Spent

if TYPE_CHECKING:
    from device.speech.voice import Spoken  # at run time only the thread imports it: cues need no voice

_AHEAD_S = 4
_TAIL_S = 0.04  # after the last word of what is clipped: ends of words are where the next sound begins
_EXPECTED_S = 3.0  # of sound are made of words that may never be said
_NO_TURN = _NO_CLAUSE = -1  # of a phrase for the cache, and of expected words
_SILENCE: Samples = np.zeros(0, np.int16)

log = logging.getLogger(__name__)


class Speaker(Protocol):
    """A voice, or several."""

    def knows(self, text: str, style: Style) -> bool:
        """Whether `text` can be said without synthesis."""
        ...

    def say(self, text: str, style: Style, cancellation: Cancellation) -> Spoken:
        """Starts to speak. Raises Cancelled (also while the chunks are taken) and RuntimeError."""
        ...


@dataclass
class _Begun:
    """Expected words, of which some chunks are there."""

    clause: Clause
    spoken: Spoken
    cancellation: Cancellation
    chunks: list[Samples] = field(default_factory=list)
    cpu_ms: float = 0.0


class _Task(NamedTuple):
    clause: Clause | None  # None: the voice is loading
    cancellation: Cancellation
    begun: _Begun | None = None


class Worker:
    """Runs the voice that `load` gives, with sound at `rate_hz`; when `load` fails it is tried again."""

    def __init__(self, load: Callable[[Cancellation], Speaker], rate_hz: int) -> None:
        self._load, self._rate_hz = load, rate_hz
        self._voice: Speaker | None = None
        self._changed = threading.Condition()
        self._clauses: collections.deque[Clause] = collections.deque()
        self._warming: Clause | None = None
        self._expected: Clause | None = None
        self._begun: _Begun | None = None
        loading = Cancellation()
        self._current: _Task | None = _Task(None, loading)
        self._made: collections.deque[Message] = collections.deque()
        self._ready = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._busy_since_s: float | None = time.monotonic()
        self._apologised = -1
        self._closing = False
        self._thread = threading.Thread(target=self._run, args=(loading,), name="synthesis", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Readable while there is something to take."""
        return self._ready

    @property
    def idle(self) -> bool:
        """Whether nothing is being done and nothing is left to take."""
        with self._changed:
            return not (self._clauses or self._current or self._made or self._warming or self._expected)

    @property
    def stalled_s(self) -> float:
        """How long the voice has been at the same piece of work."""
        since = self._busy_since_s
        return 0.0 if since is None else time.monotonic() - since

    def submit(self, clause: Clause) -> None:
        """Says `clause` after those before it."""
        with self._changed:
            self._clauses.append(clause)
            self._warming = None
            if self._expected and _same(self._expected, clause):
                self._expected = None
            self._give_way()
            self._changed.notify()

    def expect(self, turn: int, text: str, style: Style) -> None:
        """Begins with words that will probably be the next to be said in `turn`, instead of others."""
        clause = Clause(turn, _NO_CLAUSE, text, style=style)
        with self._changed:
            known = (self._begun and self._begun.clause, self._current and self._current.clause)
            if any(one and one.number == _NO_CLAUSE and _same(one, clause) for one in known):
                return  # begun, or being begun
            self._forget()
            self._expected = clause
            self._give_way()
            self._changed.notify()

    def expect_nothing(self) -> None:
        """Nothing of what was expected will be said."""
        with self._changed:
            self._expected = None
            self._forget()
            self._give_way()

    def warm(self, text: str, style: Style) -> None:
        """Puts `text` into the phrase cache when there is nothing better to do."""
        with self._changed:
            self._warming = Clause(_NO_TURN, _NO_CLAUSE, text, style=style)
            self._changed.notify()

    def drop(self, turn: int) -> None:
        """Forgets whatever belongs to turns before `turn`."""
        with self._changed:
            self._clauses = collections.deque(clause for clause in self._clauses if clause.turn >= turn)
            self._made = collections.deque(
                made for made in self._made if made.clause is None or made.clause.turn >= turn
            )
            if self._expected and self._expected.turn < turn:
                self._expected = None
            if self._begun and self._begun.clause.turn < turn:
                self._forget()
            if self._current and self._current.clause and self._current.clause.turn < turn:
                self._current.cancellation.request()
            self._changed.notify()

    def take(self) -> Message | None:
        """The next thing that was made; None when there is nothing yet."""
        with self._changed:
            message = self._made.popleft() if self._made else None
            if not self._made:
                _clear(self._ready)
            self._changed.notify()
            return message

    def close(self) -> None:
        """Ends the thread."""
        with self._changed:
            self._closing = True
            if self._current:
                self._current.cancellation.request()
            self._changed.notify()
        self._thread.join(1)
        if not self._thread.is_alive():
            os.close(self._ready)

    # --- in the thread ---------------------------------------------------------------------------------

    def _run(self, loading: Cancellation) -> None:
        with contextlib.suppress(Cancelled):
            try:
                self._voice = self._load(loading)
            except Cancelled:
                raise
            except Exception as error:
                self._emit(Failure(None, *_told(error)), Cancellation())
        while (task := self._next()) is not None:
            clause, cancellation, begun = task
            with contextlib.suppress(Cancelled):
                assert clause is not None
                if clause.turn == _NO_TURN:
                    self._remember(clause, cancellation)
                elif clause.number == _NO_CLAUSE:
                    self._begin(clause, cancellation)
                else:
                    self._speak(clause, cancellation, begun)

    def _next(self) -> _Task | None:
        with self._changed:
            self._current, self._busy_since_s = None, None
            while not (self._clauses or self._expected or self._warming or self._closing):
                self._changed.wait()
            if self._closing:
                return None
            task = None
            if self._clauses:
                clause = self._clauses.popleft()
                if self._begun and _same(self._begun.clause, clause):
                    task = _Task(clause, self._begun.cancellation, self._begun)
                    self._begun = None
            elif self._expected:
                clause, self._expected = self._expected, None
            else:
                assert self._warming is not None
                clause, self._warming = self._warming, None
            self._current = task or _Task(clause, Cancellation())
            self._busy_since_s = time.monotonic()
            return self._current

    def _remember(self, clause: Clause, cancellation: Cancellation) -> None:
        if self._voice is None or self._voice.knows(clause.text, clause.style):
            return
        try:
            for _ in self._voice.say(clause.text, clause.style, cancellation).chunks:
                self._busy_since_s = time.monotonic()
        except RuntimeError as error:
            log.warning("a phrase could not be prepared", extra={"text": clause.text, "reason": str(error)})

    def _begin(self, clause: Clause, cancellation: Cancellation) -> None:
        """Makes the first sound of expected words, until it is enough or they are really said."""
        if self._voice is None or self._voice.knows(clause.text, clause.style):
            return
        began = time.thread_time()
        begun: _Begun | None = None
        try:
            begun = _Begun(clause, self._voice.say(clause.text, clause.style, cancellation), cancellation)
            made = 0
            for samples in begun.spoken.chunks:
                begun.chunks.append(samples)
                made += len(samples)
                self._busy_since_s = time.monotonic()
                if made > _EXPECTED_S * self._rate_hz or self._clauses:
                    break
        except Cancelled:
            begun = None
        except RuntimeError as error:
            log.warning("a phrase could not be prepared", extra={"text": clause.text, "reason": str(error)})
            return
        cpu_ms = 1000 * (time.thread_time() - began)
        with self._changed:
            if begun is None or cancellation.requested:
                self._tell(Spent(clause.turn, False, cpu_ms))
            else:
                begun.cpu_ms = cpu_ms
                self._begun = begun

    def _speak(self, clause: Clause, cancellation: Cancellation, begun: _Begun | None) -> None:
        words, ends, sent = tuple[str, ...](), tuple[int, ...](), 0
        try:
            for message in self._messages(clause, cancellation, begun):
                match message:
                    case Opening():
                        clause, words, ends = message.clause, message.words, message.word_ends
                    case Sound():
                        sent += len(message.samples)
                self._emit(message, cancellation)
        except Cancelled:
            raise
        except Exception as error:
            log.warning("a clause failed", exc_info=not isinstance(error, Fault))
            self._emit(Failure(clause, *_told(error)), cancellation)
            heard = sum(end <= sent for end in ends)
            self._apologise(clause, words[:heard], ends[:heard], sent, cancellation)

    def _messages(
        self, clause: Clause, cancellation: Cancellation, begun: _Begun | None
    ) -> Iterator[Message]:
        """Everything that comes of a clause; may wait for its end when it is only begun."""
        began = time.monotonic()
        if self._voice is None:
            self._voice = self._load(cancellation)
        if begun is not None:
            spoken, chunks = begun.spoken, itertools.chain(begun.chunks, begun.spoken.chunks)
        else:
            spoken = self._voice.say(clause.text, clause.style, cancellation)
            chunks = itertools.chain(spoken.chunks)
        took_ms = 1000 * (time.monotonic() - began)
        said, sounding = Timed(spoken.words, spoken.word_ends), Sounding(chunks)
        if clause.ahead:
            head = Timed(spoken.words[: clause.ahead], spoken.word_ends[: clause.ahead])
            text = " ".join(head.words)
            yield Opening(clause, text, head.words, head.ends, took_ms, spoken.cached)
        else:
            yield Opening(clause, clause.text, said.words, said.ends, took_ms, spoken.cached)
        if begun is not None:
            yield Spent(clause.turn, True, begun.cpu_ms)
        if clause.ahead:
            for samples in sounding.until(head.ends[-1] if head.ends else 0):
                yield Sound(clause, samples)
            awaited = self._await(clause, cancellation)
            if awaited.text != clause.text:
                other = self._voice.say(awaited.text, awaited.style, cancellation)
                said, skipped = continued(head, Timed(other.words, other.word_ends))
                sounding = Sounding(other.chunks)
                collections.deque(sounding.until(skipped), maxlen=0)
            clause = awaited
            text = " ".join(said.words)
            yield Opening(clause, text, said.words, said.ends, took_ms, spoken.cached)
        tail = round(_TAIL_S * self._rate_hz)
        is_clipped = clause.clipped and said.ends
        for samples in sounding.until(said.ends[-1] + tail) if is_clipped else sounding.rest():
            yield Sound(clause, samples)
        yield Sound(clause, _SILENCE, end=True)
        collections.deque(sounding.rest(), maxlen=0)  # what was clipped is made for the cache

    def _await(self, begun: Clause, cancellation: Cancellation) -> Clause:
        """The clause that `begun` was the beginning of, as it was submitted at last."""
        with self._changed:
            self._busy_since_s = None
            while True:
                if self._closing or cancellation.requested:
                    raise Cancelled
                for clause in self._clauses:
                    if (clause.turn, clause.number) == (begun.turn, begun.number):
                        self._clauses.remove(clause)
                        self._busy_since_s = time.monotonic()
                        return clause
                self._changed.wait()

    def _apologise(
        self,
        clause: Clause,
        words: tuple[str, ...],
        ends: tuple[int, ...],
        sent: int,
        cancellation: Cancellation,
    ) -> None:
        """Finishes a failed clause, of which `sent` samples and `words` were given out."""
        samples = _SILENCE
        if self._apologised != clause.turn:
            self._apologised = clause.turn
            samples = self._recorded()
            sorry = fallback.TEXT.split()
            words += tuple(sorry)
            ends += tuple(sent + end for end in estimated_word_ends(sorry, len(samples)))
        self._emit(Opening(clause, " ".join(words), words, ends, cached=True), cancellation)
        self._emit(Sound(clause, samples, end=True), cancellation)

    def _recorded(self) -> Samples:
        try:
            return fallback.load_fallback(self._rate_hz)
        except (OSError, RuntimeError) as error:
            log.error("the recorded phrase cannot be played", extra={"reason": str(error)})
            return _SILENCE

    def _emit(self, message: Message, cancellation: Cancellation) -> None:
        with self._changed:
            self._busy_since_s = None
            while not self._closing and self._untaken() > _AHEAD_S * self._rate_hz:
                if cancellation.requested:
                    break
                self._changed.wait()
            if self._closing or cancellation.requested:
                raise Cancelled
            self._tell(message)
            self._busy_since_s = time.monotonic()

    def _tell(self, message: Message) -> None:
        self._made.append(message)
        os.eventfd_write(self._ready, 1)

    def _untaken(self) -> int:
        return sum(len(made.samples) for made in self._made if isinstance(made, Sound))

    def _give_way(self) -> None:
        """Stops what is only prepared, unless it is just what has to be said next."""
        current = self._current
        if current is None or current.clause is None or current.clause.number != _NO_CLAUSE:
            return
        if not (self._clauses and _same(self._clauses[0], current.clause)):
            current.cancellation.request()

    def _forget(self) -> None:
        if self._begun is not None:
            self._tell(Spent(self._begun.clause.turn, False, self._begun.cpu_ms))
            self._begun = None


def _same(one: Clause, other: Clause) -> bool:
    """Whether both sound the same in the same turn."""
    return (one.turn, one.text, one.style) == (other.turn, other.text, other.style)


def _told(error: Exception) -> tuple[str, str]:
    if isinstance(error, Fault):
        return error.message, error.hint
    return f"{type(error).__name__}: {error}", "the daemon's log has the details"


def _clear(eventfd: int) -> None:
    try:
        os.eventfd_read(eventfd)
    except BlockingIOError:
        return
