"""The conversation in the terminal while it happens, a line for each thing that a person would ask about."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from device.events import (
    DaemonFailed,
    DaemonReady,
    DialogState,
    Event,
    HomeConnection,
    IntentDecided,
    ModelReady,
    PlaybackStarted,
    PlaybackStopped,
    ReplyClause,
    SceneSpeech,
    SpeechStopped,
    ToolCalled,
    ToolResult,
    TranscriptFinal,
    TranscriptPartial,
    TurnCancelled,
    WakeDetected,
)

FRAME_S = 0.01


class ConversationView:
    """Prints events as they come; on a terminal partial text is overwritten in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last_voiced_frame: int | None = None

    def show(self, event: Event) -> None:
        """One event."""
        if isinstance(event, TranscriptPartial):
            if self._console.is_terminal:
                self._console.print(
                    f"  [dim]hearing    {escape(event.text)}[/]", end="\r", overflow="crop", no_wrap=True
                )
            return
        line = self._line(event)
        if line:
            stamp = f"{event.frame * FRAME_S:7.2f} s" if event.frame >= 0 else "         "
            self._console.print(f"[dim]{stamp}[/]  {line}", highlight=False)

    def _line(self, event: Event) -> str:
        match event:
            case DaemonReady():
                return (
                    f"[dim]ready[/]      {event.daemon} (process {event.pid}, {event.start_ms / 1000:.1f} s)"
                )
            case ModelReady():
                how = "restored" if event.restored else "evaluated"
                return (
                    f"[dim]ready[/]      {escape(event.name)}, prompt {how} in {event.prefix_ms / 1000:.1f} s"
                )
            case DaemonFailed():
                hint = f"; {event.hint}" if event.hint else ""
                return f"[red]failed[/]     {event.daemon}: {escape(event.reason + hint)}"
            case HomeConnection():
                if event.connected:
                    return f"[dim]house[/]      connected to {escape(event.broker)}"
                return f"[red]house[/]      {escape(event.broker)} cannot be reached: {escape(event.reason)}"
            case SceneSpeech():
                return f"[cyan]person[/]     speaks: {escape(event.file)} ({event.duration_ms / 1000:.1f} s)"
            case WakeDetected():
                return f"[green]wake[/]       “{event.word}” heard, score {event.score:.2f}"
            case SpeechStopped():
                self._last_voiced_frame = event.last_voiced_frame
                return ""
            case TranscriptFinal():
                return f"[bold]heard[/]      {escape(event.text)}"
            case TurnCancelled():
                return f"[yellow]cancelled[/]  {event.reason.replace('_', ' ')}"
            case IntentDecided():
                calls = ", ".join(
                    " ".join(str(part) for part in call if part not in (None, "")) for call in event.calls
                )
                return (
                    f"[magenta]decided[/]    {calls or 'to talk'} ({event.route}, {event.decide_ms:.0f} ms)"
                )
            case ToolCalled():
                return f"[blue]tool call[/]  {event.tool} {_arguments(event.arguments)}"
            case ToolResult():
                if event.ok:
                    return f"[blue]confirmed[/]  {_arguments(event.arguments)} in {event.confirm_ms:.0f} ms"
                return f"[red]not done[/]   {_arguments(event.arguments)}: {event.error.replace('_', ' ')}"
            case ReplyClause() if event.text:
                return f"[green]says[/]       {escape(event.text)}"
            case PlaybackStarted() if not event.cue and self._last_voiced_frame is not None:
                passed_ms = round((event.frame - self._last_voiced_frame) * FRAME_S * 1000)
                self._last_voiced_frame = None
                return f"[green]audible[/]    [bold]{passed_ms} ms[/] after the last word"
            case PlaybackStopped() if not event.cue:
                return f"[dim]{event.reason}[/]   heard: {escape(event.heard_text)}"
            case DialogState(state="idle"):
                return "[dim]idle[/]"
            case _:
                return ""


def _arguments(arguments: dict[str, str | int | float | None]) -> str:
    return escape(" ".join(str(value) for value in arguments.values() if value not in (None, "")))
