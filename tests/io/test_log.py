"""Logs are JSON, whoever writes them."""

import subprocess
import sys

import orjson

PROGRAM = """
import logging, sys
from pipeline.io.log import bind, configure, logger
configure("info", terminal=False)
bind(stage="toy")
logger("test").debug("hidden")
logger("test").info("seen", n=1)
logging.getLogger("uvicorn").warning("from %s", "stdlib")
try:
    raise ValueError("boom")
except ValueError:
    logger("test").exception("failed")
"""


def test_every_line_is_json_with_its_context() -> None:
    """Lines of structlog and stdlib lines are JSON with level, context and exception."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    seen, foreign, failed = [orjson.loads(line) for line in done.stderr.splitlines()]
    assert done.stdout == ""
    assert (seen["event"], seen["n"], seen["stage"], seen["level"]) == ("seen", 1, "toy", "info")
    assert (foreign["event"], foreign["logger"], foreign["stage"]) == (
        "from stdlib",
        "uvicorn",
        "toy",
    )
    assert failed["exception"][0]["exc_value"] == "boom"
