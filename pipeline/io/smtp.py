"""The only place that sends mail."""

import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from pipeline.notify.channels.email import Email
from pipeline.notify.exchange import Mail, Reply


def message_of(mail: Mail, now: datetime) -> EmailMessage:
    """Return the mail with its headers; the library refuses line breaks in them."""
    message = EmailMessage(policy=SMTP)
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = mail.message_id
    message["References"] = mail.references
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def send(mail: Mail, channel: Email, now: datetime) -> Reply:
    """Return the server's answer, or why there is none; never raises for what it does."""
    message = message_of(mail, now)
    try:
        server = _connected(channel)
    except (smtplib.SMTPException, OSError) as error:
        return _failed(error)
    try:
        if channel.user:
            server.login(channel.user, channel.password.get_secret_value())
        refused = server.send_message(message, mail.sender, mail.to)
    except (smtplib.SMTPException, OSError) as error:
        return _failed(error)
    finally:
        server.close()
    return _partly(refused)


def _connected(channel: Email) -> smtplib.SMTP:
    """Return a connection, encrypted unless the channel says otherwise."""
    context = ssl.create_default_context(cafile=channel.ca_file or None)
    if channel.security == "tls":
        return smtplib.SMTP_SSL(
            channel.host, channel.port, timeout=channel.timeout_s, context=context
        )
    server = smtplib.SMTP(channel.host, channel.port, timeout=channel.timeout_s)
    if channel.security == "starttls":
        try:
            server.starttls(context=context)
        except (smtplib.SMTPException, OSError):
            server.close()
            raise
    return server


def _partly(refused: dict[str, tuple[int, bytes]]) -> Reply:
    """Return the answer when some recipients were refused: 4xx means that the mail goes again.

    Those who have it see no second one: it has the same Message-ID.
    """
    if not refused:
        return Reply(status=250)
    codes = [code for code, _ in refused.values()]
    later = [code for code in codes if 400 <= code < 500]
    texts = "; ".join(f"{who}: {code} {_text(text)}" for who, (code, text) in refused.items())
    return Reply(status=later[0] if later else 250, text=texts)


def _failed(error: Exception) -> Reply:
    """Return what an exception means."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Reply(status=error.smtp_code, failure="auth", text=text)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        return Reply(status=min(codes, default=500), text=text)
    if isinstance(error, smtplib.SMTPResponseException):
        return Reply(status=error.smtp_code, text=f"{error.smtp_code} {_text(error.smtp_error)}")
    if isinstance(error, ssl.SSLError | smtplib.SMTPNotSupportedError):
        return Reply(failure="tls", text=text)
    return Reply(failure="timeout" if isinstance(error, TimeoutError) else "network", text=text)


def _text(text: bytes | str) -> str:
    """Return a server's words as text."""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text
