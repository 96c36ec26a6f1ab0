"""What analysis costs: lines a second of one core, by language, over a folder of real code.

python -m tests.bench.analysis FOLDER
"""

import argparse
import time
from collections import Counter
from pathlib import Path

from pipeline.analysis.languages import language_of
from pipeline.analysis.survey import Survey, is_wanted
from pipeline.io import codebase


def main() -> None:
    """Print files, lines and lines a second of CPU for each language."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    root: Path = parser.parse_args().folder
    survey = Survey()
    spent: Counter[str] = Counter()
    for path in codebase.files_of(root, is_wanted).files:
        language, body = language_of(path), codebase.read(root, path)
        began = time.process_time_ns()
        survey.add(path, body)
        spent[language.name if language else "packages"] += time.process_time_ns() - began
    for name in sorted({facts.language for facts in survey.facts}):
        read = [facts for facts in survey.facts if facts.language == name]
        lines = sum(facts.lines for facts in read)
        rate = lines / spent[name] * 1e9
        print(f"{name:12} {len(read):6} files {lines:9} lines {rate:9,.0f} lines/s")
    print(f"skipped      {len(survey.skipped):6}")


if __name__ == "__main__":
    main()
