"""Rules and channels as people write them, and what is said of mistakes."""

from pathlib import Path

import orjson
import pytest
import yaml
from jsonschema import Draft202012Validator

from pipeline.alert.settings import AlertSettings
from pipeline.io.resources import deploy, schemas
from pipeline.io.rulefile import FileError, load_channels, load_rules, rules_schema
from pipeline.notify.channels.slack import Slack
from pipeline.notify.settings import NotifySettings

RULE = """\
rules:
  - name: Errors
    condition: error_rate
    threshold: 0.05
    window: 5m
    channels: [slack]
"""


def complaints(folder: Path, text: str) -> list[str]:
    """Return what is said of a file of rules, without the folder."""
    path = folder / "rules.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(FileError) as caught:
        load_rules(AlertSettings(rules=str(path)), {"slack", "email"})
    return [text.replace(f"{folder}/", "") for text in caught.value.complaints]


def test_a_rule(tmp_path: Path) -> None:
    """4.1 A rule has its defaults: op, severity, evidence, timers and cooldown."""
    path = tmp_path / "rules.yaml"
    path.write_text(RULE)
    (rule,) = load_rules(AlertSettings(rules=str(path)), {"slack"})

    assert (rule.name, rule.severity, rule.cooldown, rule.for_s) == ("Errors", "warning", 900, 0)
    assert (rule.group_wait, rule.group_interval, rule.repeat_interval) == (10, 300, 14_400)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("window: 5m", "windw: 5m", "rules.yaml:5: windw: Extra inputs are not permitted"),
        (
            "window: 5m",
            "window: 7m",
            "rules.yaml:5: window: 420 s is no rolling window; there are 1",
        ),
        ("window: 5m", "window: soon", "rules.yaml:5: window: 'soon' is no duration"),
        ("error_rate", "eror_rate", "rules.yaml:3: condition: 'eror_rate' is no metric; there are"),
        (
            "[slack]",
            "[email, pager]",
            "rules.yaml:6: channels: no channel 'pager'; there are: email",
        ),
        ("[slack]", "[]", "rules.yaml:6: channels: Tuple should have at least 1 item"),
        ("0.05", "much", "rules.yaml:4: threshold: Input should be a valid number"),
        ("0.05", ".nan", "rules.yaml:4: threshold: Input should be a finite number"),
        ("0.05", "0.05\n    severity: huge", "rules.yaml:5: severity: Input should be 'critical'"),
        ("0.05", "0.05\n    threshold: 1", "rules.yaml:5: threshold: is there twice"),
        ("0.05", "0.05\n    op: '=='", "rules.yaml:5: op: Input should be '>', '>=', '<' or '<='"),
        ("0.05", "0.05\n    match: {host: a}", "rules.yaml:5: host: Input should be 'project'"),
        ("    threshold: 0.05\n", "", "rules.yaml:2: threshold: Field required"),
        ("error_rate", "issue.newest", "rules.yaml:3: condition: Input should be 'issue.new'"),
        ("rules:", "rulez:", "rules.yaml:1: rulez: Extra inputs are not permitted"),
        ("[slack]", "[slack", "rules.yaml:7: no YAML: "),
        (
            "name: Errors",
            "name: ${NO_SUCH_NAME}",
            "rules.yaml:2: there is no variable NO_SUCH_NAME",
        ),
    ],
)
def test_mistakes_are_named(tmp_path: Path, before: str, after: str, expected: str) -> None:
    """4.1 A mistake is refused with file, line and key, and what would be right."""
    found = complaints(tmp_path, RULE.replace(before, after, 1))

    assert any(complaint.startswith(expected) for complaint in found), found


def test_a_name_that_is_used_twice(tmp_path: Path) -> None:
    """4.1 Two rules of one name would share their series."""
    twice = RULE + RULE.removeprefix("rules:\n")

    assert complaints(tmp_path, twice) == ["rules.yaml:7: name: 'Errors' is there twice"]


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    """Nobody has to start three times to find three mistakes."""
    text = RULE.replace("0.05", "much").replace("5m", "7m").replace("name", "nam")

    assert len(complaints(tmp_path, text)) >= 3


