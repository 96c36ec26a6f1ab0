"""The demo: the whole pipeline on free ports, traffic with an incident in it, a small receiver.

What it shows and what it sums up is read back at the far end, by plain HTTP from ClickHouse and
from what the receiver was told, and compared with what the generator says it sent.
"""

import base64
import json
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.io.resources import deploy
from pipeline.local import state
from pipeline.local.receiver import Notice, Receiver
from pipeline.local.screen import Rows, Snapshot
from pipeline.local.up import Machine, Options

INCIDENT_AFTER_S = 15.0
INCIDENT_FOR_S = 25.0
GIVE_UP_S = 180.0
SETTLE_S = 90.0
WINDOWS = {
    "TOCSIN_AGGREGATE__WINDOW_S": "10",
    "TOCSIN_AGGREGATE__GRACE_S": "5",
}
CHANNELS = ("slack", "pagerduty", "webhook")
SECRET = "whsec_" + base64.b64encode(b"tocsin demo, not a secret at all").decode()

_RATES = """
SELECT service, environment, sum(requests) / 60 AS throughput,
  if(sum(requests) = 0, NULL, sum(requests_failed) / sum(requests)) AS error_rate,
  if(sum(requests) = 0, 1, (sum(satisfied) + sum(tolerating) / 2) / sum(requests)) AS apdex,
  sumMap(latency) AS buckets,
  arrayReduce('quantilesExactWeighted(0.95)', arrayMap(k -> pow(1.02, k) * 2 / 2.02,
    mapKeys(buckets)), mapValues(buckets))[1] AS p95_ms
FROM tocsin.service_metrics FINAL
WHERE window_start >= (SELECT max(window_start) FROM tocsin.service_metrics) - 50
GROUP BY service, environment ORDER BY environment, service
"""
_ISSUES = """
SELECT service, title, toUInt64(count) AS count, toUInt64(users) AS users
FROM tocsin.issues ORDER BY count DESC LIMIT 8
"""
_ALERTS = """
SELECT state, rule, service, environment, value, threshold FROM tocsin.alert_history
WHERE state IN ('pending', 'firing', 'keeping', 'resolved') ORDER BY started_at DESC LIMIT 4
"""
_COUNTS = """
SELECT
  (SELECT count() FROM tocsin.events) AS error,
  (SELECT sum(requests) FROM tocsin.service_metrics FINAL) AS request,
  (SELECT sum(samples) FROM tocsin.resource_samples FINAL) AS resource,
  (SELECT sum(requests_failed) FROM tocsin.service_metrics FINAL) AS failed,
  (SELECT count() FROM tocsin.issues WHERE count > 0) AS issues,
  (SELECT count() FROM tocsin.dead_letters FINAL) AS dead
"""


def demo_rules(shipped: str) -> str:
    """Return the shipped rules with windows of one minute and every channel of the receiver."""
    shorter = re.sub(r"(?m)^(\s+window:) \S+$", r"\1 1m", shipped)
    return re.sub(r"channels: \[.*\]", f"channels: [{', '.join(CHANNELS)}]", shorter)


def demo_channels(url: str) -> str:
    """Return the channels that the receiver plays; it listens on a private address."""
    return f"""channels:
  slack: {{type: slack, url: "{url}/slack", allow_private: true}}
  pagerduty: {{type: pagerduty, routing_key: demo, url: "{url}/pagerduty", allow_private: true}}
  webhook: {{type: webhook, url: "{url}/webhook", secrets: ["{SECRET}"], allow_private: true}}
"""


class Difference(NamedTuple):
    """A count that is not what was sent."""

    what: str
    sent: int
    found: int


def differences(ledger: dict[str, Any], counts: dict[str, Any]) -> list[Difference]:
    """Compare the generator's ledger with what was read back."""
    pairs = (
        ("errors stored", ledger["kinds"].get("error", 0), counts["error"]),
        ("requests counted", ledger["kinds"].get("request", 0), counts["request"]),
        ("failed requests", sum(ledger["failed"].values()), counts["failed"]),
        ("resource samples", ledger["kinds"].get("resource", 0), counts["resource"]),
        ("issues", len(ledger["scenes"]), counts["issues"]),
        ("dead letters", 0, counts["dead"]),
        ("never accepted", 0, ledger["lost"]),
    )
    return [Difference(what, sent, int(found)) for what, sent, found in pairs if sent != int(found)]


