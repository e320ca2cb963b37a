"""Is a model used only where somebody trusted vouches for it, and does nobody stumble who never heard of keys?"""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.commands import runs_in
from training.model import ArtefactError, RiskModel, describe_signature, load_model, save_model
from training.model.signing import (
    KEY,
    REQUIRED,
    SIGNATURE,
    TRUSTED,
    SigningError,
    key_file,
    key_name,
    made_key,
    public_pem,
    signature_of,
    signer_of,
    signing_key,
    trusted_keys,
    why_not_signed,
)


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration folder of a user who has set nothing."""
    for name in (KEY, TRUSTED, REQUIRED):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    return tmp_path / "user"


@pytest.fixture
def folder(small_model: RiskModel, models: Path, tmp_path: Path) -> Path:
    """A copy of the small model, signed with the key of the tests."""
    copied = tmp_path / "models" / small_model.version
    shutil.copytree(models / small_model.version, copied)
    return copied


def trust(path: Path, *keys: Ed25519PrivateKey) -> str:
    path.write_text("".join(public_pem(key.public_key()) for key in keys), encoding="ascii")
    return str(path)


class TestKey:
    def test_is_made_once_for_its_owner_alone(self, user: Path) -> None:
        assert signing_key() is None
        made = made_key()
        file = user / "duecourse" / "signing-key.pem"
        assert made is not None and key_file() == file
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert [path.name for path in file.parent.iterdir()] == ["signing-key.pem"]
        again = made_key()
        assert again is not None and public_pem(again.public_key()) == public_pem(made.public_key())

    def test_lies_where_the_operator_says(self, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(KEY, str(user / "elsewhere" / "key.pem"))
        assert made_key() is not None
        assert (user / "elsewhere" / "key.pem").exists() and not (user / "duecourse").exists()

    def test_defaults_to_the_home_of_the_user(self, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("XDG_CONFIG_HOME")
        monkeypatch.setenv("HOME", str(user))
        assert key_file() == user / ".config" / "duecourse" / "signing-key.pem"

    def test_that_cannot_be_made_leaves_models_unsigned(self, user: Path) -> None:
        user.write_text("a file where the folder would be", encoding="ascii")
        assert made_key() is None
        assert trusted_keys() == []

    def test_that_was_asked_for_and_cannot_be_made_is_an_error(
        self, user: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        user.write_text("", encoding="ascii")
        monkeypatch.setenv(KEY, str(user / "key.pem"))
        with pytest.raises(SigningError, match="of DUECOURSE_KEY cannot be made"):
            made_key()

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "cannot be read"),
            (b"-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n", "cannot be read"),
            (
                generate_private_key(65537, 2048).private_bytes(
                    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
                ),
                "no Ed25519 key",
            ),
        ],
    )
    def test_that_is_broken_is_never_replaced(self, user: Path, content: bytes, message: str) -> None:
        file = user / "duecourse" / "signing-key.pem"
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        for use in (signing_key, made_key, trusted_keys):
            with pytest.raises(SigningError, match=message):
                use()
        assert file.read_bytes() == content


class TestTrust:
    def test_a_machine_that_only_serves_needs_public_keys_alone(
        self, user: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keys = [Ed25519PrivateKey.generate() for _ in range(3)]
        files = [trust(user.parent / "two.pem", *keys[:2]), trust(user.parent / "one.pem", keys[2])]
        monkeypatch.setenv(TRUSTED, ":".join(files))
        assert [public_pem(key) for key in trusted_keys()] == [public_pem(key.public_key()) for key in keys]
        assert not user.exists()

    @pytest.mark.parametrize("content", [None, b"", b"nonsense", b"-----END PUBLIC KEY-----"])
    def test_a_trusted_key_that_cannot_be_read_is_an_error(
        self, user: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
    ) -> None:
        file = user.parent / "trusted.pem"
        if content is not None:
            file.write_bytes(content)
        monkeypatch.setenv(TRUSTED, str(file))
        with pytest.raises(SigningError, match=r"DUECOURSE_TRUSTED_KEYS names .*trusted\.pem"):
            trusted_keys()

    def test_a_named_key_that_is_gone_is_an_error(self, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(KEY, str(user / "gone.pem"))
        with pytest.raises(SigningError, match="which is not there"):
            trusted_keys()

    @pytest.mark.parametrize(
        ("value", "message"), [("required", "no key is known here"), ("yes", "the only value is 'required'")]
    )
    def test_signatures_can_be_required(
        self, user: Path, monkeypatch: pytest.MonkeyPatch, value: str, message: str
    ) -> None:
        monkeypatch.setenv(REQUIRED, value)
        with pytest.raises(SigningError, match=message):
            trusted_keys()

    def test_required_is_satisfied_by_a_key(self, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        made_key()
        monkeypatch.setenv(REQUIRED, "required")
        assert len(trusted_keys()) == 1


def renamed(signature: bytes) -> bytes:
    """A valid signature under a key name with one other character."""
    given = json.loads(signature)
    return signature.replace(given["key"].encode(), b"&" + given["key"][1:].encode())


class TestSignature:
    OWN, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (lambda given: given, ""),
            (lambda given: None, "it is not signed"),
            (lambda given: b"", "damaged"),
            (lambda given: b"[]", "damaged"),
            (lambda given: given + b"\n", "damaged"),
            (lambda given: given.replace(b"ed25519", b"ed25518"), "damaged"),
            (lambda given: json.dumps(json.loads(given)).encode(), "damaged"),
            (lambda given: signature_of(b"other", TestSignature.OWN), "not of this content"),
            (lambda given: signature_of(b"manifest", TestSignature.OTHER), "is trusted here"),
            (lambda given: renamed(given), "is trusted here"),
        ],
    )
    def test_must_be_of_this_content_by_a_trusted_key(
        self, change: Callable[[bytes], bytes | None], why: str
    ) -> None:
        given = change(signature_of(b"manifest", self.OWN))
        found = why_not_signed(b"manifest", given, [self.OWN.public_key()])
        assert (why in found) if why else found == ""

    def test_any_trusted_key_will_do(self) -> None:
        trusted = [self.OTHER.public_key(), self.OWN.public_key()]
        assert why_not_signed(b"manifest", signature_of(b"manifest", self.OWN), trusted) == ""

    def test_without_a_known_key_nothing_is_asked(self) -> None:
        assert why_not_signed(b"manifest", None, []) == ""


class TestModel:
    def test_is_signed_when_saved_and_said_so(self, folder: Path) -> None:
        assert load_model(folder).version == folder.name
        assert describe_signature(folder).startswith("signed by the key ")

    def test_without_a_signature_is_refused_with_the_mend(self, folder: Path) -> None:
        (folder / SIGNATURE).unlink()
        with pytest.raises(ArtefactError, match=f"it is not signed; .*`duecourse models sign {folder.name}`"):
            load_model(folder)
        assert describe_signature(folder) == "refused: it is not signed"

    def test_of_another_key_is_refused(self, folder: Path, user: Path) -> None:
        made_key()
        with pytest.raises(ArtefactError, match=r"signed by the key \w{16}, and only \w{16} is trusted"):
            load_model(folder)

    def test_is_taken_by_its_hashes_where_no_key_is_known_and_that_is_said(
        self, folder: Path, user: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert load_model(folder).version == folder.name
        assert "which is not known here" in describe_signature(folder)
        (folder / SIGNATURE).unlink()
        assert load_model(folder).version == folder.name
        assert describe_signature(folder) == "not signed"
        monkeypatch.setenv(REQUIRED, "required")
        with pytest.raises(ArtefactError, match="cannot be verified: DUECOURSE_SIGNATURES=required"):
            load_model(folder)

    def test_in_a_store_of_another_key_no_second_key_is_made(
        self, folder: Path, user: Path, small_model: RiskModel
    ) -> None:
        """A container that forgets its user's folder must not refuse in the morning what it signed at night."""
        second = save_model(
            RiskModel(**(vars(small_model) | {"card": small_model.card | {"n": 2}})), folder.parent
        )
        assert not user.exists()
        assert describe_signature(folder.parent / second.version) == "not signed"
        assert load_model(folder).version == folder.name

    def test_in_a_store_of_another_key_a_key_is_made_where_the_operator_asks(
        self, folder: Path, user: Path, small_model: RiskModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(KEY, str(user / "new.pem"))
        assert save_model(small_model, folder.parent).version == folder.name
        assert signer_of((folder / SIGNATURE).read_bytes()) == key_name(trusted_keys()[0])

    def test_made_before_there_was_a_key_can_be_signed_by_training_again(
        self, small_model: RiskModel, folder: Path
    ) -> None:
        (folder / SIGNATURE).unlink()
        assert save_model(small_model, folder.parent).version == folder.name
        assert describe_signature(folder).startswith("signed by the key ")

    def test_is_vouched_for_by_command(self, folder: Path) -> None:
        (folder / SIGNATURE).unlink()
        run = runs_in(folder.parent.parent)
        done = run("models", "sign", folder.name)
        assert done.exit_code == 0 and "is signed by the key" in done.stdout
        assert load_model(folder).version == folder.name

    @pytest.mark.parametrize(
        ("version", "message"), [("0123456789ab", "there is no model"), (None, "was changed after training")]
    )
    def test_is_not_vouched_for_unseen(self, folder: Path, version: str | None, message: str) -> None:
        (folder / SIGNATURE).unlink()
        (folder / "golden.json").write_text("{}", encoding="ascii")
        done = runs_in(folder.parent.parent)("models", "sign", version or folder.name)
        assert (done.exit_code, message in done.stderr) == (2, True)
        assert not (folder / SIGNATURE).exists()


def test_the_public_key_is_printed_for_those_who_only_serve(user: Path, folder: Path) -> None:
    done = runs_in(folder)("models", "key")
    key = signing_key()
    assert key is not None and done.stdout == public_pem(key.public_key())
