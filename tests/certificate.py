"""A certificate for localhost, that nobody vouches for."""

import subprocess
from pathlib import Path


def certificate_in(directory: Path) -> tuple[Path, Path]:
    """It, and its key."""
    certificate, key = directory / "tls.crt", directory / "tls.key"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
    command = [
        *made.split(),
        "-addext",
        "subjectAltName=DNS:localhost",
        "-out",
        str(certificate),
        "-keyout",
        str(key),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key
