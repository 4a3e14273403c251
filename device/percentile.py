"""Percentiles for audio paths: those of NumPy import `numpy.ma` at first use, 60 ms for all threads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def percentile(values: NDArray[np.floating[Any]], percent: float) -> float:
    """The `percent`th percentile of float[n], n > 0, as `numpy.percentile` interpolates it."""
    rank = (values.size - 1) * percent / 100
    low = int(rank)
    high = min(low + 1, values.size - 1)
    ordered = np.partition(values, (low, high))
    return float(ordered[low] + (rank - low) * (ordered[high] - ordered[low]))
