"""The shipped configuration is valid, and the README names what exists."""

import os
import re
import subprocess
import sys
from pathlib import Path

from pipeline.config import Config

ROOT = Path(__file__).resolve().parents[2]


def test_the_shipped_settings_are_valid() -> None:
    """S8 `tocsin config check deploy/config/tocsin.toml` finds nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "config", "check", ROOT / "deploy/config/tocsin.toml"],
        env={name: value for name, value in os.environ.items() if "TOCSIN" not in name},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_readme_names_settings_that_exist() -> None:
    """Each TOCSIN_ variable in the README is a setting or what the commands read."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"TOCSIN_([A-Z]+)__([A-Z_]+)", text))
    known = {
        (part.upper(), field.upper())
        for part, model in Config.model_fields.items()
        for field in getattr(model.annotation, "model_fields", {})
    }

    assert named
    assert named <= known


def test_the_readme_names_files_that_exist() -> None:
    """Each path in the README is there."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:pipeline|schemas|deploy|tests)/[\w./-]*)`", text)

    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
