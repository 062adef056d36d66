"""Signed answers: on the dag transport an answer is an XCom, which others may write (ADR 36).

The private key is made of the shared secret, which tasks and operators can read; the public key is
part of the DAG's description, which only the DAG's file can change. ECDSA on P-256 with SHA-256:
every browser's WebCrypto has this algorithm.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_CONTEXT = "updraft answer 1"


def _private_key(secret: str) -> ec.EllipticCurvePrivateKey:
    # 384 bits for a number below 256 bits: no number is likelier than another.
    digest = hmac.digest(secret.encode(), b"updraft signature 1", hashlib.sha384)
    return ec.derive_private_key(int.from_bytes(digest) % (_ORDER - 1) + 1, ec.SECP256R1())


def public_key(secret: str) -> str:
    """Return the public key as devices read keys: the uncompressed point in base64."""
    point = (
        _private_key(secret)
        .public_key()
        .public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    )
    return base64.b64encode(point).decode()


def signed_text(text: str, run_id: str, user: str) -> bytes:
    """Return the signed text with run and user: an answer to another run or user is no answer."""
    return "\n".join((_CONTEXT, run_id, user, text)).encode("utf-8", "surrogatepass")


def sign(secret: str, text: str, run_id: str, user: str) -> str:
    """Return the JSON object ``text`` with a signature as last key, which old devices ignore."""
    der = _private_key(secret).sign(signed_text(text, run_id, user), ec.ECDSA(hashes.SHA256()))
    raw = b"".join(number.to_bytes(32) for number in decode_dss_signature(der))
    return f'{text[:-1]},"signature":"{base64.b64encode(raw).decode()}"}}'