class Generator:
    """The traffic generator's process and the last line of its ledger."""

    def __init__(self, ends: state.Endpoints) -> None:
        self.ledger: dict[str, Any] = {"kinds": {}, "final": False, "incident": False}
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "pipeline.local.traffic"),
                *("--bootstrap-servers", ends.bootstrap_servers),
                *("--gateway-url", ends.gateway_url, "--key", ends.ingest_key),
                *("--incident-after", str(INCIDENT_AFTER_S)),
                *("--incident-for", str(INCIDENT_FOR_S)),
            ],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        """Keep the newest line."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.ledger = json.loads(line)

    @property
    def pid(self) -> int:
        """The process id, for the memory."""
        return self._process.pid

    def stop(self) -> None:
        """End the traffic; the ledger is final then."""
        self._process.terminate()
        self._process.wait()
        self._reader.join()


class Demo:
    """One run; ``step`` it a few times a second until ``is_over``."""

    def __init__(self, machine: Machine, receiver: Receiver) -> None:
        self._machine = machine
        self._receiver = receiver
        self.began = time.monotonic()
        self.generator = Generator(machine.endpoints)
        self._look_at = 0.0
        self._seen: dict[str, Rows] = {"rates": [], "issues": [], "alerts": [], "counts": []}

    @property
    def age_s(self) -> float:
        """Seconds since the traffic began."""
        return time.monotonic() - self.began

    @property
    def notices(self) -> list[Notice]:
        """What was delivered so far."""
        return self._receiver.notices

    def after(self, status: str) -> dict[str, float]:
        """Return per channel the seconds until its first notice of this status."""
        found: dict[str, float] = {}
        for notice in self.notices:
            if notice.status == status:
                found.setdefault(notice.channel, notice.at - self.began)
        return found

    def is_over(self) -> bool:
        """Whether every channel has been told that the alert resolved."""
        return len(self.after("resolved")) == len(CHANNELS)

    def look(self) -> None:
        """Read the far end, once a second at most."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + 1.0
            ask = {"rates": _RATES, "issues": _ISSUES, "alerts": _ALERTS, "counts": _COUNTS}
            self._seen = {name: self.rows(query) for name, query in ask.items()}

    def rows(self, query: str) -> Rows:
        """Ask ClickHouse over HTTP, as an analyst would; nothing while it is away.

        Raises HTTPError for a query that it refuses.
        """
        body = f"{query} FORMAT JSONEachRow".encode()
        url = self._machine.endpoints.clickhouse_url
        try:
            with urllib.request.urlopen(url, body, timeout=10) as answer:  # noqa: S310  loopback
                return [json.loads(line) for line in answer.read().splitlines()]
        except urllib.error.HTTPError:
            raise
        except OSError:
            return []

    def snapshot(self) -> Snapshot:
        """Return what the screen shows."""
        ledger = self.generator.ledger
        counts = self._seen["counts"][0] if self._seen["counts"] else {"error": 0}
        notices = [(n.at - self.began, n.channel, n.status, text_of(n)) for n in list(self.notices)]
        ends = self._machine.endpoints
        return Snapshot(
            phase="INCIDENT in checkout" if ledger["incident"] else "normal traffic",
            age_s=self.age_s,
            sent=sum(ledger["kinds"].values()),
            stored=int(counts["error"]),
            rates=self._seen["rates"],
            issues=self._seen["issues"],
            alerts=self._seen["alerts"],
            notices=notices,
            memory_mb=self._machine.peak_bytes / 2**20,
            endpoints={name: getattr(ends, name) for name in ends.__struct_fields__},
        )

    def settle(self) -> tuple[dict[str, Any], list[Difference]]:
        """Stop the traffic, wait for the far end, return its counts and what differs."""
        self.generator.stop()
        end = time.monotonic() + SETTLE_S
        while True:
            rows = self.rows(_COUNTS)
            counts = rows[0] if rows else {}
            wrong = differences(self.generator.ledger, counts) if rows else []
            if (rows and not wrong) or time.monotonic() > end:
                return counts, wrong or ([] if rows else [Difference("answers", 1, 0)])
            self._machine.step()
            time.sleep(0.5)


def text_of(notice: Notice) -> str:
    """Return the line of a notice that people would read."""
    body = notice.body
    if notice.channel == "pagerduty":
        return str(body.get("payload", {}).get("summary") or body.get("dedup_key", ""))
    if notice.channel == "webhook":
        return ", ".join(str(alert["title"]) for alert in body["alerts"])
    return str(body.get("text", ""))


def options(folder: Path, receiver: Receiver) -> Options:
    """Write the demo's rules and channels and return how its machine is to run."""
    rules, channels = folder / "rules.yaml", folder / "channels.yaml"
    shipped = (deploy() / "config" / "rules.yaml").read_text("utf-8")
    rules.write_text(demo_rules(shipped), "utf-8")
    channels.write_text(demo_channels(receiver.url), "utf-8")
    environment = {
        **WINDOWS,
        "TOCSIN_ALERT__RULES": str(rules),
        "TOCSIN_NOTIFY__CHANNELS": str(channels),
    }
    # Never a Kafka or a ClickHouse that is configured: a made-up incident belongs in nobody's.
    embedded = ""
    return Options(folder, 0, 0, 0, 0, embedded, embedded, environment=environment)
