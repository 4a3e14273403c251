"""The peer's figures from what its process saw. Pure; the definitions are those of Wren's own figures.

- Mouth-to-ear: the first block of the answer that leaves the loudspeaker minus the last voiced frame of the
  request.
- False cut-off: in the pause that a person makes in the middle of a request, or after it but before the end, a
  turn was taken to be over, with a request in it.
- Barge-in: from the first voiced frame of who talks over the answer to the first frame without it. Over
  `SILENT_WITHIN_MS` it counts as not detected.
- CPU: seconds of the process while requests are spoken, less what it takes when nobody speaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from device.console.timeline import percentile
from tests.bench.peer.job import FRAME_MS, Commit, Job, Line, Log, Phase, Span

SILENT_WITHIN_MS = 1500
_FOREVER = 1 << 62


def summary(job: Job, log: Log) -> dict[str, Any]:
    """The results' `peer.pipecat`."""
    requests = log.phases["requests"]
    latencies = mouth_to_ear_ms(job.phases["requests"], requests, log.answers)
    cut_offs = false_cut_offs(job.phases["paused"], log.phases["paused"], log.commits)
    stops = stop_times_ms(job.phases["barge_in"], log.phases["barge_in"], log.answers)
    detected = [stop for stop in stops if stop <= SILENT_WITHIN_MS]
    idle = log.phases["idle"]
    idle_share = idle.cpu_s / (idle.frames * FRAME_MS / 1000)
    busy_s = requests.cpu_s - idle_share * requests.frames * FRAME_MS / 1000
    return {
        "version": log.version,
        "mouth_to_ear_ms": {
            "p50": percentile(latencies, 50),
            "p95": percentile(latencies, 95),
            "n": len(latencies),
        },
        "requests": len(requests.starts),
        "false_cut_off_rate": sum(cut_offs) / len(cut_offs) if cut_offs else None,
        "paused": len(cut_offs),
        "barge_in": {
            "detected_rate": len(detected) / len(stops) if stops else None,
            "stop_ms_p50": percentile(detected, 50) if detected else None,
            "stop_ms_p95": percentile(detected, 95) if detected else None,
            "n": len(stops),
        },
        "cpu_s_per_turn": busy_s / max(1, len(requests.starts)),
        "idle_cpu_percent": 100 * idle_share,
        "rss_mb": log.memory_mb,
        "late_frames": log.late_frames,
    }


def mouth_to_ear_ms(lines: Sequence[Line], phase: Phase, answers: Sequence[Span]) -> list[float]:
    """Of every request that was answered before the next one."""
    latencies = []
    for index, line in enumerate(lines):
        if index in phase.starts:
            last_voiced = phase.starts[index] + line.clip.last_voiced_frame
            before = phase.starts.get(index + 1, _FOREVER)
            firsts = [answer.first for answer in answers if last_voiced < answer.first < before]
            latencies += [float((min(firsts) - last_voiced) * FRAME_MS)] if firsts else []
    return latencies


def false_cut_offs(lines: Sequence[Line], phase: Phase, commits: Sequence[Commit]) -> list[bool]:
    """Whether each line was cut off."""
    return [
        any(
            start + lines[index].pause_frame <= commit.frame <= start + lines[index].clip.last_voiced_frame
            and commit.request
            for commit in commits
        )
        for index, start in phase.starts.items()
    ]


def stop_times_ms(lines: Sequence[Line], phase: Phase, answers: Sequence[Span]) -> list[float]:
    """Of every answer that was sounding when somebody began to talk over it."""
    times = []
    for index, start in phase.overs.items():
        over = lines[index].over
        assert over is not None
        onset = start + over.first_voiced_frame
        times += [
            float((answer.last + 1 - onset) * FRAME_MS)
            for answer in answers
            if answer.first <= onset <= answer.last
        ]
    return times
