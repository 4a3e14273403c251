"""Wren on the device: engines, the two buses, and the daemons that run them."""

import os

# NumPy's BLAS would have a second thread spin for 20 ms after each product, beside the language model; no
# product here is large enough to be shared. It reads this when it is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
