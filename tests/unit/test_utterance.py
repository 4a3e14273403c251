"""An utterance from the open ear to its text, with the real models. Needs the embedded default models."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from device.hearing import Samples, frames_of
from device.hearing.asr import Recognition
from device.hearing.background import Final, Partial, Readings
from device.hearing.patience import Completeness
from device.hearing.transcript import words
from device.hearing.utterance import Abandoned, Began, Fact, Finished, Hypothesis, PartialText, Utterance
from device.reasoning.completeness import completeness
from tests.hearing import RULES, Ears, frames, in_room, say
from tests.houses import demo_house
from tests.recordings import recordings

pytestmark = pytest.mark.models

QUICK = msgspec.structs.replace(RULES, no_speech_timeout_ms=2500)
REQUEST = "close the blinds"


@pytest.fixture(scope="module")
def ears() -> Iterator[Ears]:
    ears = Ears()
    yield ears
    ears.transcriber.close()


def test_a_request_is_announced_guessed_and_finished_in_this_order(ears: Ears) -> None:
    facts = ears.listen(in_room(50, say(REQUEST, "rms"), 130))
    kinds = [type(fact) for fact in facts]
    assert kinds[0] is Began
    assert kinds[-1] is Finished
    assert Hypothesis in kinds
    assert set(kinds[1:-1]) == {PartialText, Hypothesis}
    finished = facts[-1]
    assert isinstance(finished, Finished)
    assert words(finished.text) == REQUEST.split()
    assert finished.confidence > 0.4


def test_the_last_voiced_frame_is_where_the_voice_ended(ears: Ears) -> None:
    request = say(REQUEST, "rms")
    finished = ears.listen(in_room(50, request, 130))[-1]
    assert isinstance(finished, Finished)
    assert abs(finished.last_voiced_frame - (50 + len(request) // 160)) <= 5


def test_speech_after_a_pause_belongs_to_the_same_request(ears: Ears) -> None:
    facts = ears.listen(
        in_room(50, say("turn on the kitchen light", "rms"), 25, say("and the fan", "rms"), 130)
    )
    finished = facts[-1]
    assert isinstance(finished, Finished)
    assert words(finished.text)[:5] == ["turn", "on", "the", "kitchen", "light"]
    assert words(finished.text)[-1] == "fan"
    assert sum(isinstance(fact, Hypothesis) for fact in facts) >= 2


class Saying:
    """A turn model that always says the same, at once."""

    def __init__(self, probability: float) -> None:
        self._probability, self._tickets, self._answered = probability, 0, 0

    def ask(self, samples: Samples) -> int:
        self._tickets += 1
        return self._tickets

    def poll(self) -> list[tuple[int, float]]:
        new = range(self._answered + 1, self._tickets + 1)
        self._answered = self._tickets
        return [(ticket, self._probability) for ticket in new]


@pytest.mark.parametrize(
    ("judgement", "probability", "expected_ms"),
    [
        ("complete", 0.9, RULES.complete_silence_ms),
        ("complete", 0.1, RULES.hesitant_silence_ms),
        ("unsure", 1.0, RULES.unsure_silence_ms),
        ("open", 0.9, RULES.open_silence_ms),
    ],
)
def test_the_witnesses_decide_how_long_silence_is_waited_for(
    ears: Ears, judgement: Completeness, probability: float, expected_ms: int
) -> None:
    sound = in_room(50, say(REQUEST, "rms"), 150)
    finished = ears.listen(sound, turn=Saying(probability), judge=lambda _: judgement)[-1]
    assert isinstance(finished, Finished)
    silence_ms = 10 * (ears.frame - finished.last_voiced_frame)
    assert expected_ms <= silence_ms <= expected_ms + 60


class Reading:
    """A recogniser that reads everything as "yes"."""

    busy = False

    def __init__(self, confidence: float) -> None:
        self._confidence, self._asked, self._answered = confidence, 0, 0

    def accept(self, samples: Samples) -> None: ...

    def reset(self) -> None: ...

    def request_partial(self) -> None: ...

    def request_final(self) -> int:
        self._asked += 1
        return self._asked

    request_readings = request_final

    def poll(self) -> list[Partial | Final | Readings]:
        new = range(self._answered + 1, self._asked + 1)
        self._answered = self._asked
        return [Final(ticket, Recognition("Yes.", self._confidence), 0.0) for ticket in new]


@pytest.mark.parametrize(
    ("confidence", "expected_ms"), [(0.5, RULES.complete_silence_ms), (0.0, RULES.likely_silence_ms)]
)
def test_a_whole_answer_of_which_no_word_was_read_twice_may_be_none(
    ears: Ears, confidence: float, expected_ms: int
) -> None:
    utterance = Utterance(ears.vad, Reading(confidence), RULES, 0, turn=Saying(0.9))
    facts: list[Fact] = []
    for number, frame in enumerate(frames(in_room(50, say(REQUEST, "rms"), 100))):
        facts += utterance.accept(number, frame) + utterance.poll()
        if facts and isinstance(facts[-1], Hypothesis):
            facts += utterance.judge("Yes.", "complete", doubtful=False)
        if utterance.done:
            break
    assert isinstance(finished := facts[-1], Finished)
    assert expected_ms <= 10 * (number - finished.last_voiced_frame) <= expected_ms + 60


def test_an_obviously_unfinished_request_is_waited_for(ears: Ears) -> None:
    sound = in_room(50, say("turn on the", "rms"), 75, say("kitchen light", "rms"), 150)
    finished = ears.listen(sound, turn=Saying(0.9), judge=lambda text: completeness(text, demo_house()))[-1]
    assert isinstance(finished, Finished)
    assert words(finished.text)[-2:] == ["kitchen", "light"]


def test_talk_in_the_background_does_not_keep_a_whole_request_from_ending(ears: Ears) -> None:
    request = say(REQUEST, "rms")
    talk = np.concatenate(
        [say("and then the president of the company said that prices would go up", "slt")] * 2
    )
    sound = in_room(50, request, 150 + len(talk) // 160)
    sound[60 * 160 : 60 * 160 + len(talk)] += (talk * 0.04).astype(np.int16)
    finished = ears.listen(sound, turn=Saying(0.9), judge=lambda _: "complete")[-1]
    assert isinstance(finished, Finished)
    ended = 50 + len(request) // 160
    assert ears.frame - ended <= frames_of(RULES.complete_silence_ms + RULES.far_voice_ms + 300)


def test_nobody_speaks(ears: Ears) -> None:
    assert ears.listen(in_room(300), QUICK) == [Abandoned("no_speech")]


def test_a_slammed_door_does_not_end_the_wait_for_the_request(ears: Ears) -> None:
    slam = in_room(12, rms=6000)
    facts = ears.listen(in_room(50, slam, 100, say(REQUEST, "rms"), 130))
    finished = facts[-1]
    assert isinstance(finished, Finished)
    assert words(finished.text) == REQUEST.split()


@pytest.mark.parametrize("gap_ms", [0, 100, 300, 800, 2000])
@pytest.mark.parametrize("cue", [True, False])
def test_no_word_after_the_wake_word_is_lost_whatever_the_gap(ears: Ears, gap_ms: int, cue: bool) -> None:
    sound = in_room(200, say("Alexa", "rms"), gap_ms // 10, say(REQUEST, "rms"), 130)
    finished = ears.after_wake_word(sound, cue=cue)[-1]
    assert isinstance(finished, Finished)
    assert words(finished.text) == REQUEST.split()


def test_commands_in_the_same_breath_as_the_wake_word_are_kept(ears: Ears) -> None:
    for clip in recordings("wake_plus_command"):
        if clip.label.startswith("alexa"):
            finished = ears.after_wake_word(in_room(150, clip.samples(), 130))[-1]
            assert isinstance(finished, Finished)
            assert words(finished.text.replace("-", " ")) == clip.label.split()[1:]


def test_the_wake_word_alone_is_no_request_and_neither_is_the_cue(ears: Ears) -> None:
    for clip in recordings("wake_pos", "alexa")[::25]:
        facts = ears.after_wake_word(in_room(150, clip.samples(), 350), QUICK)
        assert facts == [Abandoned("no_speech")], clip.path.name


def test_talk_before_the_wake_word_is_not_part_of_the_request(ears: Ears) -> None:
    sound = in_room(
        150, say("and then he told me", "slt"), 15, say("Alexa", "rms"), 10, say(REQUEST, "rms"), 130
    )
    finished = ears.after_wake_word(sound)[-1]
    assert isinstance(finished, Finished)
    assert len(words(finished.text)) == 3
    assert words(finished.text)[-1] == "blinds"


def test_somebody_who_talks_on_is_cut_off_at_the_longest_request(ears: Ears) -> None:
    short = msgspec.structs.replace(RULES, maximum_turn_ms=3000)
    talk = say(
        "turn on the kitchen light and the bedroom light and the garage light and the office light", "rms"
    )
    finished = ears.listen(in_room(50, talk, 130), short)[-1]
    assert isinstance(finished, Finished)
    assert words(finished.text)[:5] == ["turn", "on", "the", "kitchen", "light"]


def test_silenced_frames_pass_the_time(ears: Ears) -> None:
    utterance = Utterance(ears.vad, ears.transcriber, QUICK, 0)
    facts = [fact for number in range(300) for fact in utterance.skip(number)]
    assert facts == [Abandoned("no_speech")]


@pytest.mark.parametrize("preferred", ["raise the blinds", ""])  # none: what was read first
def test_a_choice_among_many_readings_is_waited_for_though_the_silence_is_long_enough(
    ears: Ears, preferred: str
) -> None:
    rules = msgspec.structs.replace(RULES, unsure_silence_ms=60)
    utterance = Utterance(ears.vad, ears.transcriber, rules, 0)
    facts: list[Fact] = []
    offered = 0
    for number, frame in enumerate(frames(in_room(50, say("raise the blinds", "slt"), 150))):
        facts += utterance.accept(number, frame)
        while ears.transcriber.busy:
            facts += utterance.poll()
        if facts and isinstance(last := facts[-1], Hypothesis) and not offered:
            text = last.text
            facts += utterance.judge(text, "unsure")
            offered = number if last.readings else 0
        if offered and number == offered + 12:
            assert not utterance.done
            utterance.prefer(text, preferred or text)
        if utterance.done:
            break
    assert offered
    assert isinstance(facts[-1], Finished)
    assert (facts[-1].text, number) == (preferred or text, offered + 13)


def test_a_text_that_is_no_request_is_read_again_and_the_preferred_reading_ends_the_turn(ears: Ears) -> None:
    def judge(text: str) -> Completeness:
        return "complete" if "blinds" in words(text) and len(words(text)) == 3 else "unsure"

    facts = ears.listen(
        in_room(50, say("raise the blinds", "slt"), 150),
        turn=Saying(0.9),
        judge=judge,
        prefer="raise the blinds",
    )
    offered = [fact for fact in facts if isinstance(fact, Hypothesis) and fact.readings]
    finished = facts[-1]
    assert isinstance(finished, Finished)
    assert offered
    assert finished.text == "raise the blinds"


def test_a_request_that_is_whole_is_not_read_again(ears: Ears) -> None:
    facts = ears.listen(in_room(50, say(REQUEST, "rms"), 150), turn=Saying(0.9), judge=lambda _: "complete")
    assert not any(isinstance(fact, Hypothesis) and fact.readings for fact in facts)


@pytest.mark.parametrize(("is_noticed", "pause_frames"), [(True, 25), (True, 60), (False, 60)])
def test_a_pause_before_the_words_that_interrupted_ends_nothing_and_what_went_before_is_read(
    is_noticed: bool, pause_frames: int, ears: Ears
) -> None:
    first = in_room(50, say("turn off the light", "rms"))
    since = len(first) // 160 + pause_frames
    voice = np.concatenate([first, in_room(pause_frames, say("in the kitchen", "rms"), 130)])
    cleaned = voice.copy()
    unheard = len(first) if is_noticed else 0
    cleaned[unheard : (since + 25) * 160] = in_room(since + 25)[unheard:]
    utterance = Utterance(ears.vad, ears.transcriber, RULES, since, said_since=50)
    *_, last = ears.follow(utterance, cleaned, voice, lambda _text: "complete")
    assert isinstance(last, Finished)
    assert words(last.text)[:2] == ["turn", "off"]
    assert words(last.text)[-1] == "kitchen"


def test_a_voice_long_after_an_interruption_that_nobody_noticed_is_a_request_of_its_own(ears: Ears) -> None:
    unnoticed = in_room(50, say("turn off the light", "rms"))
    later = in_room(120, say("in the kitchen", "rms"), 130)
    cleaned = np.concatenate([np.zeros_like(unnoticed), later])
    utterance = Utterance(ears.vad, ears.transcriber, RULES, 60, said_since=50)
    *_, last = ears.follow(utterance, cleaned, np.concatenate([unnoticed, later]), lambda _text: "complete")
    assert isinstance(last, Finished)
    assert words(last.text) == ["in", "the", "kitchen"]


def test_what_the_canceller_takes_from_the_beginning_of_an_interruption_is_read_all_the_same(
    ears: Ears,
) -> None:
    voice = in_room(50, say("close the blinds in the kitchen", "rms"), 130)
    cleaned = voice.copy()
    cleaned[50 * 160 : 110 * 160] = in_room(60)
    utterance = Utterance(ears.vad, ears.transcriber, RULES, 50, said_since=50)
    texts = [fact.text for fact in ears.follow(utterance, cleaned, voice) if isinstance(fact, Hypothesis)]
    assert words(texts[-1])[:3] == REQUEST.split()
