"""What the stages would do: the same decisions over events of one's choice, without a broker."""

from pipeline.whatif.offline import OfflineGrouper

__all__ = ["OfflineGrouper"]
