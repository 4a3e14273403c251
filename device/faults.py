"""Errors that a person has to see: each says what is wrong and what to do next."""

from __future__ import annotations


class Fault(Exception):  # noqa: N818 - a fault is what a person is told of, whatever raised it
    """Something a person has to repair; `permanent` means that trying again cannot help."""

    def __init__(self, message: str, hint: str = "", *, permanent: bool = False) -> None:
        super().__init__(message)
        self.message, self.hint, self.permanent = message, hint, permanent

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message
