"""Ends the registration of a broker that was killed before the broker starts again.

To the controller a killed broker leads its partitions until its session times out. Started within
that time, its transaction coordinator loads and cannot send the markers of decided transactions,
for its own port is still closed. When the session ends it takes the partitions, now without a
leader, for deleted ones and writes "complete" without a marker. The records then end with the
producer's next transaction, kept or dropped partition by partition. A controller that runs alone
first leaves nothing to time out, and its short session makes the restart faster as well.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from pipeline.local.child import tethered

WITHIN_S = 20.0
CONTROLLER = "controller.properties"
# BrokerRegistrationChangeRecord of node 1, as metadata/src/main/resources/common/metadata of Apache
# Kafka defines it: frame 1, key 17, version, broker, epoch, then tag 0: fenced (1) or not (-1).
_CHANGE = re.compile(rb"\x01\x11[\x00-\x09]\x00\x00\x00\x01.{8}.\x00\x01([\x01\xff])", re.DOTALL)


def is_fenced(metadata: Path) -> bool:
    """Whether the metadata log's last word on the broker is that it is fenced."""
    last = b""
    for segment in sorted(metadata.glob("*.log")):
        for change in _CHANGE.finditer(segment.read_bytes()):
            last = change[1]
    return last == b"\x01"


def fence(folder: Path, command: list[str]) -> None:
    """Run the controller alone until the broker is fenced, if it is not; waits up to 20 s.

    ``command`` starts the broker and ends with the path of its properties.
    """
    metadata = folder / "logs" / "__cluster_metadata-0"
    if not metadata.is_dir() or is_fenced(metadata):
        return
    began = time.monotonic()
    controller = subprocess.Popen(tethered([*command[:-1], str(folder / CONTROLLER)]))
    try:
        while not is_fenced(metadata):
            if time.monotonic() - began > WITHIN_S or controller.poll() is not None:
                _say("the old broker session could not be ended: starting waits for its time-out")
                return
            time.sleep(0.02)
    finally:
        controller.kill()
        controller.wait()
    _say(f"ended the old broker session in {time.monotonic() - began:.1f} s")


def _say(line: str) -> None:
    """Write a line to the broker's log."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the controller ends with this one
    fence(Path(sys.argv[1]), sys.argv[2:])
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  the broker takes this process over
