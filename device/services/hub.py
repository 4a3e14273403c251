"""wren-hub: carries events between the daemons."""

from __future__ import annotations

import sys

from device.bus.hub import Hub
from device.bus.paths import events_socket
from device.services.daemon import STEP_S, Daemon, run


class HubDaemon(Daemon):
    """Serves the event socket; publishes nothing but its own readiness."""

    name = "hub"

    def start(self) -> None:
        """Opens the socket."""
        self._hub = Hub(events_socket(self.runtime))

    def step(self) -> None:
        """Serves whoever has something to say."""
        self._hub.step(STEP_S)

    def close(self) -> None:
        """Hangs up."""
        if hasattr(self, "_hub"):
            self._hub.close()


if __name__ == "__main__":
    sys.exit(run(HubDaemon))
