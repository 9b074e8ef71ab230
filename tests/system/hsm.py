"""A PKCS#11 token for tests: SoftHSM in a folder of its own, behind a module that fails to order. Programs find it by the
environment."""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

BUILD = Path(os.environ.get("KINCHAKU_BUILD", "build")).resolve()
PIN = "473829"


class Token:
    """The folder is short and apart from the tests' own: a configuration's line has to hold its path."""

    def __init__(self, label="kc"):
        self.folder = Path(tempfile.mkdtemp(prefix="kt"))
        self.label, self.module, self.pin = label, self.folder / "module.so", self.folder / "pin"
        self.module.symlink_to(BUILD / "tests" / "unit" / "crypto" / "kc-token-shim.so")
        self.tokens = self.folder / "tokens"
        self.tokens.mkdir()
        self.conf = self.folder / "softhsm2.conf"
        self.conf.write_text(f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.order = self.folder / "order"
        self.env = {"SOFTHSM2_CONF": str(self.conf), "KC_TOKEN_SHIM": str(self.order)}
        self.make(label)
        self.write_pin(PIN)

    def make(self, label):
        self.tool("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "8765432187654321")

    def tool(self, *command):
        return subprocess.run(command, env={**os.environ, **self.env}, check=True, capture_output=True, text=True).stdout

    def pkcs11_tool(self, *arguments):
        """As an operator with another program would."""
        return self.tool("pkcs11-tool", "--module", str(self.module), "--token-label", self.label, "--login", "--pin", PIN,
                         "--sensitive", *arguments)

    def write_pin(self, pin, mode=0o600):
        self.pin.write_text(pin + "\n")
        self.pin.chmod(mode)

    def fail(self, word):
        """How it fails from now on, as tests/unit/crypto/token_shim.c has it; "" for not at all."""
        self.order.write_text(word)

    @property
    def logins(self):
        path = Path(f"{self.order}.logins")
        return path.stat().st_size if path.exists() else 0

    @property
    def uri(self):
        return f"pkcs11:token={self.label}?module-path={self.module}&pin-source=file:{self.pin}"

    def key(self, name):
        """The URI of a key in it."""
        return self.uri.replace("?", f";object={name}?")

    def close(self):
        shutil.rmtree(self.folder)
