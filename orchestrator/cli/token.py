"""`token`: a new token for the HTTP API, and what to configure for it."""

import argparse
import hashlib
import json
import secrets
from typing import get_args

from orchestrator.cli.codes import OK
from orchestrator.config.schema import Scope

RANDOM_BYTES = 32
DEFAULT_SCOPES = ["sections:write", "read"]


def take_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="crm", help="whose it is, for the configuration (default: crm)")
    parser.add_argument(
        "--scope",
        action="append",
        choices=get_args(Scope),
        help="what it may do; may be given several times (default: sections:write and read, as a CRM needs)",
    )


def run(args: argparse.Namespace) -> int:
    """Kept nowhere: whoever loses the token makes a new one."""
    token = secrets.token_urlsafe(RANDOM_BYTES)
    print(f"# The token, for whoever calls the API. It is not shown again:\n# {token}\n")
    print("# For the configuration of the daemon, which needs to know no more than this:")
    print("[[http.tokens]]")
    print(f"name = {json.dumps(args.name, ensure_ascii=False)}")
    print(f'sha256 = "{hashlib.sha256(token.encode()).hexdigest()}"')
    print(f"scopes = {json.dumps(args.scope or DEFAULT_SCOPES)}")
    return OK
