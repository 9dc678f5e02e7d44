"""The pool's own certificate authority, the same on every control plane of the pool.

Its key derives from the master secret, and its certificate holds nothing that differs from one start to the
next (Ed25519 signs the same bytes the same way), so its fingerprint is a property of the pool. It vouches for
control planes only, each for a few days at a time.
"""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from linkpool.wire.trust import SERVER_NAME, fingerprint

LIFE = timedelta(days=7)
"""How long a control plane's certificate is good."""
SKEW = timedelta(days=1)
"""How far a replica's clock may be behind."""
_BEGIN, _END = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The authority ends with its pool; 9999 is how RFC 5280 (4.1.2.5) says "no known end"."""
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "LinkPool control planes")])


class Authority:
    """Issues certificates to control planes. seed: 32 bytes, `Keyring.authority()`."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._certificate = self._own_certificate()

    def __repr__(self) -> str:
        return f"Authority({self.fingerprint})"

    @property
    def certificate(self) -> bytes:
        """Its own certificate, DER. Public."""
        return self._certificate.public_bytes(Encoding.DER)

    @property
    def fingerprint(self) -> str:
        """What replicas know it by, 64 hex digits."""
        return fingerprint(self.certificate)

    def issue(self, now: float) -> bytes:
        """A fresh key and its certificate for one control plane, as one PEM. now: Unix seconds."""
        key = Ed25519PrivateKey.generate()
        at = datetime.fromtimestamp(now, UTC)
        certificate = (
            _builder(key.public_key(), at - SKEW, at + LIFE, ends=True)
            .serial_number(x509.random_serial_number())
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)]), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, None)
        )
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return secret + certificate.public_bytes(Encoding.PEM)

    def _own_certificate(self) -> x509.Certificate:
        return (
            _builder(self._key.public_key(), _BEGIN, _END, ends=False)
            .serial_number(1)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self._key, None)
        )


def _builder(key: Ed25519PublicKey, begin: datetime, end: datetime, *, ends: bool) -> x509.CertificateBuilder:
    """What both kinds of certificate have; one that `ends` the chain vouches for nobody."""
    subject = x509.Name([]) if ends else _NAME
    return (
        x509.CertificateBuilder(issuer_name=_NAME, subject_name=subject, public_key=key)
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=not ends, path_length=None if ends else 0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
