"""Which phonemes belong to which written word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.speech.alignment import estimated_word_ends, sounds, word_ends


def _spans(words: dict[str, str], spoken: str) -> list[str]:
    """The phonemes given to each word, when every phoneme lasts one unit."""
    counts = [sounds(alone) for alone in words.values()]
    ends = word_ends(counts, list(spoken), list(range(1, len(spoken) + 1)))
    return [spoken[begin:end].strip(" ,") for begin, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize(
    ("words", "spoken", "spans"),
    [
        ({"light": "lˈaɪt", "is": "ɪz", "on": "ˈɔn"}, "lˈaɪt ɪz ˈɔn.", ["lˈaɪt", "ɪz", "ˈɔn"]),
        ({"back": "bˈæk", "of": "ʌv", "the": "ðə", "house": "hˈaʊs"}, "bˈæk ʌvðə hˈaʊs",
         ["bˈæk", "ʌv", "ðə", "hˈaʊs"]),
        ({"in": "ɪn", "a": "ˈeɪ", "room": "ɹˈuːm"}, "ɪn ɐ ɹˈuːm", ["ɪn", "ɐ", "ɹˈuːm"]),
        ({"is": "ɪz", "21.5": "twˈɛnti wˈʌn pɔɪnt fˈaɪv", "now": "nˈaʊ"}, "ɪz twˈɛnti wˈʌn pɔɪnt fˈaɪv nˈaʊ",
         ["ɪz", "twˈɛnti wˈʌn pɔɪnt fˈaɪv", "nˈaʊ"]),
        ({"–": "", "yes": "jˈɛs"}, "jˈɛs", ["", "jˈɛs"]),
    ],
)  # fmt: skip
def test_each_word_gets_its_own_phonemes(words: dict[str, str], spoken: str, spans: list[str]) -> None:
    assert _spans(words, spoken) == spans


@given(
    st.lists(st.integers(0, 12), max_size=20),
    st.text(alphabet="abc ,.ːˈ", max_size=80),
    st.integers(1, 9),
)
def test_word_ends_never_decrease_and_reach_the_last_sound(counts: list[int], spoken: str, unit: int) -> None:
    times = [unit * index for index in range(1, len(spoken) + 1)]
    ends = word_ends(counts, list(spoken), times)
    assert len(ends) == len(counts)
    assert ends == sorted(ends)
    if any(counts) and sounds(spoken):
        last = max(index for index, phoneme in enumerate(spoken) if sounds(phoneme) or phoneme == "ː")
        assert ends[max(index for index, count in enumerate(counts) if count)] == times[last]


@given(st.lists(st.text(min_size=1), max_size=20), st.integers(0, 100_000))
def test_estimated_word_ends_fill_the_recording(words: list[str], samples: int) -> None:
    ends = estimated_word_ends(words, samples)
    assert ends == sorted(ends)
    assert not words or ends[-1] == samples
