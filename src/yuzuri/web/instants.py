"""Until when something lasts, as people say it: the end of a day, not the first instant of the next."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton

from yuzuri.kernel.names import Language
from yuzuri.words.formats import say_instant
from yuzuri.words.languages import LOCALES
from yuzuri.words.translations import translate

ENDS_SOON = timedelta(days=3)


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
        """Say an instant."""
        return say_instant(at, self.zone, self.language)

    def until(self, ends: datetime | None) -> str:
        """Say until when something lasts; None: for ever."""
        if ends is None:
            return translate(self.language, "does not expire")
        shown = ends.astimezone(self.zone)
        if (shown.hour, shown.minute, shown.second) != (0, 0, 0):
            return translate(self.language, "until {when}", when=self.instant(ends))
        last_day = shown - timedelta(days=1)
        skeleton = "MMMMd" if last_day.year == self.at.astimezone(self.zone).year else "yMMMMd"
        day = format_skeleton(
            skeleton, last_day, tzinfo=self.zone, locale=LOCALES[self.language]
        )
        return translate(self.language, "until the end of {day}", day=day)

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
