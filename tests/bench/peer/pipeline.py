"""The Pipecat pipeline: its own transport base, VAD, turn detection, aggregation and interruption, Wren's models.

Settings were chosen for the shortest latency that Pipecat gives without a change to its code:

- `VADParams()`: start 0.2 s, stop 0.2 s, confidence 0.7, minimum volume 0.6. They are its defaults, recommended
  with Smart Turn (docs.pipecat.ai, "Speech Input & Turn Detection"); its code warns of another stop.
- Turn start by VAD or transcript, turn stop by Smart Turn v3.2 (`LocalSmartTurnAnalyzerV3`, one thread), with
  interruptions: its defaults.
- A turn that Smart Turn takes for unfinished ends after 1 s of silence instead of its default of 3 s: Smart Turn
  holds a third of these short requests for unfinished, synthetic voices above all, and 3 s would be the peer's
  P95. The pauses of the benchmark are shorter than either.
- Recognition is a `SegmentedSTTService`, as its own Moonshine service is. It runs while Smart Turn does, and its
  transcripts are final, so the turn ends with Smart Turn's verdict or the transcript, whichever is later.
  `ttfs_p99_latency`, the end of its patience with a transcript, is 0.4 s after the voice: 0.2 s for the VAD and
  twice the 0.1 s that decoding takes at most. At 0.2 and 0.3 s turns were split on a busy machine, at 0.5 s and
  more a transcript that came late there was waited for longer.
  `trailing_silence_secs` is 0 because Wren's recogniser adds its own margins. One decoding per segment: Wren's
  second one, for a confidence, is not asked for.
- The answer leaves the "LLM" stage clause by clause; `TextAggregationMode.TOKEN` passes each on at once, where
  sentence aggregation would wait for the next. The voice is Wren's, with Wren's cache of phrases, which Pipecat
  by itself has not.
- Output in 10 ms chunks (its default is 40 ms), at the voice's own rate, so that nothing is resampled. Input in
  10 ms frames: its own local transport has 20 ms.
- No metrics, no RTVI, no observers, no idle timeout, no spoken recovery from turns without words.

Not of use here: its eager (speculative) turns, which hold back the text of an answer until the turn is
confirmed, save a language model's time and this stage takes about a millisecond; streaming recognition, as
the model is one of whole utterances.

It has no wake word and answers everything; the wake word is taken off its transcripts. The house confirms
nothing, so it never waits for one. All this is in its favour.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import numpy as np
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    StartFrame,
    TranscriptionFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TextAggregationMode, TTSService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.turns.user_start import TranscriptionUserTurnStartStrategy, VADUserTurnStartStrategy
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601

from device.hearing import RATE_HZ
from device.hearing.asr import Recogniser
from device.speech import Style
from device.speech.cancellation import Cancellation
from device.speech.clauses import split_clauses
from device.speech.voice import Voice
from tests.bench.peer.sound_card import SoundCard

_STT_P99_S = 0.4


class Ears(BaseInputTransport):
    """Microphone frames of the sound card."""

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    def hear(self, samples: bytes) -> None:
        """Takes 10 ms, on the event loop."""
        heard = InputAudioRawFrame(audio=samples, sample_rate=RATE_HZ, num_channels=1)
        self.create_task(self.push_audio_frame(heard))


class Mouth(BaseOutputTransport):
    """The sound card's loudspeaker."""

    def __init__(self, card: SoundCard, params: TransportParams) -> None:
        super().__init__(params)
        self._card = card

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        await self._card.play()
        return True


class Recognition(SegmentedSTTService):
    """Wren's recogniser on the segments that the VAD cuts."""

    def __init__(self, recogniser: Recogniser) -> None:
        settings = STTSettings(model=None, language=None)
        super().__init__(
            sample_rate=RATE_HZ, trailing_silence_secs=0.0, ttfs_p99_latency=_STT_P99_S, settings=settings
        )
        self._recogniser = recogniser
        self.pending = 0  # segments whose text is not known yet

    @property
    def wants_wav_segments(self) -> bool:
        return False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        self.pending += isinstance(frame, VADUserStoppedSpeakingFrame)
        await super().process_frame(frame, direction)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        text = await asyncio.to_thread(self._recognise, audio)
        self.pending -= 1
        if text:
            yield TranscriptionFrame(text, self._user_id, time_now_iso8601())

    def _recognise(self, audio: bytes) -> str:
        self._recogniser.reset()
        self._recogniser.accept(np.frombuffer(audio, np.int16))
        return self._recogniser.partial()


