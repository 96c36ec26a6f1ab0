"""Logs: one JSON object a line on stderr, coloured text on a terminal; stdlib goes the same way.

Context (stage, topic, partition, offset, event_id) travels in contextvars: ``bind(stage="x")``.
"""

import logging
import sys

import structlog
from structlog.typing import FilteringBoundLogger, Processor

bind = structlog.contextvars.bind_contextvars
bound = structlog.contextvars.bound_contextvars


def logger(name: str) -> FilteringBoundLogger:
    """Return a logger; its level and shape come from ``configure``."""
    log: FilteringBoundLogger = structlog.get_logger(module=name)
    return log


def configure(level: str = "info", *, terminal: bool | None = None) -> None:
    """Set level and shape for this process; ``terminal`` is guessed from stderr."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    pretty = sys.stderr.isatty() if terminal is None else terminal
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if pretty
        else [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
