"""Percentiles without NumPy's late imports."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.percentile import percentile


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=50), st.integers(0, 100))
def test_it_is_the_percentile_of_numpy(values: list[float], percent: int) -> None:
    array = np.array(values, np.float32)
    assert percentile(array, percent) == pytest.approx(float(np.percentile(array, percent)), abs=1e-4)
