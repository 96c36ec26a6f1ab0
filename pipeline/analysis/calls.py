"""What the name of a call says: it logs, prints, reports, waits or starts a client.

A name is the dotted text in front of the brackets, aliases of imports resolved and inner calls
kept as ``()``: ``logging.getLogger().info``.
"""

from typing import Final

from pipeline.analysis.facts import Facts

# Each level that a logger's method may be called after; ``exception`` logs at error.
_LEVELS: Final = {
    name: name
    for name in (
        *("trace", "debug", "info", "notice", "warn", "warning", "error", "critical"),
        *("fatal", "panic", "dpanic", "severe", "fine", "finer", "finest", "success"),
    )
} | {"exception": "error"}
_LOUD: Final = frozenset(
    ("warn", "warning", "error", "critical", "fatal", "panic", "severe", "dpanic")
)
_LOGGERS: Final = frozenset(
    (
        *("log", "logger", "logging", "logs", "slog", "winston", "pino", "logrus", "sugar"),
        *("loguru", "glog", "klog", "zap", "bunyan"),
    )
)
_REPORTS: Final = frozenset(
    ("capture_exception", "captureexception", "capture_message", "capturemessage")
)
_STACK_PRINTS: Final = frozenset(
    ("print_exc", "print_exception", "print_stack", "printStackTrace", "PrintStack")
)
_WAITS: Final = ("sleep", "wait", "backoff", "delay", "pause", "settimeout", "poll", "input")
_STRUCTURED: Final = frozenset(
    (
        *("structlog.configure", "pino", "bunyan.createLogger", "winston.format.json"),
        *("format.json", "winston.default.format.json", "zap.NewProduction", "zap.New"),
        *("zap.NewProductionConfig", "slog.NewJSONHandler", "zerolog.New"),
    )
)
_FORMATTERS: Final = frozenset(
    (
        *("JsonFormatter", "JSONFormatter", "JsonEncoder", "LogstashEncoder", "JsonLayout"),
        *("JsonTemplateLayout", "StdlibFormatter", "EcsEncoder", "EcsLayout"),
    )
)
_SENTRY: Final = ("sentry_sdk.init", "sentry.init")
_TOCSIN: Final = ("pipeline.sdk.init", "tocsin.init")
_TELEMETRY: Final = (
    *("set_tracer_provider", "set_meter_provider", "SetTracerProvider", "SetMeterProvider"),
    *("setGlobalTracerProvider", "buildAndRegisterGlobal", "NodeSDK", "NodeTracerProvider"),
    *("WebTracerProvider", "AutoConfiguredOpenTelemetrySdk.initialize"),
)
_PROMETHEUS: Final = (
    *("start_http_server", "start_wsgi_server", "make_wsgi_app", "make_asgi_app"),
    *("generate_latest", "push_to_gateway", "collectDefaultMetrics", "promhttp.Handler"),
    *("promhttp.HandlerFor", "prometheus.MustRegister", "DefaultExports.initialize"),
    *("PrometheusMeterRegistry", "JvmMetrics.builder", "register.metrics"),
)
_STARTS: Final = {
    **dict.fromkeys(_TELEMETRY, "opentelemetry"),
    **dict.fromkeys(_PROMETHEUS, "prometheus"),
}


def last(name: str) -> str:
    """Return the part of a name behind its last dot."""
    return name.rpartition(".")[2]


def _is_logger(part: str) -> bool:
    """Tell whether a part of a name is called like a logger."""
    plain = part.removesuffix("()").strip("_")
    lower = plain.lower()
    return lower in _LOGGERS or lower.endswith(("logger", "_log")) or plain.endswith("Log")


def level_of(name: str) -> str:
    """Return the level that a call logs at, or nothing."""
    receiver, _, method = name.rpartition(".")
    level = _LEVELS.get(_plain_method(method), "")
    return level if level and any(map(_is_logger, receiver.split("."))) else ""


def _plain_method(method: str) -> str:
    """Return a method without what tells how it formats: ``Errorf``, ``Infow``, ``atWarn``."""
    lower = method.lower()
    if lower in _LEVELS:
        return lower
    for ending in ("ln", "f", "w", "context"):
        if method[:1].isupper() and lower.removesuffix(ending) in _LEVELS:
            return lower.removesuffix(ending)
    return lower.removeprefix("at")


def is_print(name: str) -> bool:
    """Tell whether a call writes to the console."""
    if name.startswith(("console.", "window.console.")):
        return True
    if name.startswith(("System.out.", "System.err.")):
        return name.endswith(("print", "println", "printf"))
    return name in {"print", "builtins.print", "fmt.Print", "fmt.Printf", "fmt.Println", "println"}


def is_report(name: str) -> bool:
    """Tell whether a call sends an error to where errors are looked at."""
    method = last(name)
    return method.lower() in _REPORTS or (method == "exception" and bool(level_of(name)))


def is_loud(name: str) -> bool:
    """Tell whether a call leaves a trace of an error that somebody will see."""
    return (
        level_of(name) in _LOUD
        or is_report(name)
        or last(name) in _STACK_PRINTS
        or name in {"console.error", "console.warn", "warnings.warn"}
        # Go's own log has no levels.
        or name in {"log.Print", "log.Printf", "log.Println"}
    )


def only_tells(name: str) -> bool:
    """Tell whether an error in the brackets goes no further than a line of text."""
    return bool(level_of(name)) or is_print(name) or is_loud(name)


def is_wait(name: str) -> bool:
    """Tell whether a call lets time pass; a limit on how long another may take does not."""
    method = last(name).lower()
    return any(part in method for part in _WAITS) and method != "wait_for"


def ends_process(name: str) -> bool:
    """Tell whether nothing comes behind a call."""
    return name in {"sys.exit", "exit", "quit", "os._exit", "os.abort", "process.exit"} or (
        name in {"os.Exit", "System.exit", "panic", "log.Fatal", "log.Fatalf", "log.Fatalln"}
    )


def is_structured(name: str) -> bool:
    """Tell whether a call makes log lines JSON."""
    return name in _STRUCTURED or last(name) in _FORMATTERS


def names_formatter(text: str) -> bool:
    """Tell whether a text in a configuration names a class that makes log lines JSON."""
    return last(text) in _FORMATTERS


def started(name: str) -> str:
    """Return the monitoring that a call starts, or nothing."""
    lower = name.lower()
    if lower in _SENTRY or lower.endswith(".sentry.init"):
        return "sentry"
    if name in _TOCSIN:
        return "tocsin"
    return _STARTS.get(last(name), "") or _STARTS.get(".".join(name.split(".")[-2:]), "")


def count(facts: Facts, name: str, line: int) -> None:
    """Count a call for everything that its name says."""
    if level := level_of(name):
        facts.levels.add(level)
        facts.first_log = facts.first_log or line
    if is_print(name) and not facts.test:
        facts.prints += 1
    if is_report(name):
        facts.reports.append(line)
    if is_structured(name):
        facts.structured = True
    if client := started(name):
        facts.initialised.add(client)
