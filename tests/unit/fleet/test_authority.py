"""The pool's certificate authority is one and the same at every start, and vouches for days only."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from linkpool.fleet.secrets.authority import LIFE, SKEW, Authority
from linkpool.fleet.secrets.keys import Keyring
from linkpool.wire.trust import SERVER_NAME, fingerprint, is_loopback

pytestmark = pytest.mark.unit

NOW = 1_800_000_000.0
FINGERPRINT = "1d531340573cc08cb50c7d179c9575a435c38441a47788540c28450007a39e6e"


def authority(first: int = 0) -> Authority:
    return Authority(Keyring(bytes(range(first, first + 32))).authority())


def leaf(pem: bytes) -> x509.Certificate:
    (certificate,) = x509.load_pem_x509_certificates(pem)
    return certificate


def test_a_master_secret_has_one_fingerprint_for_ever() -> None:
    assert authority().fingerprint == FINGERPRINT, "replicas that run know the pool by it: it must not change"
    assert authority(1).fingerprint != FINGERPRINT
    assert fingerprint(authority().certificate) == FINGERPRINT


def test_it_vouches_for_one_name_for_a_few_days_and_for_no_further_authority() -> None:
    issued = leaf(authority().issue(NOW))
    at = datetime.fromtimestamp(NOW, UTC)
    assert (issued.not_valid_before_utc, issued.not_valid_after_utc) == (at - SKEW, at + LIFE)
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.DNSName(SERVER_NAME)]
    assert issued.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    issued.verify_directly_issued_by(x509.load_der_x509_certificate(authority().certificate))


def test_another_pools_authority_did_not_issue_it() -> None:
    other = x509.load_der_x509_certificate(authority(1).certificate)
    with pytest.raises(InvalidSignature):
        leaf(authority().issue(NOW)).verify_directly_issued_by(other)


def test_each_start_has_a_key_of_its_own() -> None:
    first, second = authority().issue(NOW), authority().issue(NOW)
    assert leaf(first).public_key() != leaf(second).public_key()
    assert repr(authority()) == f"Authority({FINGERPRINT})"


@pytest.mark.parametrize(
    ("host", "stays"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - compared, not bound
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_loopback_is_told_from_the_network(host: str, stays: bool) -> None:
    assert is_loopback(host) is stays
