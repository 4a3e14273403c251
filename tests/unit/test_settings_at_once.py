"""Settings of listening while it speaks: all on the settings page, and followed without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from device.bus.paths import microphone_ring, microphone_spec
from device.bus.ring import RingWriter
from device.console import pages
from device.events import (
    DialogState,
    DuckRequested,
    ListenRequested,
    PlaybackStarted,
    PlaybackStopped,
    TurnCommitted,
    TurnStarted,
)
from device.hearing import Samples
from device.services.listen import ListenDaemon
from device.settings import BargeIn, Listen, Settings
from tests.hearing import frames, in_room, model_files, say
from tests.unit.test_reason import Bus, Rig

NAMED = (
    *("audio.echo", "audio.processed_channel", "audio.raw_channel", "audio.reference_channel"),
    *("audio.noise_suppression", "audio.automatic_gain", "audio.gate_tail_ms", "audio.volume"),
    *(
        "barge_in.enabled",
        "barge_in.duck_db",
        "barge_in.confirm_ms",
        "barge_in.confidence",
        "barge_in.pause_ms",
    ),
    *("barge_in.loud_threshold", "barge_in.restore_ms", "listen.vad_threshold", "listen.turn_threshold"),
    *("listen.complete_silence_ms", "listen.unsure_silence_ms", "listen.open_silence_ms"),
    *("listen.maximum_turn_ms", "listen.hypothesis_silence_ms", "listen.follow_up", "listen.follow_up_ms"),
)


class Ears:
    """The listen daemon over Wren's voice; a test writes what the microphone hears."""

    def __init__(self, folder: Path, settings: BargeIn) -> None:
        model_files("vad"), model_files("asr")
        self._runtime = str(folder)
        self.bus = Bus()
        self._daemon = ListenDaemon(self._settings(settings), self.bus)  # type: ignore[arg-type]
        self._daemon.start()
        self._ring = RingWriter(microphone_ring(folder), microphone_spec())
        self._daemon.on_event(TurnStarted(turn=1, cause="wake"))

    def change(self, settings: BargeIn) -> None:
        self._daemon.on_settings(self._settings(settings))

    def speak(self) -> None:
        """A reply begins."""
        self._daemon.on_event(PlaybackStarted(turn=1, clause=0, frame=self._ring.head))

    def end(self) -> None:
        self._daemon.on_event(PlaybackStopped(turn=1, reason="finished"))

    def asked_by(self, sound: Samples) -> list[DuckRequested]:
        """What is asked of the loudspeaker while the microphone hears `sound`."""
        before = len(self.bus.sent)
        for frame in frames(sound):
            self._ring.write(frame)
            self._daemon.step()
        return [event for event in self.bus.sent[before:] if isinstance(event, DuckRequested)]

    def ducked_by(self, sound: Samples) -> list[float]:
        """The gains that are asked of the loudspeaker while the microphone hears `sound`."""
        return [event.gain_db for event in self.asked_by(sound) if not event.pause]

    def asked_gain(self) -> float:
        """What was asked of the loudspeaker last."""
        return [event.gain_db for event in self.bus.sent if isinstance(event, DuckRequested)][-1]

    def close(self) -> None:
        self._daemon.close()
        self._ring.close(unlink=True)

    def _settings(self, settings: BargeIn) -> Settings:
        return Settings(runtime_dir=self._runtime, barge_in=settings)


@pytest.fixture
def ears(tmp_path: Path) -> Iterator[Ears]:
    ears = Ears(tmp_path, BargeIn(enabled=False))
    yield ears
    ears.close()


@pytest.mark.parametrize("name", NAMED)
def test_each_setting_is_on_the_settings_page_with_its_meaning(name: str) -> None:
    (row,) = [row for row in pages.PAGES["settings.md"]().splitlines() if row.startswith(f"| `{name}` |")]
    assert len(row.split("|")[4].split()) > 1


def test_whether_wren_can_be_interrupted_counts_within_a_reply(ears: Ears) -> None:
    voice = in_room(40, say("Turn on the kitchen light.")[:12_800])
    ears.speak()
    assert ears.ducked_by(voice) == []
    ears.change(BargeIn(duck_db=-12.0))
    assert ears.ducked_by(voice)[0] == -12.0


def test_a_voice_that_may_no_longer_interrupt_leaves_the_loudspeaker_alone(ears: Ears) -> None:
    start = in_room(40, say("Turn on the kitchen light.")[:4800])
    ears.change(BargeIn(confirm_ms=2000))
    ears.speak()
    assert len(ears.ducked_by(start)) == 1
    ears.change(BargeIn(enabled=False))
    assert ears.asked_gain() == 0.0
    assert ears.ducked_by(start) == []


def test_how_much_the_loudspeaker_is_ducked_counts_within_a_reply(ears: Ears) -> None:
    ears.change(BargeIn(duck_db=-12.0))
    ears.speak()
    ears.ducked_by(in_room(40))
    ears.change(BargeIn(duck_db=-30.0))
    assert ears.ducked_by(in_room(say("Turn on the kitchen light.")[:12_800]))[0] == -30.0


def test_after_how_much_voice_wren_waits_counts_within_a_reply(ears: Ears) -> None:
    rules = BargeIn(confirm_ms=2000)
    ears.change(msgspec.structs.replace(rules, pause_ms=2000))
    ears.speak()
    ears.ducked_by(in_room(40))
    assert not any(asked.pause for asked in ears.asked_by(in_room(say("Turn on the kitchen")[:8000])))
    ears.change(msgspec.structs.replace(rules, pause_ms=64))
    assert any(asked.pause for asked in ears.asked_by(in_room(say("light in the office.")[:8000])))


@pytest.mark.parametrize("name", ["questions", "always"])
def test_whether_and_how_long_it_listens_on_counts_from_the_next_answer_on(
    monkeypatch: pytest.MonkeyPatch, name: Any
) -> None:
    before = "always" if name == "questions" else "questions"
    rig = Rig(monkeypatch, Settings(listen=Listen(follow_up=before, follow_up_ms=1000)))  # type: ignore[arg-type]
    rig.daemon.on_settings(Settings(listen=Listen(follow_up=name, follow_up_ms=7000)))
    rig.hear(TurnStarted(turn=1, cause="wake"), TurnCommitted(turn=1, text="what time is it"))
    rig.hear(PlaybackStopped(turn=1, reason="finished", heard_text="It is noon."))
    windows = [event.window_ms for event in rig.of(ListenRequested)]
    assert (rig.of(DialogState)[-1].state, windows) == {
        "questions": ("idle", []),
        "always": ("follow_up", [7000]),
    }[name]
