"""Bad input is told at the door: which variable or field, and what is wrong with it."""

import pytest

from linkpool.replica.settings import BadSettings, from_environment, from_file

pytestmark = pytest.mark.unit


@pytest.fixture
def environ(tmp_path):
    token = tmp_path / "token"
    token.write_text("a-group-token\n")
    return {
        "LINKPOOL_GROUP": "g",
        "LINKPOOL_TASK": "t",
        "LINKPOOL_TOKEN_FILE": str(token),
        "LINKPOOL_CONTROL_URLS": "http://127.0.0.1:1,http://127.0.0.1:2",
        "LINKPOOL_RPC_URLS": "ws://c",
    }


def test_a_pool_replica_reads_its_engines_environment(environ):
    settings = from_environment(environ)
    assert settings.pool is not None
    assert settings.pool.control_urls == ("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert settings.pool.token == "a-group-token"
    assert "a-group-token" not in repr(settings)


@pytest.mark.parametrize(
    "name",
    ["LINKPOOL_GROUP", "LINKPOOL_TASK", "LINKPOOL_TOKEN_FILE", "LINKPOOL_CONTROL_URLS", "LINKPOOL_RPC_URLS"],
)
def test_a_missing_variable_is_named(environ, name):
    del environ[name]
    with pytest.raises(BadSettings, match=name):
        from_environment(environ)


def test_a_token_in_a_variable_is_taken_out(environ):
    del environ["LINKPOOL_TOKEN_FILE"]
    environ["LINKPOOL_TOKEN"] = "from-a-secret"
    settings = from_environment(environ)
    assert settings.pool is not None
    assert settings.pool.token == "from-a-secret"
    assert "LINKPOOL_TOKEN" not in environ


def test_an_unreadable_token_file_is_named(environ, tmp_path):
    environ["LINKPOOL_TOKEN_FILE"] = str(tmp_path / "nowhere")
    with pytest.raises(BadSettings, match="nowhere"):
        from_environment(environ)


def test_a_port_that_is_no_number_is_refused(environ):
    environ["LINKPOOL_HEALTH_PORT"] = "eighty"
    with pytest.raises(BadSettings, match=r"LINKPOOL_HEALTH_PORT.*eighty"):
        from_environment(environ)


@pytest.mark.parametrize(
    ("urls", "fingerprint", "reason"),
    [
        ("http://10.0.0.1:1", None, "is not TLS"),
        ("https://a,http://127.0.0.1:1", "a" * 64, "is not TLS"),
        ("https://a", "A" * 64, "64 lower hex digits"),
        ("https://a", "", "64 lower hex digits"),
    ],
)
def test_a_token_never_travels_in_clear(environ, urls, fingerprint, reason):
    environ["LINKPOOL_CONTROL_URLS"] = urls
    if fingerprint is not None:
        environ["LINKPOOL_CA_FINGERPRINT"] = fingerprint
    with pytest.raises(BadSettings, match=reason):
        from_environment(environ)


def test_the_fingerprint_is_taken_with_tls_urls(environ):
    environ |= {"LINKPOOL_CONTROL_URLS": "https://a/,wss://b", "LINKPOOL_CA_FINGERPRINT": "0f" * 32}
    settings = from_environment(environ)
    assert settings.pool is not None
    assert settings.pool.ca_fingerprint == "0f" * 32
    assert settings.pool.control_urls == ("https://a", "wss://b")


ALONE = """
rpc_urls = ["ws://127.0.0.1:8545"]
oracle = "0x0000000000000000000000000000000000000001"
sender_key_file = "key"
jobs = "jobs"
"""


def test_a_lone_replica_reads_a_file_and_paths_count_from_its_folder(tmp_path):
    path = tmp_path / "replica.toml"
    path.write_text(ALONE)
    settings = from_file(path)
    assert settings.alone is not None
    assert settings.alone.jobs == tmp_path / "jobs"
    assert settings.alone.sender_key_file == tmp_path / "key"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rpc_urls = [", "is not TOML"),
        (ALONE.replace("oracle", "orakle"), "orakle|oracle"),
        (ALONE.replace('rpc_urls = ["ws://127.0.0.1:8545"]', "rpc_urls = []"), "rpc_urls"),
        (ALONE + "health_port = 'x'", "health_port"),
    ],
)
def test_a_bad_file_is_refused_with_the_place_and_the_reason(tmp_path, text, said):
    path = tmp_path / "replica.toml"
    path.write_text(text)
    with pytest.raises(BadSettings, match=said) as caught:
        from_file(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadSettings, match=r"none\.toml"):
        from_file(tmp_path / "none.toml")
