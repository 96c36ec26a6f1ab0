"""Which of librdkafka's security settings Faust gets, and as what."""

import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest
from faust.types.auth import AuthProtocol, SASLMechanism

from pipeline.io.faust.options import credentials
from tests.io.servers import a_certificate

USER = {"sasl.username": "tocsin", "sasl.password": "word"}


@pytest.mark.parametrize("client", [{}, {"security.protocol": "PLAINTEXT"}])
def test_plaintext_has_no_credentials(client: Mapping[str, str]) -> None:
    """Without a protocol, and with plaintext, Faust is given none."""
    assert credentials(client) is None


@pytest.mark.parametrize(
    ("mechanism", "expected"),
    [
        ({}, SASLMechanism.PLAIN),
        ({"sasl.mechanism": "SCRAM-SHA-256"}, SASLMechanism.SCRAM_SHA_256),
        ({"sasl.mechanisms": "SCRAM-SHA-512"}, SASLMechanism.SCRAM_SHA_512),
    ],
)
def test_sasl_without_tls(mechanism: Mapping[str, str], expected: SASLMechanism) -> None:
    """User, password and mechanism are passed on, under either of librdkafka's names."""
    found = credentials({"security.protocol": "SASL_PLAINTEXT", **USER, **mechanism})

    assert (found.protocol, found.mechanism) == (AuthProtocol.SASL_PLAINTEXT, expected)
    assert (found.username, found.password, found.ssl_context) == ("tocsin", "word", None)


def test_sasl_over_tls_verifies_the_broker() -> None:
    """With nothing said about TLS, certificate and name of the broker are checked."""
    found = credentials({"security.protocol": "SASL_SSL", **USER})

    assert found.protocol == AuthProtocol.SASL_SSL
    assert found.ssl_context.verify_mode == ssl.CERT_REQUIRED
    assert found.ssl_context.check_hostname


def test_tls_with_certificates_of_ones_own(tmp_path: Path) -> None:
    """The CA alone is trusted; the endpoint's name can be left unchecked, its certificate not."""
    path = str(a_certificate(tmp_path))
    found = credentials(
        {
            "security.protocol": "ssl",
            "ssl.ca.location": path,
            "ssl.certificate.location": path,
            "ssl.key.location": str(tmp_path / "key.pem"),
            "ssl.endpoint.identification.algorithm": "none",
        }
    )

    assert found.protocol == AuthProtocol.SSL
    assert len(found.context.get_ca_certs()) == 1
    assert not found.context.check_hostname
    assert found.context.verify_mode == ssl.CERT_REQUIRED


def test_a_client_certificate_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A wrong path ends the start instead of connecting without the certificate."""
    absent = {"ssl.certificate.location": str(tmp_path / "absent.pem")}

    with pytest.raises(FileNotFoundError):
        credentials({"security.protocol": "SSL", **absent})


def test_what_faust_lacks_is_refused_by_name() -> None:
    """A setting that would be ignored silently is an error that names it."""
    with pytest.raises(ValueError, match=r"kafka\.client debug, ssl\.crl\.location"):
        credentials({"ssl.crl.location": "x", "debug": "all", "security.protocol": "SSL"})
