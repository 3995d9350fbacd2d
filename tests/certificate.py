r"""Certificates for localhost, that nobody vouches for.

They are part of the tests, with their keys, so that these need no program to make them: nothing but a test ever
listens with them. Made once, good until 2100, in tests/certificates:

    for name in localhost other; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 26760 \
            -subj "/CN=$name, a test's own" -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
            -addext keyUsage=critical,digitalSignature,keyCertSign -out $name.crt -keyout $name.key
    done
"""

import shutil
from pathlib import Path

CERTIFICATES = Path(__file__).parent / "certificates"


def certificate_in(directory: Path, name: str = "localhost") -> tuple[Path, Path]:
    """A copy of it, and of its key."""
    pair = directory / "tls.crt", directory / "tls.key"
    for file in pair:
        shutil.copy(CERTIFICATES / f"{name}{file.suffix}", file)
    return pair
