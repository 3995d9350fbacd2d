"""From raw values to a `Config`, or to the whole list of what is wrong with them.

Guarantees: keys are judged one by one and then together, and a mistake in one does not hide another. Checks of
keys together run on the values that are right by themselves.
"""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from orchestrator.config.keys import is_secret, nearest
from orchestrator.config.mistakes import ConfigError, KeyPath, mistake, shown
from orchestrator.config.reading import Raw
from orchestrator.config.schema import CREDENTIALS, WAYS_IN, Config, Crm, Http, Policy
from orchestrator.loopback import in_clear, is_loopback

_ANY_CREDENTIAL = frozenset(key for keys in CREDENTIALS.values() for key in keys)


def validate(raw: Raw) -> Config:
    """Raises `ConfigError` with every mistake, those of the reading included."""
    config, errors = _checked(raw.tree)
    found = [*raw.mistakes]
    found += [mistake(_path(error), _text(error), raw.origins) for error in errors]
    wrong = {_path(error) for error in errors}
    found += [mistake(path, text, raw.origins) for path, text in _together(raw, wrong)]
    if config is None or found:
        raise ConfigError(tuple(found))
    return config


def validate_listening(raw: Raw) -> Http:
    """Where the daemon listens, of a configuration whose other parts may be wrong or out of reach. Raises
    `ConfigError`."""
    http = raw.tree.get("http", {})
    if isinstance(http, dict):
        http = {key: http[key] for key in ("host", "port", "tls_cert") if key in http}
    config, errors = _checked({"http": http})
    if config is None:
        raise ConfigError(tuple(mistake(_path(error), _text(error), raw.origins) for error in errors))
    return config.http


def _checked(tree: Mapping[str, object]) -> tuple[Config | None, list[ErrorDetails]]:
    try:
        return Config.model_validate(tree), []
    except ValidationError as error:
        return None, error.errors(include_url=False, include_input=True)


def _path(error: ErrorDetails) -> KeyPath:
    return tuple(str(part) for part in error["loc"] if part != "[key]")


def _text(error: ErrorDetails) -> str:
    path, value, kind = _path(error), error["input"], error["type"]
    ctx = error.get("ctx", {})
    this = "its value" if is_secret(path) else shown(value)
    match kind:
        case "config":
            return str(error["msg"])
        case "extra_forbidden":
            return _unknown(path)
        case "literal_error":
            allowed = ctx["expected"].replace("'", "").replace(" or ", ", ")
            return f"{this} is not one of {allowed}"
        case "missing":
            return "is missing; one of token, account, user" if path[-1] == "login_type" else "is missing"
        case _:
            return _by_kind(kind, this, ctx)


def _unknown(path: KeyPath) -> str:
    near = nearest(path)
    return f"unknown key; did you mean {near}?" if near else "unknown key"


def _by_kind(kind: str, this: str, ctx: Mapping[str, object]) -> str:
    texts = {
        "model_type": "is not a section",
        "dict_type": "is not a section",
        "string_type": f"{this} is not text (in quotes)",
        "path_type": f"{this} is not a path",
        "tuple_type": f"{this} is not a list",
        "too_short": "is empty",
        "string_too_short": "is empty",
        "finite_number": f"{this} is not a finite number",
        "greater_than": f"{this} is not above {_bound(ctx, 'gt')}",
        "greater_than_equal": f"{this} is below {_bound(ctx, 'ge')}, the lowest allowed",
        "less_than_equal": f"{this} is above {_bound(ctx, 'le')}, the highest allowed",
    }
    if kind.startswith("int_"):
        return f"{this} is not a whole number"
    if kind.startswith("float_"):
        return f"{this} is not a number"
    return texts.get(kind, f"{this} is not allowed here ({kind})")


def _bound(ctx: Mapping[str, object], key: str) -> str:
    return f"{ctx[key]:g}" if key in ctx else ""


