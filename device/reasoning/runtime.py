"""One llama.cpp model and context that never evaluates the same beginning twice.

A sequence is a row of tokens whose keys and values are kept. Asked for the logits after some tokens, the
runtime looks for the sequence that already holds the longest common prefix of them, shares that part (a
unified cache shares cells, it does not copy them), removes what differs and evaluates only the rest. A
prompt's fixed prefix, a partial transcript that grows, and a dialog that is continued all become cheap by
this one rule. Tokens that probably follow can be evaluated along: two more in a batch cost less than two
evaluations, and what turns out otherwise is cut off again.

Evaluation is interrupted inside a batch: llama.cpp asks its abort callback between graph nodes, so a
cancelled turn stops within the time of about one token even in the middle of a long prefix. What was
evaluated before stays and is used by the next attempt. The callback is a function of C, told by a thread that
asks whether to go on: called into Python 650 times a token, it took a fifteenth of the time.

Border: token ids (int); logits float32[vocabulary], unnormalised, valid until the next evaluation.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# OpenMP's threads wait for one another some 300 times a token: spinning without end slows all processes on
# these cores twentyfold, not at all costs a quarter of the speed (docs/decisions/0020). libgomp reads this
# when it is loaded, so nobody else may import llama_cpp.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
import llama_cpp

from device.reasoning.thinker import ModelError

Logits = NDArray[np.float32]
Check = Callable[[], None]  # raises to stop an evaluation

ABORTED = 2  # llama_decode's status after its abort callback returned true
# Tokens of a batch: more are not faster on a CPU. While somebody speaks a reading is interrupted often and
# loses its batch: three cost no more a token than up to twelve.
BATCH_TOKENS, FEW_TOKENS = 64, 3
ABORT_POLL_S = 0.005
_STRLEN = ctypes.CDLL(None).strlen  # as an abort callback: true when the string is not empty
FINGERPRINT_BYTES = 1 << 20
DIGEST_BYTES = 32


class ContextFull(Exception):  # noqa: N818
    """The tokens do not fit into the context."""


class Runtime:
    """A loaded model with `sequences` rows of kept tokens that share `context` cells."""

    def __init__(self, path: Path, *, threads: int, context: int, sequences: int) -> None:
        """Load the model in seconds; raises ModelError for a missing, damaged or too large one."""
        self._model = self._context = None
        self._threads, self.spared = threads, 0  # cores that are left to others, from the next batch on
        self._watcher: threading.Thread | None = None
        self._complaints: list[str] = []
        self._log = llama_cpp.llama_log_callback(self._hear)
        llama_cpp.llama_log_set(self._log, ctypes.c_void_p(0))
        if not path.is_file():
            raise ModelError(f"there is no language model {path}", "run `wren models fetch`")
        self.fingerprint = _fingerprint(path)
        parameters = llama_cpp.llama_model_default_params()
        parameters.n_gpu_layers = 0
        self._model = llama_cpp.llama_model_load_from_file(os.fsencode(path), parameters)
        if not self._model:
            raise ModelError(
                f"language model {path} cannot be loaded ({self._complaint()})",
                "run `wren models verify`, then `wren models fetch`",
            )
        shape = llama_cpp.llama_context_default_params()
        shape.n_ctx = context
        shape.n_batch = shape.n_ubatch = BATCH_TOKENS
        shape.n_seq_max = sequences
        shape.kv_unified = True
        shape.n_threads = shape.n_threads_batch = threads
        shape.no_perf = True
        # a tenth slower per token on x86 cores (docs/decisions/0019); not measured on others
        shape.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self._context = llama_cpp.llama_init_from_model(self._model, shape)
        if not self._context:
            self.close()
            raise ModelError(
                f"no memory for a language model context of {context} tokens ({self._complaint()})",
                "lower reason.context_tokens",
            )
        self.context = int(llama_cpp.llama_n_ctx(self._context))
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._model)
        self._vocabulary_size = int(llama_cpp.llama_vocab_n_tokens(self._vocabulary))
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._kept: list[list[int]] = [[] for _ in range(sequences)]
        self._latest: int | None = None  # the sequence that was evaluated last
        self._outputs: dict[int, int] = {}  # its lengths that have valid logits: where in the batch
        self._interruption: BaseException | None = None
        self._check: Check | None = None  # of the evaluation that is going on
        self._watched, self._closed = threading.Condition(), False
        self.evaluations = self.evaluated_tokens = 0  # calls of llama_decode, since the start
        self._stop = ctypes.create_string_buffer(2)
        abort = ctypes.cast(_STRLEN, llama_cpp.ggml_abort_callback)
        llama_cpp.llama_set_abort_callback(self._context, abort, ctypes.cast(self._stop, ctypes.c_void_p))
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._watcher.start()

    def close(self) -> None:
        """Free the model; the runtime is unusable afterwards."""
        if self._watcher is not None:
            with self._watched:
                self._closed = True
                self._watched.notify()
            self._watcher.join()
        if self._context:
            llama_cpp.llama_free(self._context)
        if self._model:
            llama_cpp.llama_model_free(self._model)
        self._context = self._model = None

    def tokenize(self, text: str, *, markup: bool = False) -> list[int]:
        """Tokens of `text`; control tokens are recognised only with `markup`, never in what a person said."""
        data = text.encode()
        room = len(data) + 8
        tokens = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self._vocabulary, data, len(data), tokens, room, False, markup)
        return list(tokens[:count])

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for; one character can span several tokens."""
        buffer = ctypes.create_string_buffer(256)
        count = llama_cpp.llama_token_to_piece(self._vocabulary, token, buffer, len(buffer), 0, False)
        return buffer.raw[: max(0, count)]

    def ends(self, token: int) -> bool:
        """Whether the model says by this token that it has finished."""
        return bool(llama_cpp.llama_vocab_is_eog(self._vocabulary, token))

    def held(self, sequence: int, tokens: Sequence[int]) -> int:
        """How many leading tokens of `tokens` the sequence already holds."""
        return _common(self._kept[sequence], tokens)

    def evaluate(
        self,
        sequence: int,
        tokens: Sequence[int],
        check: Check,
        *,
        guess: Sequence[int] = (),
        at_once: int = FEW_TOKENS,
    ) -> Logits:
        """Logits of the token that follows `tokens`; the sequence then holds these tokens.

        So many tokens are evaluated `at_once`, at most BATCH_TOKENS. `guess` is evaluated along where it fits
        into the batch: asked next for the logits after all or some of it, the answer is there. Raises
        ContextFull when they do not fit, ModelError when llama.cpp fails, and whatever `check` raises, which
        another thread asks every few milliseconds.
        """
        if not tokens:
            raise ValueError("nothing to evaluate")
        length = len(tokens)
        latest = self._latest
        if latest is None or length not in self._outputs or self._kept[latest][:length] != tokens:
            self._evaluate(sequence, tokens, guess, at_once, check)
        elif latest != sequence:
            self._share(latest, sequence, tokens)
        logits = llama_cpp.llama_get_logits_ith(self._context, self._outputs[length])
        return np.ctypeslib.as_array(logits, shape=(self._vocabulary_size,))

    def _evaluate(
        self, sequence: int, tokens: Sequence[int], guess: Sequence[int], at_once: int, check: Check
    ) -> None:
        best = max(range(len(self._kept)), key=lambda s: (self.held(s, tokens), s == sequence))
        kept = min(self.held(best, tokens), len(tokens) - 1)
        if best != sequence:
            self._share(best, sequence, tokens[:kept])
        self._cut(sequence, kept)
        self._latest = None
        last = len(tokens) - 1 - (len(tokens) - 1 - kept) % at_once  # where the last batch begins
        for start in range(kept, last, at_once):
            self._decode(sequence, tokens[start : start + at_once], 0, check)
        rest = [*tokens[last:], *guess][:BATCH_TOKENS]
        outputs = len(rest) - (len(tokens) - last) + 1
        self._decode(sequence, rest, outputs, check)
        self._latest = sequence
        self._outputs = {len(tokens) + i: len(rest) - outputs + i for i in range(outputs)}

    def _share(self, source: int, sequence: int, tokens: Sequence[int]) -> None:
        """Has `sequence` hold `tokens`, with which `source` begins."""
        self._cut(sequence, 0)
        llama_cpp.llama_memory_seq_cp(self._memory, source, sequence, 0, len(tokens))
        self._kept[sequence] = list(tokens)

    def _decode(self, sequence: int, tokens: Sequence[int], outputs: int, check: Check) -> None:
        """Evaluates one batch, with the logits of its last `outputs` tokens."""
        check()
        row = self._kept[sequence]
        batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i] = token
            batch.pos[i] = len(row) + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = sequence
            batch.logits[i] = i >= len(tokens) - outputs
        computing = max(1, self._threads - self.spared)
        llama_cpp.llama_set_n_threads(self._context, computing, computing)
        with self._watched:
            self._check, self._interruption, self._stop.value = check, None, b""
            self._watched.notify()
        try:
            status = llama_cpp.llama_decode(self._context, batch)
        finally:
            with self._watched:
                self._check = None
            llama_cpp.llama_batch_free(batch)
        self.evaluations += 1
        self.evaluated_tokens += len(tokens)
        if status == 0:
            row.extend(tokens)
            return
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, len(row), -1)
        if status == ABORTED and self._interruption is not None:
            raise self._interruption
        if status == 1:
            raise ContextFull(f"{len(row) + len(tokens)} tokens do not fit into {self.context}")
        raise ModelError(f"the language model failed ({self._complaint()})", "restart the reason daemon")

    def drop(self, sequence: int) -> None:
        """Forget a sequence."""
        self._cut(sequence, 0)

    def save(self, sequence: int, path: Path) -> None:
        """Write the keys and values of a sequence; raises OSError. The file appears whole or not at all."""
        size = llama_cpp.llama_state_seq_get_size(self._context, sequence)
        state = (ctypes.c_uint8 * size)()
        llama_cpp.llama_state_seq_get_data(self._context, state, size, sequence)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                file.write(hashlib.sha256(state).digest())
                file.write(state)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def restore(self, sequence: int, path: Path, tokens: Sequence[int]) -> bool:
        """Load what `save` wrote when the sequence held `tokens`; False when it is absent or damaged.

        The digest is checked here because llama.cpp aborts the process on a damaged state.
        """
        try:
            data = path.read_bytes()
        except OSError:
            return False
        digest, state = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
        if hashlib.sha256(state).digest() != digest:
            return False
        self.drop(sequence)
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        if not llama_cpp.llama_state_seq_set_data(self._context, buffer, len(state), sequence):
            llama_cpp.llama_memory_seq_rm(self._memory, sequence, -1, -1)
            return False
        self._kept[sequence] = list(tokens)
        return True

    def _cut(self, sequence: int, length: int) -> None:
        row = self._kept[sequence]
        if length < len(row):
            llama_cpp.llama_memory_seq_rm(self._memory, sequence, length, -1)
            del row[length:]
            if self._latest == sequence:
                self._latest = None

    def _watch(self) -> None:
        """Asks every few milliseconds whether the evaluation that is going on shall go on."""
        with self._watched:
            while not self._closed:
                if self._check is None:
                    self._watched.wait()
                    continue
                try:
                    self._check()
                except BaseException as error:
                    self._interruption, self._check, self._stop.value = error, None, b"!"
                else:
                    self._watched.wait(ABORT_POLL_S)

    def _hear(self, level: int, text: bytes, _data: object) -> None:
        if level >= 4:  # GGML_LOG_LEVEL_ERROR
            self._complaints = [*self._complaints[-4:], text.decode(errors="replace").strip()]

    def _complaint(self) -> str:
        return "; ".join(self._complaints) or "llama.cpp gave no reason"


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return i
    return min(len(a), len(b))


def _fingerprint(path: Path) -> str:
    """Identity of a model file, without reading a gigabyte, and of the library whose state is kept for it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(FINGERPRINT_BYTES)
        file.seek(max(0, size - FINGERPRINT_BYTES))
        digest = hashlib.sha256(
            head + file.read() + f"{size} {llama_cpp.__version__} without flash attention".encode()
        )
    return digest.hexdigest()
