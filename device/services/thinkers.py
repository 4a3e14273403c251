"""The language model that the settings name, embedded or behind an endpoint, and what it may decide about."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from device import settings as settings_module
from device.home.persona import WREN, Other, Persona
from device.home.registry import House
from device.reasoning.thinker import Limits, ModelError, Thinker
from device.services.cast import ENDPOINT, models_of
from device.settings import Reason
from models.store import Store

CREDENTIAL = "endpoint-key"  # of systemd's LoadCredential


def model_of(settings: Reason, model: str) -> str:
    """The model that an agent names, or for "" the one that the settings mean."""
    return model or models_of(settings)[-1]


def open_thinker(settings: Reason, model: str = "") -> tuple[Thinker, str]:
    """The model and its name for people; an embedded one takes seconds to load.

    Raises ModelError, and the errors of the model store.
    """
    if model_of(settings, model) == ENDPOINT:
        from device.services.chat_endpoint import ChatEndpoint

        endpoint = ChatEndpoint(
            settings.endpoint,
            model=settings.endpoint_model,
            key=_key(settings.endpoint_key_file),
            remote=settings.endpoint_remote,
            limits=limits(settings),
        )
        return endpoint, endpoint.name
    from device.reasoning.llm import LanguageModel

    installed = Store().active("llm")
    embedded = LanguageModel(
        installed.files["model"],
        threads=settings.threads,
        context=settings.context_tokens,
        cache=settings_module.cache_dir() / "prefixes",
        limits=limits(settings),
    )
    return embedded, installed.name


def limits(settings: Reason, persona: Persona = WREN) -> Limits:
    """The limits of the settings; an agent's answer that may be longer may also take longer."""
    tokens = persona.answer_tokens or settings.answer_tokens
    return Limits(
        act=settings.act_probability,
        ask=settings.ask_probability,
        answer_tokens=tokens,
        sentences=persona.sentences,
        deadline_s=settings.deadline_ms / 1000 * max(1.0, tokens / settings.answer_tokens),
    )


def _key(named: str) -> str:
    """The key in the file of the settings, else in systemd's credential; empty where there is neither."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(named) if named else Path(folder, CREDENTIAL) if folder else None
    if path is None or not (named or path.exists()):
        return ""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        hint = "check reason.endpoint_key_file and its owner"
        raise ModelError(f"the key of the endpoint cannot be read: {reason}", hint) from None


def limited(house: House, others: tuple[Other, ...], *, acts: bool) -> House:
    """What a request may be decided about; where nobody may act, only what does no harm."""
    if acts and others == house.persona.others:
        return house
    persona = msgspec.structs.replace(house.persona, others=others)
    if acts:
        return msgspec.structs.replace(house, persona=persona)
    tools = {name: tool for name, tool in house.tools.items() if not tool.ask_first}
    return msgspec.structs.replace(house, entities={}, tools=tools, persona=persona)
