"""One utterance from the opened ear to its text: frames in, facts out. No clock, no bus.

Voice activity, endpointing, recognition and the witnesses of its end meet here. As soon as it has been
quiet for `hypothesis_silence_ms`, the final text is asked for, and the turn model whether that sounded like
an end; the text goes out as a hypothesis, and whoever knows whether it is a whole request says so with
`judge`. If it may have been misheard, the sound is read again, its readings go out as well, and `prefer`
says which of them makes sense; the turn waits for that. What these answers are worth in milliseconds of
silence, `device.hearing.patience` knows. When the person speaks on, all answers are thrown away, and the
text counts as a partial one.

After a wake word, which was noticed at `since`, the frames begin in the past (pre-roll), so the first segment
holds the wake word itself and whatever was said in the same breath:

- A voice that ends within `_WORD_TAIL_MS` of `since` was the wake word, unless the text has more, and is
  dropped. openWakeWord notices a word 150 ms before its end (median of 266 recordings; 280 ms before to 60 ms
  after it in 94 of 100).
- When the voice goes on, only the sound after the wake word is recognised. If that reading is not sure, the
  whole is recognised as well (see `device.hearing.choice`), and waited for unless the first reading is a
  whole request that also sounds final.

A short noise without text is dropped as well; a longer voice without text ends the utterance (`no_text`), and
so does text that nobody could have said in that time.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from device.events import FRAME_MS
from device.hearing import FRAME_SAMPLES, Samples, frames_of
from device.hearing.asr import Recognition
from device.hearing.background import Partial, Readings, Transcription, TurnWitness
from device.hearing.choice import Choice, Given, Reading
from device.hearing.endpoint import Endpointer, Signal
from device.hearing.patience import Completeness, Talker, is_over, needed_ms
from device.hearing.segment import Segment
from device.hearing.turn import with_pause
from device.hearing.vad import CHUNK_MS, SileroVad, Voice, VoiceActivity
from device.settings import Listen

_AFTER_DROPPED_FRAMES = 3
_WORD_TAIL_MS = 300
_NOISE_MS = 300
_NO_REQUEST_MS = 160  # a noise or a wake word is dropped after so much silence
_CHOICE_FRAMES = 15  # within which one of the readings is preferred, if one is: a dozen may have to be parsed
_DECODING_SHARE = 3  # partial texts take at most one part in so many of the time
_CREDIBLE = 0.1  # a whole request of which no word was read twice may be none
_COVERED_FRAMES = 2  # sound after the last voiced frame without which a text may lack its last sound
_UNNOTICED_FRAMES = 80  # so long a voice may speak before voice activity notices it
_OVERHANG_FRAMES = 15  # the verdict may outlast the level by so much
_QUIETER_MS = 250  # so long a voice far under the talker's level is somebody else's


class Began(NamedTuple):
    """A voice with a request, since `frame`."""

    frame: int


class PartialText(NamedTuple):
    """The request so far."""

    text: str


class Hypothesis(NamedTuple):
    """Perhaps the whole request."""

    text: str
    confidence: float
    readings: tuple[str, ...] = ()  # how the sound may be read, likeliest first


class Finished(NamedTuple):
    """The request; its last voiced sample was in `last_voiced_frame`."""

    text: str
    confidence: float
    decode_ms: float
    last_voiced_frame: int


class Abandoned(NamedTuple):
    """There was no request."""

    reason: Literal["no_speech", "no_text"]


Fact = Began | PartialText | Hypothesis | Finished | Abandoned


class Utterance:
    """Hears frames from about `since` on, or from before it with `wake_word`; `done` after its last fact.

    What is said began in frame `said_since`, where that is given, and somebody speaks since `since`, though
    voice activity may notice it later: a pause before that ends nothing.
    """

    def __init__(
        self,
        vad: SileroVad,
        transcriber: Transcription,
        rules: Listen,
        since: int,
        *,
        wake_word: str = "",
        said_since: int | None = None,
        timeout_ms: int | None = None,
        turn: TurnWitness | None = None,
    ) -> None:
        self._transcriber, self._turn, self._rules = transcriber, turn, rules
        self._since, self._wake_word, self._frame = since, wake_word, since
        self._activity = VoiceActivity(vad, rules.vad_threshold)
        self._endpointer = Endpointer(rules, since, timeout_ms=timeout_ms)
        self._segment = Segment(transcriber)
        self._said_since = said_since
        self._is_past = said_since is not None  # what is heard came before the voice that is meant
        self._earliest = -1  # what was dropped lies before this frame
        self._began = self._noise_heard = False
        self.done = False
        self._partial_frame, self._decode_ms = since, 0.0
        self._said: Hypothesis | PartialText | None = None  # the last text that went out
        self._judged: dict[str, Completeness] = {}
        self._doubtful: set[str] = set()
        self._voiced: list[float] = []
        self._talker = Talker()
        self._word_inside = False
        self._choice = Choice()
        self._asked_frame: int | None = None
        self._ticket: int | None = None
        self._readings_ticket: int | None = None
        self._readings_frame: int | None = None  # in which they came
        self._turn_ticket: int | None = None
        self._probability: float | None = None

    @property
    def awaits_answers(self) -> bool:
        """Whether the turn may end with the answer of the recogniser, the turn model or the judge."""
        return self._asked_frame is not None and not self.done

    def accept(
        self, frame: int, samples: Samples, *, voice: Samples | None = None, cue: bool = False
    ) -> list[Fact]:
        """Hears one frame; `voice` is the same one for recognition, where there is a better one for that."""
        if self.done:
            return []
        self._reach(frame)
        self._segment.accept(frame, samples if voice is None else voice)
        verdict = self._activity.accept(frame, samples, cue=cue)
        facts = self._hear(verdict) if verdict is not None else []
        return facts + self._settle()

    def skip(self, frame: int) -> list[Fact]:
        """A frame without usable sound."""
        if self.done:
            return []
        self._reach(frame)
        return self._follow(self._endpointer.skip(frame)) + self._settle()

    def poll(self) -> list[Fact]:
        """What the recogniser and the turn model have found."""
        facts: list[Fact] = []
        for text in self._transcriber.poll():
            if isinstance(text, Readings):
                if text.ticket == self._readings_ticket:
                    offered = self._offer(self._choice.readings(text.texts, self._given, self._voiced))
                    self._readings_frame = self._frame if offered else self._frame - _CHOICE_FRAMES
                    facts += offered
                continue
            self._decode_ms = text.decode_ms
            if isinstance(text, Partial):
                facts += self._publish(text.text)
            elif text.ticket == self._ticket:
                self._ticket = None
                facts += self._read(text.recognition, text.decode_ms)
            else:
                facts += self._publish(text.recognition.text)
        for ticket, probability in self._turn.poll() if self._turn else ():
            if ticket == self._turn_ticket:
                self._turn_ticket, self._probability = None, probability
        return facts + self._settle()

    def judge(self, text: str, completeness: Completeness, *, doubtful: bool = True) -> list[Fact]:
        """Learns whether a text that went out is a whole request, and whether it may have been misheard."""
        self._judged[text] = completeness
        if doubtful and completeness != "complete":
            self._doubtful.add(text)
        return self._settle()

    def prefer(self, text: str, reading: str) -> None:
        """Learns which of the readings of `text` makes sense; the text itself if none makes more."""
        if self._choice.prefer(text, reading) and self._readings_frame is not None:
            self._readings_frame = self._frame - _CHOICE_FRAMES  # nothing else is waited for

    # --- sound ------------------------------------------------------------------------------------------

    def _reach(self, frame: int) -> None:
        self._frame = frame
        if self._is_past and frame >= self._since:
            self._is_past = False
            if not self._endpointer.speaking:
                self._endpointer.discard()
                self._drop()

    def _hear(self, voice: Voice) -> list[Fact]:
        near = voice.voiced and self._talker.is_near(voice.loudest_db)
        signal = self._endpointer.accept(
            voice.frame, voice.voiced, voice.last_voiced_frame, near=near, doubtful=voice.doubtful
        )
        facts = self._follow(signal)
        if voice.voiced and self._segment.is_open:
            self._voiced.append(voice.probability)
        return facts + self._begin(voice) if not self.done else facts

    def _follow(self, signal: Signal | None) -> list[Fact]:
        match signal:
            case Signal.ONSET:
                self._start()
            case Signal.END:
                self._forget()
            case Signal.NO_SPEECH:
                self.done = True
                return [Abandoned("no_text" if self._noise_heard else "no_speech")]
        return []

    def _start(self) -> None:
        onset = self._endpointer.onset_frame or 0
        self._drop()
        self._partial_frame, self._decode_ms = max(onset, self._since), 0.0
        self._word_inside = bool(self._wake_word) and onset <= self._since
        self._choice = Choice(self._wake_word if self._word_inside else "")
        if self._said_since is not None and self._said_since < onset <= self._since + _UNNOTICED_FRAMES:
            # unnoticed, but barge-in was sure of a voice
            self._voiced = [1.0] * (FRAME_MS * (onset - self._said_since) // CHUNK_MS)
            onset = self._said_since
        self._segment.open(onset, self._earliest)

    def _begin(self, voice: Voice) -> list[Fact]:
        frame = voice.frame
        if not (self._segment.is_open and voice.voiced and frame > self._since):
            return []
        wait = max(frames_of(self._rules.partial_every_ms), _DECODING_SHARE * frames_of(self._decode_ms))
        is_speaking = self._asked_frame is None and self._activity.last_loud_frame >= frame - 1
        if is_speaking and frame - self._partial_frame >= wait and not self._transcriber.busy:
            self._partial_frame = frame
            self._transcriber.request_partial()
        if self._word_inside and not self._segment.has_rest:
            if frame <= self._since + frames_of(_WORD_TAIL_MS):
                return []
            self._segment.leave_word(self._since)
        return self._announce()

    def _drop(self) -> None:
        self._segment.close()
        self._voiced, self._talker = [], Talker()
        self._word_inside = False
        self._clear_answers()

    def _announce(self) -> list[Fact]:
        if self._began:
            return []
        self._began = True
        return [Began(max(self._endpointer.onset_frame or 0, self._since))]

    @property
    def _voiced_ms(self) -> int:
        return len(self._voiced) * CHUNK_MS

    # --- the end ----------------------------------------------------------------------------------------

    def _settle(self) -> list[Fact]:
        """Asks when it may be the end, forgets the answers when it was not, and ends what has ended."""
        if self.done or not self._segment.is_open:
            return []
        self._ask_or_forget()
        reading = self._choice.reading
        if reading is None:
            return []
        if not reading.text:
            return self._dismiss() if reading.settled else []
        if reading.settled and self._readings_ticket is None and self._is_doubtful(reading.text):
            self._readings_ticket = self._transcriber.request_readings()
        return self._finish(reading)

    def _ask_or_forget(self) -> None:
        if self._endpointer.ended:
            if self._asked_frame is None:
                self._ask(1)
            return
        voice_until = self._voice_until()
        if self._asked_frame is not None and self._asked_frame < voice_until + _COVERED_FRAMES:
            self._forget()
        quiet = self._frame - max(voice_until, self._since)
        if self._asked_frame is None and quiet >= frames_of(self._rules.hypothesis_silence_ms):
            self._ask(quiet)

    def _voice_until(self) -> int:
        """The last frame with the talker's voice, as far as can be told without waiting for the verdict."""
        endpointer, loud = self._endpointer, self._activity.last_loud_frame
        if not endpointer.speaking:
            is_overhang = loud <= endpointer.last_voiced_frame <= loud + _OVERHANG_FRAMES
            return loud if is_overhang else endpointer.last_voiced_frame
        if endpointer.pause(self._frame).quieter_ms >= _QUIETER_MS:
            return endpointer.last_near_frame
        return loud

    def _ask(self, quiet_frames: int) -> None:
        self._asked_frame = self._frame
        self._ticket = self._transcriber.request_final()
        if self._turn is not None:
            self._turn_ticket = self._turn.ask(with_pause(self._segment.sound, quiet_frames * FRAME_SAMPLES))

    def _forget(self) -> None:
        with_word = self._choice.with_word
        self._clear_answers()
        if with_word:
            self._segment.hand_over(whole=False)

    def _clear_answers(self) -> None:
        self._choice.forget()
        self._asked_frame = self._ticket = None
        self._readings_ticket = self._readings_frame = None
        self._turn_ticket = self._probability = None

    def _finish(self, reading: Reading) -> list[Fact]:
        completeness = self._judged.get(reading.text)
        if completeness == "complete" and reading.confidence < _CREDIBLE and self._readings_frame is None:
            completeness = "likely"
        probability = 0.0 if self._turn_ticket is not None else self._probability
        misheard = reading.text in self._doubtful
        enough_ms = needed_ms(self._rules, completeness, probability, doubtful=misheard)
        is_sure = completeness == "complete" and enough_ms == self._rules.complete_silence_ms
        is_likely = completeness == "likely" and enough_ms == self._rules.likely_silence_ms
        is_known = reading.settled and (is_likely or self._is_read_again())
        if not (is_sure or is_known):
            return []
        if not self._endpointer.ended and not is_over(
            self._rules, self._endpointer.pause(self._frame), enough_ms
        ):
            return []
        self.done = True
        endpointer = self._endpointer
        until = endpointer.last_near_frame if endpointer.speaking else endpointer.last_voiced_frame
        return [Finished(reading.text, reading.confidence, reading.decode_ms, until)]

    def _is_doubtful(self, text: str) -> bool:
        """Whether it is to be read again; a fragment not yet, of which a request would be made."""
        pause_ms = self._endpointer.pause(self._frame).silence_ms
        is_fragment = self._judged.get(text) == "open" and pause_ms < self._rules.likely_silence_ms
        return text in self._doubtful and not is_fragment

    def _is_read_again(self) -> bool:
        """Whether the readings that were asked for are there, and there was time to choose among them."""
        if self._readings_ticket is None or self._endpointer.ended:
            return True
        offered = self._readings_frame
        return offered is not None and self._frame >= offered + _CHOICE_FRAMES

    def _dismiss(self) -> list[Fact]:
        """Drops a segment without a request; a voice that said something else ends the utterance."""
        is_noise = self._word_inside or self._voiced_ms < _NOISE_MS
        enough_ms = _NO_REQUEST_MS if is_noise else self._rules.unsure_silence_ms
        pause = self._endpointer.pause(self._frame)
        if not (self._endpointer.ended or is_over(self._rules, pause, enough_ms)):
            return []
        if not is_noise:
            self.done = True
            return [Abandoned("no_text")]
        self._noise_heard |= not self._word_inside
        self._said_since = None
        self._earliest = self._endpointer.last_voiced_frame + _AFTER_DROPPED_FRAMES
        self._endpointer.discard()
        self._drop()
        return []

    # --- text -------------------------------------------------------------------------------------------

    @property
    def _given(self) -> Given:
        """What the recogniser hears."""
        if self._segment.has_rest:
            return "rest"
        return "word" if self._word_inside else "request"

    def _publish(self, text: str) -> list[Fact]:
        if not self._segment.is_open:
            return []
        text = self._choice.partial(text, self._given)
        return self._say(PartialText(text)) if text else []

    def _read(self, recognition: Recognition, decode_ms: float) -> list[Fact]:
        reading = self._choice.final(recognition, decode_ms, self._given, self._voiced)
        if not reading.settled:
            self._segment.hand_over(whole=True)
            self._ticket = self._transcriber.request_final()
        return self._say(Hypothesis(reading.text, reading.confidence)) if reading.text else []

    def _offer(self, readings: tuple[str, ...]) -> list[Fact]:
        """The hypothesis again with all readings of the sound."""
        reading = self._choice.reading
        if reading is None or not readings:
            return []
        return self._say(Hypothesis(reading.text, reading.confidence, readings))

    def _say(self, fact: PartialText | Hypothesis) -> list[Fact]:
        if fact == self._said:
            return []
        self._said = fact
        return [*self._announce(), fact]
