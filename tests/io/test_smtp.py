"""Mail to a real SMTP server."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from pipeline.io.smtp import send
from pipeline.notify.channels.email import Email
from pipeline.notify.exchange import Mail, Reply
from pipeline.notify.outcome import Outcome
from tests.build import AT
from tests.io.servers import Mailbox, SmtpServer, a_certificate, free_port
from tests.notify.build import a_channel, a_line, a_notification, a_resolve


def a_mailer(port: int, **changes: Any) -> Email:
    """Return an e-mail channel for a local server."""
    settings = {"host": "localhost", "port": port, "security": "none", "timeout_s": 5.0} | changes
    channel = a_channel("email", **settings)
    assert isinstance(channel, Email)
    return channel


def deliver(channel: Email, number: int = 1, **changes: Any) -> Reply:
    """Send one notice by mail."""
    mail = channel.request(a_notification(number, **changes), AT)
    assert isinstance(mail, Mail)
    return send(mail, channel, AT)


def test_a_mail_arrives_as_text_and_html() -> None:
    """4.13 A notice is text and HTML; its Message-ID is the notification id."""
    mailbox = Mailbox()
    with SmtpServer(mailbox) as server:
        reply = deliver(a_mailer(server.port))
    mail = mailbox.mails[0]

    assert reply.status == 250
    assert mail["Message-ID"] == "<1f0c0000-0000-5000-8000-000000000001@example.org>"
    assert mail["Subject"] == "[FIRING] High Error Rate: shop (production)"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert "94 of 301 requests" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_a_retry_is_the_same_mail_and_the_resolve_joins_its_thread() -> None:
    """4.13 A retry has the same Message-ID; firing and resolved refer to the same episode."""
    mailbox = Mailbox()
    with SmtpServer(mailbox) as server:
        channel = a_mailer(server.port)
        deliver(channel)
        deliver(channel)
        mail = channel.request(a_resolve(2), AT)
        send(mail, channel, AT)
    first, again, resolved = mailbox.mails

    assert first["Message-ID"] == again["Message-ID"] != resolved["Message-ID"]
    assert first["References"] == resolved["References"]


def test_line_breaks_in_a_title_add_no_header() -> None:
    """A title with line breaks and NUL is one subject line; nobody else gets a copy."""
    mailbox = Mailbox()
    title = "boom\r\nBcc: evil@example.org\x00\u2028end"
    with SmtpServer(mailbox) as server:
        reply = deliver(a_mailer(server.port), alerts=[a_line(title=title)])
    mail = mailbox.mails[0]

    assert reply.status == 250
    assert mail["Bcc"] is None
    assert mail["Subject"] == "[FIRING] boom Bcc: evil@example.org end"


def test_markup_in_a_title_is_text() -> None:
    """HTML in a title is shown, not run."""
    mailbox = Mailbox()
    with SmtpServer(mailbox) as server:
        deliver(a_mailer(server.port), alerts=[a_line(title="<script>alert(1)</script>")])
    html = mailbox.mails[0].get_body(("html",)).get_content()  # type: ignore[union-attr]

    assert "<script>" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("mailbox", "expected"),
    [
        (Mailbox(data="451 greylisted, come back"), Outcome.RETRY),
        (Mailbox(data="552 too large"), Outcome.REFUSED),
        (Mailbox(rcpt={"oncall@example.org": "450 busy"}), Outcome.RETRY),
        (Mailbox(rcpt={"oncall@example.org": "550 unknown"}), Outcome.REFUSED),
    ],
)
def test_what_a_server_refuses(mailbox: Mailbox, expected: Outcome) -> None:
    """4.13 Greylisting is tried again, a final refusal is final."""
    with SmtpServer(mailbox) as server:
        channel = a_mailer(server.port)
        reply = deliver(channel)

    assert channel.outcome(reply) == expected
    assert reply.text


def test_one_bad_recipient_costs_the_others_nothing() -> None:
    """A recipient that is refused for good is named; the others have the mail."""
    mailbox = Mailbox(rcpt={"gone@example.org": "550 no such user"})
    with SmtpServer(mailbox) as server:
        channel = a_mailer(server.port, to=["oncall@example.org", "gone@example.org"])
        reply = deliver(channel)

    assert channel.outcome(reply) is Outcome.SENT
    assert "gone@example.org: 550 no such user" in reply.text
    assert len(mailbox.mails) == 1


def test_a_greylisted_recipient_gets_the_mail_later() -> None:
    """If one recipient is refused for now the mail goes again, under the same Message-ID."""
    mailbox = Mailbox(rcpt={"slow@example.org": "451 later"})
    with SmtpServer(mailbox) as server:
        channel = a_mailer(server.port, to=["oncall@example.org", "slow@example.org"])
        reply = deliver(channel)

    assert channel.outcome(reply) is Outcome.RETRY


def test_nobody_listens() -> None:
    """A closed port may open again."""
    assert deliver(a_mailer(free_port())).failure == "network"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a self-signed certificate for localhost, with its key."""
    return a_certificate(tmp_path_factory.mktemp("tls"))


def over_tls(certificate: Path) -> ssl.SSLContext:
    """Return what a server needs to speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_starttls_and_login(certificate: Path) -> None:
    """4.13 The connection is encrypted before user and password are sent."""
    seen = []

    def check(
        _server: Any, session: Any, _envelope: Any, _mechanism: str, login: Any
    ) -> AuthResult:
        """Take one password, over TLS only."""
        assert isinstance(login, LoginPassword)
        seen.append((session.ssl is not None, login.login, login.password))
        return AuthResult(success=login.password == b"right", handled=False)

    mailbox = Mailbox()
    settings = {"tls_context": over_tls(certificate), "authenticator": check}
    with SmtpServer(mailbox, **settings) as server:
        channel = {"security": "starttls", "ca_file": str(certificate), "user": "u"}
        right = deliver(a_mailer(server.port, **channel, password="right"))
        wrong = deliver(a_mailer(server.port, **channel, password="wrong"))

    assert (right.status, wrong.failure) == (250, "auth")
    assert seen[0] == (True, b"u", b"right")
    assert len(mailbox.mails) == 1


def test_an_untrusted_certificate_gets_no_mail(certificate: Path) -> None:
    """A server that cannot prove who it is gets nothing."""
    mailbox = Mailbox()
    with SmtpServer(mailbox, tls_context=over_tls(certificate)) as server:
        reply = deliver(a_mailer(server.port, security="starttls"))

    assert reply.failure == "tls"
    assert mailbox.mails == []


def test_a_server_without_starttls_gets_no_mail() -> None:
    """Nothing is sent in the clear unless the channel says so."""
    mailbox = Mailbox()
    with SmtpServer(mailbox) as server:
        reply = deliver(a_mailer(server.port, security="starttls"))

    assert reply.failure == "tls"
    assert mailbox.mails == []
