"""The detectors there are: one module per kind, named here."""

from typing import Final

from pipeline.detect.detectors.seed import ErrorRateIncrease, ResponseTimeSpike
from pipeline.detect.detectors.verdict import Detector

DETECTORS: Final[tuple[Detector, ...]] = (ResponseTimeSpike(), ErrorRateIncrease())
