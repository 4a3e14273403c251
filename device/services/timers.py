"""wren-timers: keeps timers, alarms and reminders through everything, and rings until it is told to stop.

Nothing but the disk and the speak daemon is needed: neither network nor broker, wake word nor language
model. A change is on the disk before it is confirmed.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from pathlib import Path

from device import settings as settings_module
from device.bus.turns import playing_turn
from device.events import (
    AnnouncementRequested,
    CueRequested,
    DaemonFailed,
    DaemonReady,
    DaemonStopped,
    DialogState,
    Event,
    ListenRequested,
    TimerChanged,
    TimerRang,
    TimerStopped,
    ToolCalled,
    TurnCancelled,
    TurnStarted,
)
from device.home.registry import Call
from device.services.daemon import STEP_S, Daemon, run
from device.tools import say, timekeeper, timers
from device.tools.ringing import Loudness, Ringer
from device.tools.services import TIMER_SERVICES
from device.tools.store import Store
from device.tools.timekeeper import local, named
from device.tools.timers import Book, Now, Refused, Timer

_CHIMES = 3  # in a round
_WINDOW_MS = 8000
_IDLE_S = 0.25
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class TimersDaemon(Daemon):
    """Owns the book of timers and the ringing."""

    name = "timers"

    def start(self) -> None:
        """Takes up the book of the process before this one."""
        self._store = Store(settings_module.state_dir(self.settings) / "timers.json", Book())
        self._boot = _BOOT_ID.read_text().strip()
        self._book = self._store.load()
        self._ringer = Ringer()
        self._talking = False
        self._can_speak = self._is_disk_told = False
        self._begun: deque[str] = deque(maxlen=64)  # call ids; events may arrive twice
        self._told: dict[str, TimerChanged] = {}
        now = self._now()
        self._keep(timers.reckoned(timers.observe(self._book, now), now))
        self._tell()

    def step(self) -> None:
        """Waits for events, then looks at the clocks."""
        self.bus.wait(STEP_S if self._ringer.ringing else self._idle_s())
        now = self._now()
        book = timers.observe(self._book, now)
        if book is not self._book:
            self._keep(book)
            self._tell(anew=True)
        for timer in self._book.due(now):
            if timer.id not in self._ringer.ringing:
                self._begin(timer, now)
        self._ring()

    def on_event(self, event: Event) -> None:
        """Carries out calls; follows the conversation, which it does not disturb."""
        match event:
            case ToolCalled() if event.tool in TIMER_SERVICES and event.call_id not in self._begun:
                self._begun.append(event.call_id)
                self._call(event)
            case TurnStarted():
                self._talking = True
            case DialogState():
                self._talking = event.state != "idle"
            case TurnCancelled(reason="stopped") if self._ringer.ringing:
                call_id = f"{event.turn}.stopped"
                self._call(ToolCalled(turn=event.turn, call_id=call_id, tool="ring_stop", arguments={}))
            case TurnCancelled(reason="no_speech") if self._ringer.ringing and not self._talking:
                self._listen()
            case DaemonReady(daemon="speak"):
                self._can_speak = True
            case DaemonFailed(daemon="speak") | DaemonStopped(daemon="speak"):
                self._can_speak = False

    def _now(self) -> Now:
        return Now(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), self._boot)

    def _idle_s(self) -> float:
        """Until something is due, or until the clocks should be looked at again."""
        now = self._now()
        running = (timer for timer in self._book.timers if timer.paused_s is None)
        next_s = min((self._book.remaining(timer, now) for timer in running), default=_IDLE_S)
        return max(0.0, min(_IDLE_S, next_s))

    def _keep(self, book: Book) -> None:
        """Goes on with `book`; a disk that takes nothing is told of, and silences no alarm."""
        if book is self._book:
            return
        self._book = book
        try:
            self._store.save(book)
        except OSError as error:
            if not self._is_disk_told:
                self.failed(f"timers cannot be written: {error.strerror}", "see `wren doctor`")
            self._is_disk_told = True
        else:
            self._is_disk_told = False

    # --- ringing -----------------------------------------------------------------------------------------

    def _begin(self, timer: Timer, now: Now) -> None:
        late_s = -self._book.remaining(timer, now)
        if late_s > self.settings.timers.late_s:
            self._miss(timer, now)
            return
        self._ringer.begin(timer, time.monotonic())
        self.bus.send(TimerRang(timer_id=timer.id, kind=timer.kind, name=timer.name, late_s=round(late_s, 2)))
        self._tell()

    def _miss(self, timer: Timer, now: Now) -> None:
        """Tells of one that is too old to ring, as soon as somebody can be told."""
        if not self._can_speak or self._talking:
            return
        said = say.missed(timer.kind, timer.name, local(timer.due_s), local(self._book.clock(now)))
        self.bus.send(AnnouncementRequested(turn=playing_turn(self.runtime), text=said))
        self._keep(timers.ended(self._book, now, timer.id))
        self.bus.send(TimerStopped(timer_id=timer.id, reason="missed"))
        self._tell()

    def _ring(self) -> None:
        loudness, now_s = self._loudness(), time.monotonic()
        for timer_id in self._ringer.worn_out(now_s, loudness):
            self._keep(timers.ended(self._book, self._now(), timer_id))
            self._silence(timer_id)
            self.bus.send(TimerStopped(timer_id=timer_id, reason="limit"))
            self._tell()
        due = self._ringer.step(now_s, loudness, quiet=self._talking)
        if due is None:
            return
        ringing, turn = self._ringing(), playing_turn(self.runtime)
        if due.spoken:
            text = say.sentences([say.rings(t.kind, t.name, local(t.due_s)) for t in ringing])
            self.bus.send(AnnouncementRequested(turn=turn, text=text))
        else:
            for _ in range(_CHIMES):
                self.bus.send(CueRequested(turn=turn, cue="alarm", level_db=due.level_db))
        self._listen()

    def _listen(self) -> None:
        """Hears "stop" without a wake word; listen has an open window already more often than not."""
        if self.settings.timers.stop_without_wake_word:
            self.bus.send(ListenRequested(window_ms=_WINDOW_MS, about="ringing"))

    def _ringing(self) -> list[Timer]:
        return [timer for timer in self._book.timers if timer.id in self._ringer.ringing]

    def _silence(self, timer_id: str) -> None:
        self._ringer.end(timer_id)

    def _loudness(self) -> Loudness:
        given = self.settings.timers
        return Loudness(
            ring_every_s=given.ring_every_ms / 1000,
            ring_limit_s=given.ring_limit_s,
            first_db=given.ring_first_db,
            step_db=given.ring_step_db,
            last_db=given.ring_last_db,
        )

    # --- calls -------------------------------------------------------------------------------------------

    def _call(self, called: ToolCalled) -> None:
        began = time.monotonic()
        call = Call(called.tool, str(called.arguments.get("entity") or ""), called.arguments.get("value"))
        try:
            done = timekeeper.carry_out(
                self._book, call, self._now(), self._ringing(), self.settings.timers.snooze_s
            )
            self._store.save(done.book)
        except Refused as refused:
            self._answer(called, began, str(refused), is_done=False)
            return
        except OSError as error:
            if not done.stopped:
                said = f"Sorry, I cannot write that down: {error.strerror}."
                self._answer(called, began, said, is_done=False)
                return
        self._book = done.book
        for timer in done.stopped:
            self._silence(timer.id)
            self.bus.send(TimerStopped(timer_id=timer.id, reason="snoozed" if done.snoozed else "stopped"))
        self._tell()
        self._answer(called, began, done.said, is_done=True)

    def _answer(self, called: ToolCalled, began: float, said: str, *, is_done: bool) -> None:
        took_ms = (time.monotonic() - began) * 1000
        self.bus.send(called.result("" if is_done else "refused", said=said, took_ms=took_ms))

    def _tell(self, *, anew: bool = False) -> None:
        """Sends what has changed of each timer since it was sent last."""
        now = self._now()
        told = {timer.id: self._view(timer, now) for timer in self._book.timers}
        for timer_id, view in told.items():
            before = self._told.get(timer_id)
            if anew or before is None or _lasting(before) != _lasting(view):
                self.bus.send(view)
        for timer_id in self._told.keys() - told.keys():
            self.bus.send(TimerChanged(timer_id=timer_id, kind=self._told[timer_id].kind, state="gone"))
        self._told = told
        names = [named(self._book, timer, now) for timer in self._book.timers]
        self.status(", ".join(names) or "no timers")

    def _view(self, timer: Timer, now: Now) -> TimerChanged:
        left_s = self._book.remaining(timer, now)
        ringing = timer.id in self._ringer.ringing
        return TimerChanged(
            timer_id=timer.id,
            kind=timer.kind,
            state="ringing" if ringing else "running" if timer.paused_s is None else "paused",
            name=timer.name,
            seconds=timer.seconds,
            due_s=round(now.wall_s + left_s, 1),
            remaining_s=round(left_s, 1),
            repeats=timer.repeats,
            skipped=timer.skipped,
        )


def _lasting(view: TimerChanged) -> tuple[object, ...]:
    """What does not change by the mere passing of time."""
    paused_s = view.remaining_s if view.state == "paused" else 0
    due_s = round(view.due_s) * (not paused_s)
    return view.kind, view.state, view.name, view.seconds, due_s, paused_s, view.skipped


if __name__ == "__main__":
    sys.exit(run(TimersDaemon))
