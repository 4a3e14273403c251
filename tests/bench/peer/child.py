"""The peer's process: `python -m tests.bench.peer.child JOB LOG` hears a job (JSON) and writes its log (JSON)."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
from loguru import logger
from numpy.typing import NDArray
from pipecat.frames.frames import EndFrame
from pipecat.workers.runner import WorkerRunner

from device.audio import files
from device.hearing import RATE_HZ, asr
from device.hearing.loading import files_of
from device.hearing.transcript import after_wake_word
from device.reasoning import intents, replies
from device.reasoning.router import Perform, Speak, route
from device.speech.loading import load_voice
from tests.bench.peer.job import Clip, Commit, Job, Line, Log, Phase
from tests.bench.peer.microphone import Microphone, Sound, quiet_room
from tests.bench.peer.pipeline import Peer
from tests.bench.processes import usage

_GAP_S = 1.0
_UNTIL_IDLE_S = 2.0
_ANSWER_DUE_FRAMES = 300  # an answer that has not begun by then will not
_SILENT_FRAMES = 30


class Child:
    """Runs the pipeline through the phases of a job, answers for the house, and notes what happens."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.log = Log(version=version("pipecat-ai"))
        self._room = quiet_room()
        self._lines: tuple[Line, ...] = ()
        self._microphone: Microphone | None = None
        self._answer_due = -_ANSWER_DUE_FRAMES
        intents.prepare(job.house, job.language)
        self._peer = Peer(asr.load(files_of("asr")), load_voice(""), self._answer, job.smart_turn_stop_s)

    async def run(self) -> None:
        """Plays the phases one after another."""
        started = asyncio.Event()
        self._peer.worker.add_event_handler("on_pipeline_started", lambda *_: started.set())
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self._peer.worker)
        running = asyncio.create_task(runner.run())
        await started.wait()
        for name, lines in self._job.phases.items():
            self.log.phases[name] = await self._play(lines)
        self.log.answers, self.log.late_frames = self._peer.card.answers, self._peer.card.late_frames
        self.log.memory_mb = usage(os.getpid()).memory_mb
        await self._peer.worker.queue_frame(EndFrame())
        await running

    async def _play(self, lines: tuple[Line, ...]) -> Phase:
        sounds = [Sound(_load(line.clip), _load(line.over) if line.over else None) for line in lines]
        card, self._lines = self._peer.card, lines
        self._microphone = Microphone(
            sounds,
            self._room,
            card.frame,
            gap_s=_GAP_S,
            until_idle_s=_UNTIL_IDLE_S if lines else self._job.idle_s,
        )
        before_s = usage(os.getpid()).cpu_s
        await asyncio.to_thread(card.run, self._microphone, self._is_idle)
        self._microphone.phase.cpu_s = usage(os.getpid()).cpu_s - before_s
        return self._microphone.phase

    def _is_idle(self) -> bool:
        """Whether a person would take the conversation to be at rest."""
        card = self._peer.card
        has_begun = bool(card.answers) and card.answers[-1].last >= self._answer_due
        is_due = not has_begun and card.frame - self._answer_due < _ANSWER_DUE_FRAMES
        return not self._peer.listening and not is_due and card.silent_frames > _SILENT_FRAMES

    def _answer(self, text: str) -> str:
        request = after_wake_word(text, self._job.wake_word).text
        answer = self._house_answer(request) if request.strip(" .,!?") else ""
        self.log.commits.append(Commit(self._peer.card.frame, request, answer))
        if answer:
            self._answer_due = self._peer.card.frame
        return answer

    def _house_answer(self, request: str) -> str:
        assert self._microphone is not None
        index = self._microphone.current
        if index not in self._microphone.phase.overs and self._lines[index].answer:
            return self._lines[index].answer
        match route(request, self._job.house, language=self._job.language):
            case Perform() as found:
                return replies.confirm(found.calls, self._job.house)
            case Speak() as found:
                return found.text
            case _:
                return replies.NOT_UNDERSTOOD


def _load(clip: Clip) -> NDArray[np.float32]:
    return files.load(clip.file, RATE_HZ)


async def main() -> None:
    """Hears the job that the command line names."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    child = Child(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Job))
    await child.run()
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(child.log))


if __name__ == "__main__":
    asyncio.run(main())
