"""Murmurs of people who listen, that train nothing: cut out of the shared data, and of packages where installed.

In the shared data: a speaker of the Montreal Forced Aligner's tests who hesitates, and people in AMI meetings and
a conversation. In Debian packages: letters that sound like "ah" and "oh" of four speakers in `klettres-data`
(GPL-2+), and four who say "hmm" in `hedgewars-data` (GPL-2).

Sounds are float32[n] at 16 kHz.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from device.audio.files import load
from device.hearing import RATE_HZ, Floats
from tests.recordings import recordings

_MARGIN_S = 0.06
_SPANS = (  # file, begin and end in seconds
    ("mfa_uhuh", 1.90, 2.07),  # uh
    ("mfa_uhuh", 2.60, 2.80),  # uh
    ("mfa_uhuh", 3.22, 3.50),  # uh
    ("mfa_uhuh", 4.33, 5.27),  # uh-uh
    ("mfa_um", 3.75, 5.15),  # um
    ("mfa_erpause", 3.10, 3.35),  # er
    ("tests__data__trn04", 15.93, 16.29),  # mm-hmm
    ("tests__data__trn04", 25.26, 25.71),  # mm-hmm
    ("tests__data__trn05", 1.51, 2.04),  # mm
    ("tests__data__trn06", 15.91, 16.22),  # uh
    ("tests__data__trn06", 26.44, 26.77),  # um
    ("tests__data__tr_00", 27.05, 27.41),  # hmm
    ("tests__data__trn07", 17.09, 17.33),  # ha ha
    ("tests__data__test", 15.35, 15.84),  # ah
)
_LETTERS = Path("/usr/share/klettres")
_VOICES = Path("/usr/share/games/hedgewars/Data/Sounds/voices")
_FILES = (
    *(_LETTERS / f"{name}.ogg" for name in ("da/alpha/a-0", "en_GB/alpha/o", "nl/alpha/a-0")),
    *(_LETTERS / f"pt_BR/alpha/{name}.ogg" for name in ("a", "o")),
    *(_VOICES / voice / "Hmm.ogg" for voice in ("British", "Default_ru", "Mobster", "Surfer")),
)


def murmurs() -> Iterator[Floats]:
    """All of them."""
    every = [one for category in ("disfluent_speech", "neg_speech") for one in recordings(category)]
    for name, begin, end in _SPANS:
        (whole,) = (one.samples() for one in every if one.path.stem.endswith(name))
        yield _cut(whole.astype(np.float32) / np.float32(32768), begin, end)
    for file in _FILES:
        if file.exists():
            yield load(str(file), RATE_HZ)


def _cut(whole: Floats, begin: float, end: float) -> Floats:
    """A span and a moment around it, which fades in and out."""
    margin = round(_MARGIN_S * RATE_HZ)
    cut = whole[round(begin * RATE_HZ) - margin : round(end * RATE_HZ) + margin].copy()
    fade = np.linspace(0, 1, margin, dtype=np.float32)
    cut[:margin] *= fade
    cut[-margin:] *= fade[::-1]
    return cut
