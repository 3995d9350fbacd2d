"""Reading the configuration: file, environment, files of secrets, and every mistake at once."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator.config import Config, ConfigError, load, schema

ACCOUNT = '[accounts.main]\nlogin_type = "token"\ntoken = "t0ken"\n'
NOTHING: Mapping[str, str] = {}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "orchestrator.toml"


def loaded(file: Path, text: str, environ: Mapping[str, str] = NOTHING) -> Config:
    file.write_text(text, "utf-8")
    return load(file, environ)


def mistakes(file: Path, text: str, environ: Mapping[str, str] = NOTHING) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(file, text, environ)
    return list(caught.value.mistakes)


def mistake(file: Path, text: str, environ: Mapping[str, str] = NOTHING) -> str:
    (only,) = mistakes(file, text, environ)
    return only


class TestFile:
    def test_an_account_is_all_that_is_needed(self, file: Path) -> None:
        config = loaded(file, ACCOUNT)
        assert config.accounts["main"].credentials == {"token": "t0ken"}
        assert config.redis.embedded
        assert (config.http.host, config.http.port) == ("127.0.0.1", 8080)

    def test_it_cannot_be_changed_afterwards(self, file: Path) -> None:
        config = loaded(file, ACCOUNT)
        with pytest.raises(ValueError, match="frozen"):
            config.http.port = 1

    def test_each_login_type_gives_its_credentials(self, file: Path) -> None:
        text = """
            [accounts.a]
            login_type = "account"
            username = "u"
            password = "p"
            [accounts.b]
            login_type = "user"
            email = "e"
            password = "p"
        """
        accounts = loaded(file, text).accounts
        assert accounts["a"].credentials == {"username": "u", "password": "p"}
        assert accounts["b"].credentials == {"email": "e", "password": "p"}

    def test_a_byte_order_mark_and_windows_line_ends_are_no_mistake(self, file: Path) -> None:
        file.write_bytes(b"\xef\xbb\xbf" + ACCOUNT.replace("\n", "\r\n").encode())
        assert load(file, {}).accounts.keys() == {"main"}

    @pytest.mark.parametrize(
        ("content", "wrong"),
        [(b"[redis\n", "is not TOML"), (b"\xff", "is not UTF-8"), (None, "cannot be read (No such file")],
    )
    def test_one_that_cannot_be_read_is_told_by_its_path(self, file: Path, content: bytes | None, wrong: str) -> None:
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(ConfigError, match=r"orchestrator\.toml") as caught:
            load(file, {})
        assert wrong in str(caught.value)

    def test_the_feed_word_stands_for_the_feeds_server(self, file: Path) -> None:
        assert loaded(file, ACCOUNT + 'mute_url = "feed"').accounts["main"].mute_url == "feed"


class TestEnvironment:
    def test_it_is_enough_without_a_file(self) -> None:
        environ = {"ORCHESTRATOR_ACCOUNTS__MAIN__LOGIN_TYPE": "token", "ORCHESTRATOR_ACCOUNTS__MAIN__TOKEN": "t"}
        assert load(None, environ).accounts["main"].credentials == {"token": "t"}

    def test_it_wins_over_the_file_key_by_key(self, file: Path) -> None:
        text = '[redis]\nurl = "redis://a"\nnamespace = "file"\n' + ACCOUNT
        config = loaded(file, text, {"ORCHESTRATOR_REDIS__URL": "redis://b"})
        assert config.redis.url.get_secret_value() == "redis://b"
        assert config.redis.namespace == "file"

    @pytest.mark.parametrize("value", ["a, b*", '["a", "b*"]'])
    def test_lists_come_as_json_or_with_commas(self, file: Path, value: str) -> None:
        assert loaded(file, ACCOUNT, {"ORCHESTRATOR_CRM__CHANNELS": value}).crm.channels == ("a", "b*")

    def test_a_broken_json_list_is_a_mistake(self, file: Path) -> None:
        text = mistake(file, ACCOUNT, {"ORCHESTRATOR_CRM__CHANNELS": '["a"'})
        assert text == "crm.channels: '[\"a\"' is not a list in JSON (set by ORCHESTRATOR_CRM__CHANNELS)"

    def test_numbers_are_read_from_text(self, file: Path) -> None:
        environ = {
            "ORCHESTRATOR_HTTP__PORT": "9",
            "ORCHESTRATOR_API__TIMEOUT_SECONDS": "2.5",
            "ORCHESTRATOR_ACCOUNTS__MAIN__ENGINEIO": "3",
        }
        config = loaded(file, ACCOUNT, environ)
        assert (config.http.port, config.api.timeout_seconds, config.accounts["main"].engineio) == (9, 2.5, 3)

    def test_an_empty_variable_counts_as_not_set(self, file: Path) -> None:
        assert loaded(file, ACCOUNT, {"ORCHESTRATOR_HTTP__PORT": ""}).http.port == 8080

    def test_a_name_with_a_hyphen_is_found_by_its_underscore(self, file: Path) -> None:
        text = ACCOUNT.replace("main", "head-office")
        config = loaded(file, text, {"ORCHESTRATOR_ACCOUNTS__HEAD_OFFICE__TOKEN": "other"})
        assert config.accounts["head-office"].credentials == {"token": "other"}

    def test_a_key_of_the_top_level_needs_no_section(self, file: Path) -> None:
        assert loaded(file, ACCOUNT, {"ORCHESTRATOR_DATA_DIR": "/var/x"}).data_dir == Path("/var/x")

    def test_a_misspelt_variable_is_a_mistake(self, file: Path) -> None:
        environ = {"ORCHESTRATOR_REDIS_URL": "redis://a", "ORCHESTRATOR_HTTP__PROT": "1", "ORCHESTRATOR_X": "1"}
        assert sorted(mistakes(file, ACCOUNT, environ)) == [
            "ORCHESTRATOR_REDIS_URL: unknown key; did you mean ORCHESTRATOR_REDIS__URL?",
            "ORCHESTRATOR_X: unknown key; sections and keys are parted by two underscores",
            "http.prot: unknown key; did you mean port? (set by ORCHESTRATOR_HTTP__PROT)",
        ]

    def test_what_kubernetes_sets_for_a_service_of_that_name_is_passed_over(self, file: Path) -> None:
        environ = {
            "ORCHESTRATOR_SERVICE_HOST": "10.0.0.1",
            "ORCHESTRATOR_SERVICE_PORT_HTTP": "80",
            "ORCHESTRATOR_PORT": "tcp://10.0.0.1:80",
            "ORCHESTRATOR_PORT_80_TCP_ADDR": "10.0.0.1",
        }
        assert loaded(file, ACCOUNT, environ).http.port == 8080

    def test_a_section_set_to_a_value_is_a_mistake(self, file: Path) -> None:
        assert (
            mistake(file, ACCOUNT, {"ORCHESTRATOR_HTTP": "x"}) == "http: is not a section (set by ORCHESTRATOR_HTTP)"
        )

    def test_a_value_where_a_section_should_be_stays_a_mistake_under_a_variable(self, file: Path) -> None:
        text = "http = 1\n" + ACCOUNT
        assert mistake(file, text, {"ORCHESTRATOR_HTTP__PORT": "1"}) == "http: is not a section"


class TestSecretFiles:
    def test_the_content_is_taken_without_the_space_around_it(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "token").write_text("  from file\n")
        text = f'[accounts.main]\nlogin_type = "token"\ntoken_file = "{tmp_path}/token"\n'
        assert loaded(file, text).accounts["main"].credentials == {"token": "from file"}

    def test_every_secret_may_come_from_a_file(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "url").write_text("redis://:pw@host:1/2\n")
        (tmp_path / "code").write_text("c0de")
        environ = {
            "ORCHESTRATOR_REDIS__URL_FILE": f"{tmp_path}/url",
            "ORCHESTRATOR_ACCOUNTS__MAIN__API_CODE_FILE": f"{tmp_path}/code",
        }
        config = loaded(file, ACCOUNT, environ)
        code = config.accounts["main"].api_code
        assert config.redis.url.get_secret_value() == "redis://:pw@host:1/2"
        assert code is not None
        assert code.get_secret_value() == "c0de"

    def test_the_environments_file_wins_over_the_files_value(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "token").write_text("newer")
        config = loaded(file, ACCOUNT, {"ORCHESTRATOR_ACCOUNTS__MAIN__TOKEN_FILE": f"{tmp_path}/token"})
        assert config.accounts["main"].credentials == {"token": "newer"}

    def test_the_environments_value_wins_over_the_files_file(self, file: Path) -> None:
        text = '[accounts.main]\nlogin_type = "token"\ntoken_file = "/nonexistent"\n'
        config = loaded(file, text, {"ORCHESTRATOR_ACCOUNTS__MAIN__TOKEN": "newer"})
        assert config.accounts["main"].credentials == {"token": "newer"}

    def test_value_and_file_side_by_side_are_a_mistake(self, file: Path) -> None:
        text = ACCOUNT + 'token_file = "/x"\n'
        assert mistake(file, text) == "accounts.main.token_file: stands beside token; give one of the two"

    def test_one_that_cannot_be_read_is_one_mistake_not_two(self, file: Path) -> None:
        text = '[accounts.main]\nlogin_type = "token"\ntoken_file = "/nonexistent"\n'
        wrong = "accounts.main.token_file: '/nonexistent' cannot be read (No such file or directory)"
        assert mistake(file, text) == wrong

    @pytest.mark.parametrize(("content", "wrong"), [(b" \n", "is empty"), (b"\xff", "is not a file of UTF-8 text")])
    def test_one_without_a_secret_is_a_mistake(self, file: Path, tmp_path: Path, content: bytes, wrong: str) -> None:
        (tmp_path / "token").write_bytes(content)
        text = f'[accounts.main]\nlogin_type = "token"\ntoken_file = "{tmp_path}/token"\n'
        assert mistake(file, text).endswith(wrong)

    def test_what_is_no_secret_has_no_file(self, file: Path) -> None:
        assert (
            mistake(file, '[http]\nport_file = "x"\n' + ACCOUNT) == "http.port_file: unknown key; did you mean port?"
        )


ONE_MISTAKE = [
    ('login_type = "tokem"', "accounts.main.login_type: 'tokem' is not one of token, account, user"),
    ('token = "t"', "accounts.main.login_type: is missing; one of token, account, user"),
    ('login_type = "token"', "accounts.main.token: is missing; login_type token needs it (or token_file)"),
    (
        'login_type = "token"\ntoken = "t"\nemail = "e"',
        "accounts.main.email: does not belong to login_type token, which takes token",
    ),
    ('login_type = "token"\ntoken = ""', "accounts.main.token: is empty"),
    ('login_type = "token"\ntoken = 12', "accounts.main.token: its value is not text (in quotes)"),
]


NEITHER_ADDRESS_NOR_FEED = 'is neither an http:// or https:// address nor the word "feed"'
NEITHER_REDIS_NOR_EMBEDDED = (
    'is neither a redis://host:port/number, rediss:// or unix:///path address nor the word "embedded"'
)
NO_NAMESPACE = "is not made of 1 to 64 letters, digits, and . _ - (Redis keys begin with it)"
VALUE_MISTAKES = [
    ("accounts.main.mute_url", '"ftp://x"', f"'ftp://x' {NEITHER_ADDRESS_NOR_FEED}"),
    ("accounts.main.login_url", '"http://"', "'http://' is not an http:// or https:// address"),
    ("accounts.main.login_url", '"http://a b"', "'http://a b' is not an http:// or https:// address"),
    ("accounts.main.login_url", '"http://a:x"', "'http://a:x' is not an http:// or https:// address"),
    ("accounts.main.login_url", '"u@x?pw"', "this value is not an http:// or https:// address"),
    ("accounts.main.engineio", "5", "5 is not one of auto, 3, 4"),
    ("http.port", "70000", "70000 is above 65535, the highest allowed"),
    ("http.port", "-1", "-1 is below 0, the lowest allowed"),
    ("http.port", "true", "true is not allowed: no key takes true or false"),
    ("http.port", "1.5", "1.5 is not a whole number"),
    ("http.host", '""', "is empty"),
    ("redis.namespace", '"a:{b}"', f"'a:{{b}}' {NO_NAMESPACE}"),
    ("redis.url", '"http://x"', NEITHER_REDIS_NOR_EMBEDDED),
    ("log.format", '"xml"', "'xml' is not one of auto, json, console"),
    ("crm.streams", "5", "5 is not a list"),
    ("crm.lists", "5", "5 is not a list"),
    ("crm.group", '""', "is empty"),
    ("crm.channels", "5", "5 is not a list"),
    ("policy.max_section_seconds", "inf", "inf is not a finite number"),
    ("policy.max_section_seconds", '"long"', "'long' is not a number"),
    ("policy.default_section_seconds", "0", "0 is not above 0"),
    ("policy.end_after_idle_seconds", "-1", "-1 is below 0, the lowest allowed"),
    ("policy.default_section_seconds", "3601", "3601 is above policy.max_section_seconds, 3600"),
    ("api.max_concurrency", "0", "0 is below 1, the lowest allowed"),
    ("data_dir", "1", "1 is not a path"),
    ("data_dir", '""', "is empty"),
    ("polcy", "{}", "unknown key; did you mean policy?"),
]


SHA = "ab" * 32
TOKEN = f'[[http.tokens]]\nname = "crm"\nsha256 = "{SHA}"\nscopes = ["read"]\n'
WEBHOOK_SECRET = "whsec_" + "c2VjcmV0" * 4
OTHER_WEBHOOK_SECRET = "whsec_" + "c2VjcmV1" * 4
NOT_A_SECRET = "its value is not whsec_ and then 24 bytes or more in base64"
TOKEN_MISTAKES = [
    (TOKEN.replace("ab", "AB", 1), "http.tokens[0].sha256: its value is not the SHA-256 of a token"),
    (TOKEN.replace(SHA, "the-token-itself"), "http.tokens[0].sha256: its value is not the SHA-256 of a token"),
    (
        TOKEN.replace('"read"', '"write"'),
        "http.tokens[0].scopes[0]: 'write' is not one of sections:write, read, page, operate",
    ),
    (TOKEN.replace('"read"', ""), "http.tokens[0].scopes: is empty"),
    (TOKEN.replace("sha256", "sha265"), "http.tokens[0].sha256: is missing"),
    (TOKEN + TOKEN, "http.tokens: 'crm' is the name of several; each has its own"),
    ('http.tokens = "t0k3n"\n', "http.tokens[0]: is not a section"),
    ('[http]\ntls_cert = "c"\n', "http.tls_cert: stands without tls_key; TLS needs both"),
    ('[http]\ntls_key = "k"\n', "http.tls_key: stands without tls_cert; TLS needs both"),
    ("[http]\nbehind_proxy = true\n", "http.behind_proxy: true is not allowed: no key takes true or false"),
    ('[http]\nhost = "0.0.0.0"\n' + TOKEN, "http.tokens: would cross the network in clear, as host is '0.0.0.0'"),
    ('[http]\nwebhook_secrets = ["t0k3n"]\n', f"http.webhook_secrets[0]: {NOT_A_SECRET}"),
    ('[http]\nwebhook_secrets = ["whsec_dG9vIHNob3J0"]\n', f"http.webhook_secrets[0]: {NOT_A_SECRET}"),
    ("[http]\nwebhook_secrets = [12345]\n", f"http.webhook_secrets[0]: {NOT_A_SECRET}"),
    ("[http]\nwebhook_secrets = 12345\n", "http.webhook_secrets: its value is not a list"),
    ("[http]\nwebhook_secrets = '[\"t0k3n\"'\n", "http.webhook_secrets: its value is not a list in JSON"),
]


class TestHttp:
    @pytest.mark.parametrize(("text", "wrong"), TOKEN_MISTAKES)
    def test_mistakes_name_the_key_and_keep_its_secret(self, file: Path, text: str, wrong: str) -> None:
        told = mistakes(file, text + ACCOUNT)
        assert any(one.startswith(wrong) for one in told), told
        for secret in ("the-token-itself", "t0k3n", "12345", "dG9v"):
            assert secret not in "".join(told)

    @pytest.mark.parametrize("key", ["login_url", "refresh_url", "mute_url", "active_calls_url"])
    def test_credentials_do_not_cross_a_network_in_clear_unless_that_is_said(self, file: Path, key: str) -> None:
        there = f'{ACCOUNT}{key} = "http://pbx.example/x"\n'
        assert mistake(file, there) == (
            f"accounts.main.{key}: 'http://pbx.example/x' sends credentials across the network in clear; give an"
            ' https:// address, or say allow_http = "yes" where nobody else can listen'
        )
        assert loaded(file, there + 'allow_http = "yes"\n')
        for host in ("127.0.0.1:8090", "[::1]", "localhost"):
            assert loaded(file, f'{ACCOUNT}{key} = "http://{host}/x"\n')

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
    def test_tokens_need_no_tls_on_this_machine(self, file: Path, host: str) -> None:
        (token,) = loaded(file, f'[http]\nhost = "{host}"\n{TOKEN}{ACCOUNT}').http.tokens
        assert (token.name, token.sha256, token.scopes) == ("crm", SHA, ("read",))

    @pytest.mark.parametrize("more", ['behind_proxy = "yes"', 'tls_cert = "c"\ntls_key = "k"'])
    def test_elsewhere_they_need_it_or_somebody_who_speaks_it_for_us(self, file: Path, more: str) -> None:
        for host in ("0.0.0.0", "::", "10.0.0.1", "pbx.example"):
            assert loaded(file, f'[http]\nhost = "{host}"\n{more}\n{TOKEN}{ACCOUNT}').http.tokens
            assert "http.tokens" in mistake(file, f'[http]\nhost = "{host}"\nbehind_proxy = "no"\n{TOKEN}{ACCOUNT}')

    def test_without_tokens_nothing_is_needed(self, file: Path) -> None:
        assert loaded(file, f'[http]\nhost = "0.0.0.0"\n{ACCOUNT}').http.tokens == ()

    def test_tokens_come_from_the_environment_as_json(self, file: Path) -> None:
        given = f'[{{"name": "crm", "sha256": "{SHA}", "scopes": ["read", "sections:write"]}}]'
        (token,) = loaded(file, ACCOUNT, {"ORCHESTRATOR_HTTP__TOKENS": given}).http.tokens
        assert token.scopes == ("read", "sections:write")

    def test_webhook_secrets_come_from_a_file_of_their_own(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "secrets").write_text(f"{WEBHOOK_SECRET}, {OTHER_WEBHOOK_SECRET}\n")
        config = loaded(file, f'[http]\nwebhook_secrets_file = "{tmp_path}/secrets"\n{ACCOUNT}')
        secrets = [secret.get_secret_value() for secret in config.http.webhook_secrets]
        assert secrets == [WEBHOOK_SECRET, OTHER_WEBHOOK_SECRET]
        assert WEBHOOK_SECRET not in repr(config)


class TestMistakes:
    @pytest.mark.parametrize(("account", "wrong"), ONE_MISTAKE)
    def test_in_an_account(self, file: Path, account: str, wrong: str) -> None:
        assert mistake(file, f"[accounts.main]\n{account}\n") == wrong

    @pytest.mark.parametrize(("key", "value", "wrong"), VALUE_MISTAKES)
    def test_in_a_value(self, file: Path, key: str, value: str, wrong: str) -> None:
        text = f'{key} = {value}\naccounts.main.login_type = "token"\naccounts.main.token = "t"\n'
        assert mistake(file, text) == f"{key}: {wrong}"

    def test_no_account(self, file: Path) -> None:
        wrong = "accounts: there is none; a section [accounts.<name>] with its login is needed"
        assert mistake(file, "") == wrong
        assert mistake(file, "[accounts]") == wrong

    def test_a_name_of_a_way_in(self, file: Path) -> None:
        assert mistake(file, 'crm.streams = ["a", ""]\n' + ACCOUNT) == "crm.streams[1]: is empty"

    def test_no_way_in_for_messages(self, file: Path) -> None:
        none = "crm.streams = []\ncrm.channels = []\n"
        wrong = "crm: no message can come in; one of streams, lists, channels is needed"
        assert mistake(file, none + ACCOUNT) == wrong
        assert loaded(file, f'crm.lists = ["a"]\n{none}{ACCOUNT}').crm.lists == ("a",)

    @pytest.mark.parametrize("name", ["Main", "a b", "a:b", "a__b"])
    def test_a_name_of_an_account(self, file: Path, name: str) -> None:
        assert "an account's name is made of" in mistake(file, ACCOUNT.replace("main", f'"{name}"'))

    def test_all_are_told_at_once(self, file: Path) -> None:
        text = """
            [http]
            port = 70000
            [policy]
            default_section_seconds = 5000
            end_after_idle_seconds = -1
            [accounts.a]
            login_type = "tokem"
            mute_url = "x"
            [accounts.b]
            login_type = "user"
            token = "t"
            password_file = "/nonexistent"
        """
        keys = [text.split(": ")[0] for text in mistakes(file, text, {"ORCHESTRATOR_LOG__LEVEL": "loud"})]
        assert sorted(keys) == [
            "accounts.a.login_type",
            "accounts.a.mute_url",
            "accounts.b.email",
            "accounts.b.password_file",
            "accounts.b.token",
            "http.port",
            "log.level",
            "policy.default_section_seconds",
            "policy.end_after_idle_seconds",
        ]


class TestTraces:
    URL = '[traces]\notlp_url = "http://127.0.0.1:4318/v1/traces"\n'

    def test_they_need_an_extra(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(schema, "_installed", lambda package: False)
        assert mistake(file, ACCOUNT + self.URL) == (
            "traces.otlp_url: needs the extra otel, which is not installed: pip install 'mute-orchestrator[otel]'"
        )

    def test_they_go_to_a_web_address(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(schema, "_installed", lambda package: True)
        assert loaded(file, ACCOUNT + self.URL).traces.otlp_url == "http://127.0.0.1:4318/v1/traces"
        assert "is not an http" in mistake(file, ACCOUNT + self.URL.replace("http:", "grpc:"))

    def test_without_them_nothing_of_ours_is_imported_for_them(self) -> None:
        """(Redis' client imports what it finds of OpenTelemetry, and does nothing with it unless told to.)"""
        theirs = "{'orchestrator.telemetry.tracing', 'opentelemetry.exporter'}"
        program = f"import sys, orchestrator.cli; assert not {theirs} & sys.modules.keys()"
        subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


class TestSecrecy:
    def test_no_repr_shows_a_secret(self, file: Path) -> None:
        text = '[redis]\nurl = "redis://:s3cret@h"\n' + ACCOUNT.replace("t0ken", "s3cret") + 'api_code = "s3cret"\n'
        config = loaded(file, text)
        assert "s3cret" not in f"{config!r} {config} {config.accounts['main']!r}"

    @pytest.mark.parametrize(
        "text",
        [
            '[redis]\nurl = "http://:s3cret@h"\n' + ACCOUNT,
            '[accounts.main]\nlogin_type = "token"\ntokn = "s3cret"\n',
            '[accounts.main]\nlogin_type = "token"\ntoken = ["s3cret"]\n',
            '[accounts.main]\nlogin_type = "token"\ntoken = "t"\npassword = "s3cret"\n',
            ACCOUNT + 'login_url = "ftp://u:s3cret@h/"\n',
        ],
    )
    def test_no_mistake_shows_a_secret(self, file: Path, text: str) -> None:
        with pytest.raises(ConfigError) as caught:
            loaded(file, text)
        assert "s3cret" not in f"{caught.value!r} {caught.value}"
