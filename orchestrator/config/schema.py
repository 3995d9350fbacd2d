"""The keys of the configuration: name, unit, default, what is allowed.

Guarantees: every model is frozen and knows no other key than those below; every secret is a `SecretStr`,
whose repr shows nothing. What two keys must fulfil together is checked in `validation`.
"""

import base64
import json
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError

from orchestrator.config.mistakes import shown

LEAST_SECRET_BYTES = 24
"""As Standard Webhooks has it."""
EMBEDDED = "embedded"
FEED = "feed"


def _wrong(text: str) -> PydanticCustomError:
    """A mistake in our own words; braces are doubled because pydantic takes the text for a template."""
    return PydanticCustomError("config", "{text}", {"text": text})


def _web_address(value: str) -> str:
    if not _is_address(value, ("http", "https")):
        raise _wrong(f"{shown(value)} is not an http:// or https:// address")
    return value


def _mute_address(value: str) -> str:
    if value != FEED and not _is_address(value, ("http", "https")):
        raise _wrong(f'{shown(value)} is neither an http:// or https:// address nor the word "{FEED}"')
    return value


def _otlp_address(value: str) -> str:
    if not _is_address(value, ("http", "https")):
        raise _wrong(f"{shown(value)} is not an http:// or https:// address")
    if not _installed("opentelemetry.exporter.otlp.proto.http"):
        raise _wrong("needs the extra otel, which is not installed: pip install 'mute-orchestrator[otel]'")
    return value


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # nor what it lies in
        return False


def _redis_address(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    local = value.startswith("unix:///")
    if not (value == EMBEDDED or local or _is_address(value, ("redis", "rediss"), path=r"/?\d*")):
        raise _wrong(
            f'is neither a redis://host:port/number, rediss:// or unix:///path address nor the word "{EMBEDDED}"'
        )
    return secret


def _is_address(value: str, schemes: tuple[str, ...], path: str = ".*") -> bool:
    if re.search(r"\s", value):
        return False
    try:
        parts = urlsplit(value)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:  # a port that is no number, a bracket that is never closed
        return False
    named = bool(parts.hostname) and port_is_right
    return named and parts.scheme in schemes and re.fullmatch(path, parts.path) is not None


def _account_name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9_-]+", value) or "__" in value:
        raise _wrong("an account's name is made of a-z, 0-9, - and _ (no __, which parts keys in the environment)")
    return value


def _namespace(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", value):
        raise _wrong(f"{shown(value)} is not made of 1 to 64 letters, digits, and . _ - (Redis keys begin with it)")
    return value


def _not_empty(value: object) -> object:
    if value == "":
        raise _wrong("is empty")
    return value


def _listed(value: object) -> object:
    """A list written in one string, as the environment has it: JSON, or parted by commas."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError as error:
            raise _wrong(f"{shown(value)} is not a list in JSON") from error
    return [part.strip() for part in value.split(",")]


def _secrets_listed(value: object) -> object:
    """The same, of what must not be shown."""
    try:
        return _listed(value)
    except PydanticCustomError:
        raise _wrong("its value is not a list in JSON") from None


def _sha256(value: object) -> str:
    """The value is not shown: it may be the token itself, put here by mistake."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{64}", value):
        raise _wrong(
            "its value is not the SHA-256 of a token: 64 digits and letters a-f, as"
            " `mute-orchestrator token` prints it"
        )
    return value


def _webhook_secret(value: object) -> SecretStr:
    encoded = value.removeprefix("whsec_") if isinstance(value, str) else ""
    try:
        secret = base64.b64decode(encoded, validate=True)
    except ValueError:
        secret = b""
    if not isinstance(value, str) or not value.startswith("whsec_") or len(secret) < LEAST_SECRET_BYTES:
        raise _wrong(f"its value is not whsec_ and then {LEAST_SECRET_BYTES} bytes or more in base64")
    return SecretStr(value)


