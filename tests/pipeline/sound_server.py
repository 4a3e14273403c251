"""A room without a sound card, for tests: a private PulseAudio with null sinks, and ALSA led to it.

`speaker` is the sink that the loudspeaker is. The microphone `mic` hears the sink `air`: what a test plays
there, and the loudspeaker through a loopback of `echo_ms` (none when 0). Other rooms are other `modules`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import pytest

from device.services.supervisor import ENDS_WITH_PARENT

NEEDED = ("pulseaudio", "pactl", "paplay", "parec")

_ALSA = """</usr/share/alsa/alsa.conf>
pcm.!default {{ type pulse server "{server}" }}
ctl.!default {{ type pulse server "{server}" }}
pcm.room {{ type asym
  playback.pcm {{ type pulse device "speaker" server "{server}" }}
  capture.pcm {{ type pulse device "mic" server "{server}" }}
  hint {{ show on description "virtual room" }} }}
"""
_SINK = "load-module module-null-sink sink_name={name} rate=48000 channels=1 channel_map=mono"
_ECHO = (
    "load-module module-loopback source=speaker.monitor sink=air latency_msec={ms} "
    "source_dont_move=yes sink_dont_move=yes adjust_time=0"
)
_MICROPHONE = (
    "load-module module-remap-source source_name=mic master=air.monitor channels=1 channel_map=mono "
    "master_channel_map=mono remix=no"
)

needed = pytest.mark.skipif(
    any(shutil.which(program) is None for program in NEEDED),
    reason="pulseaudio and pulseaudio-utils are not installed",
)


def plain_room(echo_ms: int) -> list[str]:
    """The commands of PulseAudio that make the sinks and sources."""
    return [
        _SINK.format(name="speaker"),
        _SINK.format(name="air"),
        *([_ECHO.format(ms=echo_ms)] if echo_ms else []),
        _MICROPHONE,
    ]


class SoundServer:
    """Starts in `__enter__`; `kill` and `start` again stand for a crash of the server."""

    def __init__(self, folder: Path, echo_ms: int = 60, modules: Sequence[str] = ()) -> None:
        self._folder, self._socket = folder, folder / "native"
        self.server = f"unix:{self._socket}"
        (folder / "asound.conf").write_text(_ALSA.format(server=self.server))
        lines = [
            f"load-module module-native-protocol-unix auth-anonymous=1 socket={self._socket}",
            *(modules or plain_room(echo_ms)),
            "set-default-sink speaker",
            "set-default-source mic",
        ]
        (folder / "room.pa").write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """For the clients of this server."""
        return {
            "ALSA_CONFIG_PATH": str(self._folder / "asound.conf"),
            "PULSE_SERVER": self.server,
            "PULSE_LATENCY_MSEC": "40",
        }

    def __enter__(self) -> SoundServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Until it answers."""
        home = {
            "HOME": str(self._folder),
            "XDG_RUNTIME_DIR": str(self._folder),
            "XDG_CONFIG_HOME": str(self._folder),
        }
        self._socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [*ENDS_WITH_PARENT,
             "pulseaudio", "-n", "-F", str(self._folder / "room.pa"), "--daemonize=no", "--use-pid-file=no",
             "--exit-idle-time=-1", "--resample-method=speex-float-5", "--realtime=no", "--high-priority=no",
             f"--log-target=file:{self._folder / 'pulse.log'}"],
            env=os.environ | home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while self.control("info").returncode:
            assert self._process.poll() is None, (self._folder / "pulse.log").read_text()
            assert time.monotonic() < deadline, "the sound server does not answer"
            time.sleep(0.05)
        with contextlib.suppress(PermissionError):  # as its own settings would, had it the right to
            for thread in Path(f"/proc/{self._process.pid}/task").iterdir():
                os.sched_setscheduler(int(thread.name), os.SCHED_RR, os.sched_param(30))

    def kill(self) -> None:
        """As a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=5)
            self._process = None

    def freeze(self) -> None:
        """It is there and does not answer."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def play(self, file: Path) -> subprocess.Popen[bytes]:
        """A person plays `file` into the room."""
        return self._client(["paplay", "--device=air", str(file)])

    def record(self, file: Path, sink: str = "speaker") -> subprocess.Popen[bytes]:
        """Writes what `sink` plays into a 16 kHz mono WAV until it is terminated."""
        command = ["parec", f"--device={sink}.monitor", "--rate=16000", "--channels=1", "--format=s16le"]
        return self._client([*command, "--latency-msec=20", "--file-format=wav", str(file)])

    def _client(self, command: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env=os.environ | self.environment, stderr=subprocess.DEVNULL)

    def control(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """What `pactl` says."""
        command = ["pactl", *arguments]
        return subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, timeout=5, check=False
        )
