"""Times as a page says them: short, by the clocks of the line's operator."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from yuzuri.kernel.names import Language
from yuzuri.words.formats import day_ended_by, say_day, say_instant, say_zone
from yuzuri.words.languages import LOCALES
from yuzuri.words.translations import translate

ENDS_SOON = timedelta(days=3)

_DAY = {Language.EN: "d MMMM", Language.JA: "M月d日", Language.ZH: "M月d日"}
_INSTANT = {
    Language.EN: "EEE d MMM, HH:mm",
    Language.JA: "M月d日(E) HH:mm",
    Language.ZH: "M月d日 EEE HH:mm",
}
_WEEKDAY = {Language.EN: "EEE d", Language.JA: "d日(E)", Language.ZH: "d日 EEE"}


@dataclass(frozen=True, slots=True)
class Reader:
    """In which language and by which clocks a page speaks, and what time it is."""

    language: Language
    zone: ZoneInfo
    at: datetime

    @classmethod
    def of_world(cls, language: Language, at: datetime) -> Self:
        """Speak of nobody's line: there is no operator whose clocks could count."""
        return cls(language, ZoneInfo("UTC"), at)

    def instant(self, at: datetime) -> str:
        """Say an instant and whose time it is; the year only where it is another one."""
        if not self._is_this_year(at):
            return say_instant(at, self.zone, self.language)
        return f"{self._format(_INSTANT, at)} {say_zone(at.astimezone(self.zone))}"

    def past(self, at: datetime) -> str:
        """Say an instant that has gone by, in a list where the zone would only be noise."""
        return self._format(_INSTANT, at) if self._is_this_year(at) else self._day(at)

    def until(self, ends: datetime | None) -> str:
        """Say until when something lasts: midnight is the end of the day before; None: for ever."""
        if ends is None:
            return translate(self.language, "does not expire")
        day = day_ended_by(ends, self.zone)
        if day is None:
            return translate(self.language, "until {when}", when=self.instant(ends))
        return translate(self.language, "until the end of {day}", day=self._day(day))

    def end(self, ends: datetime) -> str:
        """Say when something ends: "at the end of 30 November", "on Sat 14 Nov, 12:18 JST"."""
        day = day_ended_by(ends, self.zone)
        if day is None:
            return translate(self.language, "on {when}", when=self.instant(ends))
        return translate(self.language, "at the end of {day}", day=self._day(day))

    def hour(self, at: datetime) -> str:
        """Say the beginning of an hour, and by which clocks where one comes twice in its day."""
        said = self._format(_INSTANT, at)
        others = (at - timedelta(hours=1), at + timedelta(hours=1))
        shown = at.astimezone(self.zone).hour
        comes_twice = any(other.astimezone(self.zone).hour == shown for other in others)
        return f"{said} {say_zone(at.astimezone(self.zone))}" if comes_twice else said

    def weekday(self, at: datetime) -> str:
        """Say a day of this week shortly: "Mon 9"."""
        return self._format(_WEEKDAY, at)

    def clock_time(self, at: datetime) -> str:
        """Say what clocks show: "18:00"."""
        return f"{at.astimezone(self.zone):%H:%M}"

    def left(self, ends: datetime | None) -> str:
        """Say how long something lasts that ends soon; empty where it does not."""
        if ends is None or ends - self.at > ENDS_SOON:
            return ""
        hours = max(0, int((ends - self.at).total_seconds() // 3600))
        if hours >= 48:
            return translate(self.language, "{count} days left", count=hours // 24)
        if hours >= 2:
            return translate(self.language, "{count} hours left", count=hours)
        return translate(self.language, "less than 2 hours left")

    def _day(self, at: datetime) -> str:
        if self._is_this_year(at):
            return self._format(_DAY, at)
        return say_day(at, self.zone, self.language)

    def _is_this_year(self, at: datetime) -> bool:
        return at.astimezone(self.zone).year == self.at.astimezone(self.zone).year

    def _format(self, patterns: dict[Language, str], at: datetime) -> str:
        locale = LOCALES[self.language]
        return format_datetime(at.astimezone(self.zone), patterns[self.language], locale=locale)
