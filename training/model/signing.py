"""Who vouches for a model? Signatures by a key that lies outside the store.

Hashes show that a model folder is whole; whoever can write the store can write hashes too. So a training signs
the manifest (Ed25519) with a key kept elsewhere, and a model is used only with a valid signature where a key is
known. What the operator may set:

DUECOURSE_KEY            the file of the signing key; by default `duecourse/signing-key.pem` in the user's
                         configuration folder (XDG_CONFIG_HOME, else ~/.config). The first training makes it.
DUECOURSE_TRUSTED_KEYS   files of public keys (PEM, several divided by `:`), for a machine that must not be able
                         to sign, such as one that only serves. `duecourse models key` prints the public half.
DUECOURSE_SIGNATURES     `required`: refuse every model where no key is known. Else hashes alone are verified
                         there, and that is said.

`signature.json` lies beside the manifest and is no part of the version, which is a hash of content alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from training.durable import make_durable

SIGNATURE = "signature.json"
KEY, TRUSTED, REQUIRED = "DUECOURSE_KEY", "DUECOURSE_TRUSTED_KEYS", "DUECOURSE_SIGNATURES"
_PURPOSE = b"duecourse model manifest v1\n"
"""Signed before the manifest: a signature made for anything else is none of a model."""
_END = "-----END PUBLIC KEY-----"


class SigningError(ValueError):
    """A key or a signature that cannot be used; the text says which and how to mend it."""


def key_file() -> Path | None:
    """Where the signing key lies or would lie; None where the user has no configuration folder."""
    if named := os.environ.get(KEY):
        return Path(named).expanduser()
    with suppress(RuntimeError):
        configuration = os.environ.get("XDG_CONFIG_HOME")
        return (
            Path(configuration) if configuration else Path.home() / ".config"
        ) / "duecourse/signing-key.pem"
    return None


def is_key_named() -> bool:
    """Whether the operator says where the signing key lies."""
    return bool(os.environ.get(KEY))


def signing_key() -> Ed25519PrivateKey | None:
    """The key that trainings here sign with, None where there is none; SigningError where it is unreadable."""
    file = key_file()
    if file is None or not _exists(file):
        return None
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningError(
            f"the signing key {file} cannot be read ({type(error).__name__}): "
            f"restore it from a copy, or name another with {KEY}"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(f"the signing key {file} is no Ed25519 key: name another with {KEY}")
    return key


def made_key() -> Ed25519PrivateKey | None:
    """The signing key, made and kept where there is none; None where the user's folder cannot be written.

    Raises SigningError where DUECOURSE_KEY names a file that cannot be written.
    """
    file = key_file()
    if file is None or _exists(file):
        return signing_key()
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_key(file)
    except OSError as error:
        if is_key_named():
            raise SigningError(f"the signing key {file} of {KEY} cannot be made: {error.strerror}") from None
        return None
    return signing_key()


def _exists(file: Path) -> bool:
    """Whether the key is there; a folder that may not be entered holds none for us."""
    try:
        return file.exists()
    except PermissionError:
        return False


def _write_key(file: Path) -> None:
    """Two first trainings at once: the key of the first stays."""
    content = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as written:
            written.write(content)
            written.flush()
            os.fsync(handle)
        with suppress(FileExistsError):
            os.link(scratch, file)
    finally:
        scratch.unlink(missing_ok=True)
    make_durable(file.parent)


def public_pem(key: Ed25519PublicKey) -> str:
    """A public key as the text that DUECOURSE_TRUSTED_KEYS reads."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def trusted_keys() -> list[Ed25519PublicKey]:
    """The keys whose signature a model needs here; none where no key is known at all.

    Raises SigningError where a named key is missing or unreadable, or where signatures are required without a key.
    """
    named = [Path(text).expanduser() for text in os.environ.get(TRUSTED, "").split(os.pathsep) if text]
    if named:
        return [key for file in named for key in _public_keys(file)]
    key = signing_key()
    if key is not None:
        return [key.public_key()]
    if is_key_named():
        raise SigningError(f"{KEY} names {key_file()}, which is not there: restore it, or train to make one")
    _check_not_required()
    return []


def _check_not_required() -> None:
    wanted = os.environ.get(REQUIRED, "")
    if wanted not in ("", "required"):
        raise SigningError(
            f"{REQUIRED}={wanted!r}: the only value is 'required'; unset it to verify hashes alone"
        )
    if wanted:
        raise SigningError(
            f"{REQUIRED}=required, and no key is known here: "
            f"name a public key with {TRUSTED}, or the signing key with {KEY}"
        )


def _public_keys(file: Path) -> list[Ed25519PublicKey]:
    try:
        texts = [f"{part}{_END}\n" for part in file.read_text("ascii").split(_END)[:-1]]
        keys = [load_pem_public_key(text.encode("ascii")) for text in texts]
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise SigningError(
            f"{TRUSTED} names {file}, which cannot be read ({type(error).__name__}): "
            "`duecourse models key`, where models are trained, prints what it should hold"
        ) from None
    ours = [key for key in keys if isinstance(key, Ed25519PublicKey)]
    if not ours or len(ours) < len(keys):
        raise SigningError(f"{TRUSTED} names {file}, which holds something else than Ed25519 public keys")
    return ours


def key_name(key: Ed25519PublicKey) -> str:
    """A short name for a public key."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def signature_of(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    """The content of `signature.json` for a manifest; the same key gives the same bytes."""
    return _written(key_name(key.public_key()), key.sign(_PURPOSE + manifest))


def _written(name: str, signature: bytes) -> bytes:
    given = {"algorithm": "ed25519", "key": name, "signature": base64.b64encode(signature).decode("ascii")}
    return (json.dumps(given, indent=1) + "\n").encode("ascii")


def signer_of(signature: bytes | None) -> str | None:
    """The name of the key that a signature says it is of, unverified; None where there is no readable one."""
    return _read(signature)[0] if signature is not None else None


def _read(content: bytes) -> tuple[str | None, bytes]:
    """Key name and signature, if the file is exactly what `signature_of` writes."""
    try:
        given = json.loads(content)
        name, signature = given["key"], base64.b64decode(given["signature"], validate=True)
        if _written(name, signature) == content:
            return name, signature
    except (ValueError, TypeError, KeyError):
        pass
    return None, b""


def why_not_signed(manifest: bytes, signature: bytes | None, trusted: list[Ed25519PublicKey]) -> str:
    """Why a manifest has no valid signature of a trusted key; empty where it has one, or no key is known."""
    if not trusted:
        return ""
    if signature is None:
        return "it is not signed"
    name, given = _read(signature)
    if name is None:
        return f"{SIGNATURE} is damaged"
    known = {key_name(key): key for key in trusted}
    if (
        name not in known
    ):  # also where another key made the signature: a file that names the wrong one is damaged
        return f"it is signed by the key {name}, and only {', '.join(known)} is trusted here"
    try:
        known[name].verify(given, _PURPOSE + manifest)
    except InvalidSignature:
        return f"{SIGNATURE} is not of this content"
    return ""
