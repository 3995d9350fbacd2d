import pytest

from orchestrator.store.keys import Keys


def test_the_names_that_readers_rely_on() -> None:
    keys = Keys("mute", "main")
    assert keys.extension("SIPSIP1") == "mute:{main}:extension:SIPSIP1"
    assert keys.extensions == "mute:{main}:extensions"
    assert keys.sections == "mute:{main}:sections"
    assert keys.ended == "mute:{main}:ended"
    assert keys.mutes == "mute:{main}:mutes"
    assert keys.audit == "mute:{main}:audit"
    assert keys.owner == "mute:{main}:owner"


@pytest.mark.parametrize(("namespace", "account"), [("", "main"), ("mute", ""), ("mute", "a}b"), ("m{ute", "main")])
def test_what_would_break_the_hash_tag_is_refused(namespace: str, account: str) -> None:
    with pytest.raises(ValueError, match="braces"):
        Keys(namespace, account)
