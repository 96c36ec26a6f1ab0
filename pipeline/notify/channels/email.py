"""E-mail, by SMTP."""

from datetime import datetime
from html import escape
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from pipeline.model.notification import Notification
from pipeline.notify.channel import Channel
from pipeline.notify.exchange import Mail, Reply
from pipeline.notify.message import body, cut, headline, one_line
from pipeline.notify.outcome import Outcome, of_smtp

Address = Annotated[str, StringConstraints(pattern=r"^[^\s@<>,;]+@[^\s@<>,;]+$", max_length=254)]
COLOURS = {"critical": "#b42318", "warning": "#b54708", "info": "#175cd3"}


class Email(Channel):
    """``type: email``; a retry has the Message-ID of the first attempt, so it is no second mail."""

    type: Literal["email"]
    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: str = Field(default="", description="certificates to trust in place of the system's")
    user: str = ""
    password: SecretStr = SecretStr("")
    sender: Address
    to: tuple[Address, ...] = Field(min_length=1)
    timeout_s: float = Field(default=15.0, gt=0, le=60)

    @property
    def target(self) -> str:
        """Who gets it."""
        return ", ".join(self.to)

    def request(self, note: Notification, now: datetime) -> Mail:
        """Return a mail; all mails of an episode refer to the same one, so they form a thread."""
        del now
        domain = self.sender.rpartition("@")[2]
        text = cut(body(note), 100_000)
        subject = one_line(headline(note), 200)
        colour = "#067647" if note.status == "resolved" else COLOURS.get(note.severity, "#b42318")
        return Mail(
            message_id=f"<{note.notification_id}@{domain}>",
            references=f"<{note.dedup_key}@{domain}>",
            sender=self.sender,
            to=self.to,
            subject=subject,
            text=text + "\n",
            html=(
                f'<h3 style="color:{colour}">{escape(subject)}</h3>'
                f'<pre style="white-space:pre-wrap;font-family:inherit">{escape(text)}</pre>'
            ),
        )

    def outcome(self, reply: Reply) -> Outcome:
        """Return what the SMTP server's code means."""
        return of_smtp(reply)
