"""One settings object: defaults, then ``tocsin.toml``, then ``TOCSIN_…`` from the environment.

The models of the parts live beside what they set; this module only composes them. An unknown key
is refused wherever it stands.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from pipeline.aggregate.settings import AggregateSettings
from pipeline.alert.settings import AlertSettings
from pipeline.api.settings import ApiSettings
from pipeline.detect.settings import DetectOptions
from pipeline.gateway.settings import GatewaySettings
from pipeline.group.settings import GroupSettings
from pipeline.io.settings import KafkaSettings
from pipeline.notify.settings import NotifySettings
from pipeline.process.settings import ProcessSettings
from pipeline.sink.settings import SinkSettings
from pipeline.store.settings import ClickHouseSettings

__all__ = ["Config", "SettingsError", "load", "unknown_variables"]

PREFIX = "TOCSIN_"
# Read by the shell before there is a configuration, so they are no settings.
NOT_SETTINGS = frozenset({"TOCSIN_CONFIG", "TOCSIN_DATA", "TOCSIN_TEST_KAFKA", "TOCSIN_TEST_SEED"})


class LogSettings(BaseModel):
    """How the processes log."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        hide_input_in_errors=True,
    )

    kafka: KafkaSettings = KafkaSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    gateway: GatewaySettings = GatewaySettings()
    process: ProcessSettings = ProcessSettings()
    group: GroupSettings = GroupSettings()
    aggregate: AggregateSettings = AggregateSettings()
    detect: DetectOptions = DetectOptions()
    alert: AlertSettings = AlertSettings()
    notify: NotifySettings = NotifySettings()
    sink: SinkSettings = SinkSettings()
    api: ApiSettings = ApiSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic names it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, file."""
        path = os.environ.get("TOCSIN_CONFIG")
        sources = [init_settings, env_settings]
        if path:
            sources.append(TomlConfigSettingsSource(settings_cls, Path(path)))
        return tuple(sources)


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return the TOCSIN_ variables that set nothing: a typing error would go unnoticed."""
    known = set(Config.model_fields)
    return sorted(
        name
        for name in environment
        if name.startswith(PREFIX)
        and name not in NOT_SETTINGS
        and name.removeprefix(PREFIX).lower().split("__")[0] not in known
    )


def load(**overrides: Any) -> Config:
    """Return the configuration; raises pydantic.ValidationError that names each bad key."""
    return Config(**overrides)
