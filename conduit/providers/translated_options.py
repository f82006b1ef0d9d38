"""Options of OpenAI's protocol, for providers with a protocol of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from conduit.core.outcomes import ModelRequest
from conduit.core.sharing import Json
from conduit.providers.replies import impossible

if TYPE_CHECKING:
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.settings import ModelSettings

_SAME = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")
_HARMLESS = frozenset(
    {
        "metadata",
        "prompt_cache_key",
        "safety_identifier",
        "store",
        "stream",
        "stream_options",
        "user",
    }
)
"""What no answer depends on."""
_DEFAULTS: Mapping[str, object] = {
    "logprobs": False,
    "n": 1,
    "parallel_tool_calls": True,
    "response_format": {"type": "text"},
    "service_tier": "auto",
}
"""What everybody does who is not told otherwise."""
_STRUCTURE = frozenset({"tools", "tool_choice", "response_format"})
_TRANSLATED = frozenset({*_SAME, *_STRUCTURE, "stop", "parallel_tool_calls"})
_UNKNOWN_TO: Mapping[str, frozenset[str]] = {
    "anthropic": frozenset({"seed", "presence_penalty", "frequency_penalty"}),
    "google": frozenset({"parallel_tool_calls"}),
}


def translated_settings(request: ModelRequest) -> ModelSettings:
    """How a conversation is to be answered, in PydanticAI's words.

    Raises:
        ProviderError: BAD_REQUEST for the first option that the provider cannot honour.
    """
    wanted = _wanted(request)
    settings: ModelSettings = {}
    for name in _SAME:
        if name in wanted:
            settings[name] = wanted[name]  # type: ignore[literal-required] # names are the same
    if "stop" in wanted:
        stop = wanted["stop"]
        settings["stop_sequences"] = [stop] if isinstance(stop, str) else [*stop]
    if "parallel_tool_calls" in wanted:
        settings["parallel_tool_calls"] = bool(wanted["parallel_tool_calls"])
    if "tool_choice" in wanted:
        settings["tool_choice"] = _tool_choice(wanted["tool_choice"], model=request.arm.id)
    return settings


def translated_parameters(request: ModelRequest) -> ModelRequestParameters:
    """Tools and the form of the answer, in PydanticAI's words.

    Raises:
        ProviderError: BAD_REQUEST for a tool or form that has no counterpart.
    """
    from pydantic_ai.models import ModelRequestParameters  # noqa: PLC0415 - heavy
    from pydantic_ai.tools import ToolDefinition  # noqa: PLC0415 - heavy

    wanted = _wanted(request)
    functions = [_function(tool, model=request.arm.id) for tool in wanted.get("tools", ())]
    tools = [
        ToolDefinition(
            name=function["name"],
            description=function.get("description"),
            parameters_json_schema=function.get("parameters")
            or {"type": "object", "properties": {}},
            strict=function.get("strict"),
        )
        for function in functions
    ]
    return ModelRequestParameters(function_tools=tools, **_output(request, wanted))


def _wanted(request: ModelRequest) -> Json:
    """The options that ask for something, of which the provider honours every one."""
    options = request.chat.options if request.chat else {}
    wanted = {
        name: value
        for name, value in options.items()
        if value is not None and name not in _HARMLESS and _DEFAULTS.get(name) != value
    }
    provider = request.arm.provider
    for name in wanted:
        if name not in _TRANSLATED or name in _UNKNOWN_TO.get(provider, ()):
            raise impossible(f"{provider} does not know the option {name!r}", model=request.arm.id)
    return wanted


def _output(request: ModelRequest, wanted: Json) -> dict[str, Any]:
    from pydantic_ai.output import OutputObjectDefinition  # noqa: PLC0415 - heavy

    form = wanted.get("response_format")
    if form is None:
        return {}
    kind = form.get("type") if isinstance(form, Mapping) else form
    if kind == "json_object" and request.arm.provider == "google" and "tools" not in wanted:
        # The words that demand JSON are the caller's, as OpenAI's protocol has it.
        return {"output_mode": "prompted", "prompted_output_template": False}
    schema = form.get("json_schema") if kind == "json_schema" else None
    if not isinstance(schema, Mapping) or not isinstance(schema.get("schema"), dict):
        raise impossible(
            f"{request.arm.provider} cannot honour response_format={kind!r} here",
            model=request.arm.id,
        )
    definition = OutputObjectDefinition(
        json_schema=schema["schema"],
        name=schema.get("name"),
        description=schema.get("description"),
        strict=schema.get("strict"),
    )
    return {"output_mode": "native", "output_object": definition}


def _function(tool: Any, *, model: str) -> Json:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise impossible(f"the tool {str(tool)[:80]!r} is no function", model=model)
    return function


def _tool_choice(choice: Any, *, model: str) -> Any:
    if choice in ("auto", "none", "required"):
        return choice
    function = choice.get("function") if isinstance(choice, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise impossible(f"tool_choice={str(choice)[:80]} has no counterpart", model=model)
    return [function["name"]]
