"""All episodes of the owned series: by series, by alert group, and those to be forgotten."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pipeline.alert.notice import Group, group_of
from pipeline.alert.rule import Series
from pipeline.model.alert import Alert

FORGET_AFTER = timedelta(days=30)


def series_of(alert: Alert) -> Series:
    """Return the series that an episode is about."""
    return Series(alert.rule, alert.project, alert.service, alert.environment, alert.group_id)


class Book:
    """The last episode of each series, and per group those that are open or owe a resolve."""

    def __init__(self) -> None:
        self._last: dict[Series, Alert] = {}
        self._groups: dict[Group, dict[str, Alert]] = {}
        self._over: dict[str, tuple[datetime, Series]] = {}

    @classmethod
    def of(cls, alerts: Iterable[Alert]) -> "Book":
        """Return the book of these episodes, oldest first."""
        book = cls()
        for alert in sorted(alerts, key=lambda a: (a.started_at, a.at, a.alert_id)):
            book.put(alert)
        book._over = dict(sorted(book._over.items(), key=lambda item: item[1][0]))
        return book

    def last(self, series: Series) -> Alert | None:
        """Return the newest episode of a series, open or over."""
        return self._last.get(series)

    def put(self, alert: Alert) -> None:
        """Take the newest record of an episode."""
        series = series_of(alert)
        newest = self._last.get(series)
        if newest is None or newest.started_at <= alert.started_at:
            self._last[series] = alert
        group = group_of(alert)
        if not alert.settled:
            self._groups.setdefault(group, {})[alert.alert_id] = alert
            return
        self._over[alert.alert_id] = (alert.at, series)
        members = self._groups.get(group, {})
        members.pop(alert.alert_id, None)
        if not members:
            self._groups.pop(group, None)

    def groups(self) -> list[Group]:
        """Return the groups with members, in an order that a restart does not change."""
        return sorted(self._groups)

    def members(self, group: Group) -> list[Alert]:
        """Return the open and owed episodes of a group, oldest first."""
        members = self._groups.get(group, {}).values()
        return sorted(members, key=lambda a: (a.started_at, a.alert_id))

    def forget(self, now: datetime) -> Iterator[tuple[str, Series]]:
        """Drop the episodes that have been over for 30 days, and name them."""
        while self._over:
            alert_id, (at, series) = next(iter(self._over.items()))
            if now - at < FORGET_AFTER:
                return
            del self._over[alert_id]
            newest = self._last.get(series)
            if newest is not None and newest.alert_id == alert_id:
                del self._last[series]
            yield alert_id, series
