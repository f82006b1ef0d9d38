"""Whether a provider can be called now, and what is missing if not."""

from __future__ import annotations

from conduit.core.arms import Arm
from conduit.core.errors import ConfigurationError
from conduit.engines.callable_models import has_key
from conduit.providers.cli_commands import TOOLS
from conduit.providers.cli_tools import found_program
from conduit.providers.lmstudio import loaded_model
from conduit.settings import Settings
from conduit.simple.named.names import Known


def missing(known: Known, settings: Settings) -> str | None:
    """What a provider lacks, for people; None where it is ready.

    LM Studio's server is asked, for two seconds at most; nobody else is called.
    """
    if known.name in TOOLS:
        return None if found_program(known.name) else f"{known.needs} is not on PATH"
    if known.name == "lmstudio":
        try:
            loaded_model(settings.lmstudio_base_url)
        except ConfigurationError as error:
            return error.problem
    any_arm = Arm(id="any", provider=known.name, base_url=settings.base_urls.get(known.name))
    if has_key(any_arm, settings):
        return None
    return f"{known.needs} is not set"