class Answers(FrameProcessor):
    """In the place of a language model: `answer` gives what to say to a transcript, "" for nothing."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        super().__init__()
        self._answer = answer

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        text = self._answer(str(frame.context.messages[-1]["content"]))
        if text:
            await self.push_frame(LLMFullResponseStartFrame())
            for clause in split_clauses(text):
                await self.push_frame(LLMTextFrame(clause))
            await self.push_frame(LLMFullResponseEndFrame())


class Speech(TTSService):
    """Wren's voice, chunk by chunk as it is synthesised."""

    def __init__(self, voice: Voice) -> None:
        super().__init__(
            text_aggregation_mode=TextAggregationMode.TOKEN,
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=voice.rate_hz,
            settings=TTSSettings(model=None, voice=None, language=None),
        )
        self._voice = voice

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        cancellation = Cancellation()
        try:
            async for frame in self._stream_audio_frames_from_iterator(
                self._chunks(text, cancellation), in_sample_rate=self._voice.rate_hz, context_id=context_id
            ):
                yield frame
        finally:
            cancellation.request()

    async def _chunks(self, text: str, cancellation: Cancellation) -> AsyncIterator[bytes]:
        spoken = await asyncio.to_thread(self._voice.say, text, Style(), cancellation)
        while (chunk := await asyncio.to_thread(next, spoken.chunks, None)) is not None:
            yield chunk.tobytes()


class Peer:
    """The pipeline, ready to run. `answer` as for Answers."""

    def __init__(
        self, recogniser: Recogniser, voice: Voice, answer: Callable[[str], str], smart_turn_stop_s: float
    ) -> None:
        params = TransportParams(
            audio_in_enabled=True,
            audio_in_sample_rate=RATE_HZ,
            audio_out_enabled=True,
            audio_out_sample_rate=voice.rate_hz,
            audio_out_10ms_chunks=1,
            audio_out_end_silence_secs=0,
        )
        ears = Ears(params)
        self.card = SoundCard(asyncio.get_running_loop(), ears.hear)
        self._recognition = Recognition(recogniser)
        self._turn_open = False
        smart_turn = LocalSmartTurnAnalyzerV3(params=SmartTurnParams(stop_secs=smart_turn_stop_s))
        aggregators = LLMContextAggregatorPair(
            LLMContext(),
            user_params=LLMUserAggregatorParams(
                vad_analyzer=SileroVADAnalyzer(params=VADParams()),
                user_turn_strategies=UserTurnStrategies(
                    start=[VADUserTurnStartStrategy(), TranscriptionUserTurnStartStrategy()],
                    stop=[TurnAnalyzerUserTurnStopStrategy(turn_analyzer=smart_turn)],
                ),
                empty_user_turn=None,
            ),
        )
        user = aggregators.user()
        user.add_event_handler("on_user_turn_started", self._on_turn_started)
        user.add_event_handler("on_user_turn_stopped", self._on_turn_stopped)
        stages = [
            ears,
            self._recognition,
            user,
            Answers(answer),
            Speech(voice),
            Mouth(self.card, params),
            aggregators.assistant(),
        ]
        self.worker = PipelineWorker(
            Pipeline(stages),
            params=PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=voice.rate_hz),
            cancel_on_idle_timeout=False,
            enable_rtvi=False,
        )

    @property
    def listening(self) -> bool:
        """Whether the user's turn is open or words of it are still being recognised."""
        return self._turn_open or self._recognition.pending > 0

    async def _on_turn_started(self, *_: object) -> None:
        self._turn_open = True

    async def _on_turn_stopped(self, *_: object) -> None:
        self._turn_open = False