def _together(raw: Raw, wrong: set[KeyPath]) -> Iterator[tuple[KeyPath, str]]:
    yield from _credentials(raw.tree.get("accounts", {}), raw.unread)
    yield from _addresses(raw.tree.get("accounts", {}), wrong)
    yield from _ways_in(raw.tree.get("crm", {}))
    yield from _section_bounds(raw.tree.get("policy", {}), wrong)
    yield from _http(raw.tree.get("http", {}))


def _credentials(accounts: object, unread: set[KeyPath]) -> Iterator[tuple[KeyPath, str]]:
    """Each login type has its credentials, and no others: which ones count must not be a guess."""
    if not isinstance(accounts, dict):
        return
    if not accounts:
        yield ("accounts",), "there is none; a section [accounts.<name>] with its login is needed"
    for name, account in accounts.items():
        if not isinstance(account, dict):
            continue
        login_type = account.get("login_type")
        needed = CREDENTIALS.get(login_type) if isinstance(login_type, str) else None
        if needed is None:
            continue
        for key in needed:
            if key not in account and ("accounts", name, key) not in unread:
                yield ("accounts", name, key), f"is missing; login_type {login_type} needs it (or {key}_file)"
        for key in sorted((_ANY_CREDENTIAL - {*needed}) & account.keys()):
            yield (
                ("accounts", name, key),
                f"does not belong to login_type {login_type}, which takes {' and '.join(needed)}",
            )


def _addresses(accounts: object, wrong: set[KeyPath]) -> Iterator[tuple[KeyPath, str]]:
    """Credentials that cross a network in clear are everybody's."""
    if not isinstance(accounts, dict):
        return
    for name, account in accounts.items():
        if not isinstance(account, dict) or account.get("allow_http") == "yes":
            continue
        for key in ("login_url", "refresh_url", "mute_url", "active_calls_url"):
            path, address = ("accounts", name, key), account.get(key)
            if path not in wrong and isinstance(address, str) and in_clear(address):
                yield (
                    path,
                    f"{shown(address)} sends credentials across the network in clear; give an https:// address,"
                    ' or say allow_http = "yes" where nobody else can listen',
                )


def _ways_in(crm: object) -> Iterator[tuple[KeyPath, str]]:
    """Without any, no section could ever start."""
    if isinstance(crm, dict) and not any(crm.get(key, Crm.model_fields[key].default) for key in WAYS_IN):
        yield ("crm",), f"no message can come in; one of {', '.join(WAYS_IN)} is needed"


def _section_bounds(policy: object, wrong: set[KeyPath]) -> Iterator[tuple[KeyPath, str]]:
    keys = ("default_section_seconds", "max_section_seconds")
    if not isinstance(policy, dict) or any(("policy", key) in wrong for key in keys):
        return
    default, most = (float(policy.get(key, Policy.model_fields[key].default)) for key in keys)
    if default > most:
        yield ("policy", keys[0]), f"{default:g} is above policy.max_section_seconds, {most:g}"


def _http(http: object) -> Iterator[tuple[KeyPath, str]]:
    """A token that crosses a network in clear is everybody's."""
    if not isinstance(http, dict):
        return
    for one, other in (("tls_cert", "tls_key"), ("tls_key", "tls_cert")):
        if one in http and other not in http:
            yield ("http", one), f"stands without {other}; TLS needs both"
    host, tokens = http.get("host", Http.model_fields["host"].default), http.get("tokens")
    shielded = "tls_cert" in http or "tls_key" in http or http.get("behind_proxy") == "yes"
    if tokens and isinstance(host, str) and not is_loopback(host) and not shielded:
        yield (
            ("http", "tokens"),
            f"would cross the network in clear, as host is {shown(host)}; give tls_cert and tls_key,"
            ' or say behind_proxy = "yes" where something before the daemon speaks TLS',
        )
    names = [token.get("name") for token in tokens if isinstance(token, dict)] if isinstance(tokens, list) else []
    for name in dict.fromkeys(name for name in names if isinstance(name, str) and names.count(name) > 1):
        yield ("http", "tokens"), f"{shown(name)} is the name of several; each has its own"