def test_what_rules_out_each_other(tmp_path: Path) -> None:
    """Wilson's interval is for rates, `for` is for metrics."""
    wilson = RULE.replace("error_rate", "apdex") + "    evidence: wilson99\n"
    lasting = "rules:\n  - {name: a, condition: issue.new, channels: [slack], for: 5m}\n"

    assert complaints(tmp_path, wilson)[0].startswith("rules.yaml:2: rules: evidence wilson99")
    assert "`for` and `keep_firing_for` are for metrics" in complaints(tmp_path, lasting)[0]


def test_a_missing_file(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(FileError, match=r"none\.yaml: cannot be read"):
        load_rules(AlertSettings(rules=str(tmp_path / "none.yaml")), ())


@pytest.mark.parametrize("text", ["", "# nothing\n", "rules: []\n"])
def test_no_rules(tmp_path: Path, text: str) -> None:
    """An empty file is a file without rules."""
    path = tmp_path / "rules.yaml"
    path.write_text(text)

    assert load_rules(AlertSettings(rules=str(path)), ()) == ()


def test_secrets_come_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret comes from the environment or a file, and is not shown."""
    (tmp_path / "key").write_text("from-a-file\n")
    monkeypatch.setenv("HOOK", "https://hooks.example.org/from-the-environment")
    path = tmp_path / "channels.yaml"
    path.write_text(
        "channels:\n"
        "  chat: {type: slack, url: '${HOOK}'}\n"
        f"  pager: {{type: pagerduty, routing_key: '${{file:{tmp_path / 'key'}}}'}}\n"
    )
    channels = load_channels(NotifySettings(channels=str(path)))
    chat = channels["chat"]

    assert isinstance(chat, Slack)
    assert chat.url.get_secret_value() == "https://hooks.example.org/from-the-environment"
    assert "from-" not in repr(channels)


def test_a_complaint_shows_no_secret(tmp_path: Path) -> None:
    """What is said of a bad channel holds its line, not its value."""
    path = tmp_path / "channels.yaml"
    path.write_text(
        "channels:\n  hook:\n    type: webhook\n    url: https://x\n    secrets: [hush]\n"
    )
    with pytest.raises(FileError) as caught:
        load_channels(NotifySettings(channels=str(path)))

    assert "channels.yaml:5: secrets: a secret is whsec_" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_the_example_of_channels_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped example loads once its variables are set."""
    values = {
        "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/x",
        "PAGERDUTY_ROUTING_KEY": "r" * 32,
        "SMTP_USER": "u",
        "SMTP_PASSWORD": "p",
        "WEBHOOK_SECRET": "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    path = deploy() / "config" / "channels.yaml"

    assert set(load_channels(NotifySettings(channels=str(path)))) == {
        "slack",
        "pagerduty",
        "email",
        "webhook",
    }


def test_no_channels() -> None:
    """Without a file there are no channels, and the shipped rules tell nobody."""
    assert load_channels(NotifySettings()) == {}
    assert [rule.channels for rule in load_rules(AlertSettings(), ())] == [()] * 4


def test_the_schema_is_what_the_rules_say() -> None:
    """`schemas/rules.v1.json` is generated; `poe generate` writes it anew."""
    assert (schemas() / "rules.v1.json").read_bytes() == rules_schema()


def test_the_shipped_rules_follow_the_schema(tmp_path: Path) -> None:
    """What the loader takes the schema takes, and what one refuses so does the other."""
    validator = Draft202012Validator(orjson.loads(rules_schema()))
    shipped = yaml.safe_load((deploy() / "config" / "rules.yaml").read_text())
    unknown = yaml.safe_load(RULE.replace("window", "windw"))

    assert validator.is_valid(shipped)
    assert not validator.is_valid(unknown)
    assert not validator.is_valid(yaml.safe_load(RULE.replace("error_rate", "eror_rate")))