def _engineio(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


Text = Annotated[str, Field(min_length=1)]
Secret = Annotated[SecretStr, Field(min_length=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=0, le=65535)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
PathGiven = Annotated[Path, BeforeValidator(_not_empty)]
Names = Annotated[tuple[Text, ...], BeforeValidator(_listed)]


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_booleans(cls, value: object) -> object:
        if isinstance(value, bool):  # pydantic would take true for the number 1
            raise _wrong(f"{shown(value)} is not allowed: no key takes true or false")
        return value


class Redis(Table):
    url: Annotated[SecretStr, AfterValidator(_redis_address)] = SecretStr(EMBEDDED)
    """Where Redis is. Kept as a secret, because it may hold a password."""
    embedded_port: Port = 6390
    namespace: Annotated[str, AfterValidator(_namespace)] = "mute"

    @property
    def embedded(self) -> bool:
        """Whether the daemon runs a Valkey of its own."""
        return self.url.get_secret_value() == EMBEDDED


Scope = Literal["sections:write", "read", "page", "operate"]


class Token(Table):
    name: Text
    sha256: Annotated[str, BeforeValidator(_sha256)]
    """Of the token, in hex: the token itself is nowhere but with whoever uses it."""
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]


class Http(Table):
    host: Text = "127.0.0.1"
    port: Port = 8080
    tls_cert: PathGiven | None = None
    tls_key: PathGiven | None = None
    behind_proxy: Literal["yes", "no"] = "no"
    """Whether something before us speaks TLS."""
    tokens: Annotated[tuple[Token, ...], BeforeValidator(_listed)] = ()
    webhook_secrets: Annotated[
        tuple[Annotated[SecretStr, BeforeValidator(_webhook_secret)], ...], BeforeValidator(_secrets_listed)
    ] = ()
    """Several, while one replaces another."""


class Log(Table):
    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


CREDENTIALS: Mapping[str, tuple[str, ...]] = {
    "token": ("token",),
    "account": ("username", "password"),
    "user": ("email", "password"),
}
"""What each login type takes."""


class Account(Table):
    login_type: Literal["token", "account", "user"]
    token: Secret | None = None
    username: Secret | None = None
    email: Secret | None = None
    password: Secret | None = None
    login_url: WebAddress = "https://loginapi.voicenter.co.il/monitorAPI/Login"
    """Without the last part, which names the kind of login."""
    refresh_url: WebAddress = "https://loginapi.voicenter.co.il/monitorAPI/RefreshIdentityToken"
    mute_url: Annotated[str, AfterValidator(_mute_address)] = (
        "https://monapisec.voicenter.co.il/Comet/API/MuteUnmuteCalls"
    )
    """An address, or "feed": the server that the feed is connected to, or tries."""
    active_calls_url: WebAddress = "https://monapisec.voicenter.co.il/comet/API/GetExtensionsCalls"
    api_code: Secret | None = None
    allow_http: Literal["yes", "no"] = "no"
    """Whether these addresses, and the servers that the login names, may be http:// beyond this machine."""
    engineio: Annotated[Literal["auto", 3, 4], BeforeValidator(_engineio)] = "auto"

    @property
    def credentials(self) -> dict[str, str]:
        """What the login type takes, by name and in the clear. `load` has made sure that all of it is there."""
        secrets = {name: getattr(self, name) for name in CREDENTIALS[self.login_type]}
        return {name: secret.get_secret_value() for name, secret in secrets.items() if secret is not None}


class Crm(Table):
    """Where messages come from. `load` insists on one way in at least."""

    streams: Names = ("crm:sensitive",)
    """Redis Streams."""
    group: Text = "mute-orchestrator"
    """The consumer group under which the streams are read."""
    lists: Names = ()
    """Redis lists; what is being worked on stands in `<list>:taken`."""
    channels: Names = ("crm.sensitive",)
    """Redis pub/sub channels; a name with *, ? or [ is a pattern."""


WAYS_IN = ("streams", "lists", "channels")
"""Keys of `Crm`."""


class Policy(Table):
    default_section_seconds: Seconds = 900.0
    max_section_seconds: Seconds = 3600.0
    on_expiry: Literal["unmute", "hold"] = "unmute"
    end_after_idle_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """0 is off."""
    verify_seconds: Seconds = 5.0
    exposure_alert_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1500.0

    @property
    def told(self) -> tuple[str, ...]:
        """Each key as name=value, for logs and the audit."""
        return tuple(f"{name}={value}" for name, value in self)


class Traces(Table):
    otlp_url: Annotated[str, AfterValidator(_otlp_address)] | None = None
    """None is off."""


class Api(Table):
    max_concurrency: Annotated[int, Field(ge=1, le=10_000)] = 64
    timeout_seconds: Seconds = 3.0


class Audit(Table):
    keep_days: Annotated[int, Field(ge=1, le=36_500)] = 400
    """Days for which the daily files of the audit are kept."""


class Config(Table):
    data_dir: PathGiven = Path("data")
    """Where the audit and the embedded Valkey keep their data; relative to the working directory."""
    redis: Redis = Redis()
    http: Http = Http()
    log: Log = Log()
    accounts: dict[Annotated[str, AfterValidator(_account_name)], Account] = {}
    """By name; `load` insists on at least one."""
    crm: Crm = Crm()
    policy: Policy = Policy()
    api: Api = Api()
    traces: Traces = Traces()
    audit: Audit = Audit()
