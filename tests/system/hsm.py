"""A PKCS#11 token for tests: SoftHSM in a folder of its own. Its programs find it by SOFTHSM2_CONF."""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "473829"


class Token:
    """The folder is short and apart from the tests' own: a configuration's line has to hold its path."""

    def __init__(self, label="kc", module=MODULE):
        self.folder = Path(tempfile.mkdtemp(prefix="kt"))
        self.label, self.module, self.pin = label, module, self.folder / "pin"
        self.tokens = self.folder / "tokens"
        self.tokens.mkdir()
        self.conf = self.folder / "softhsm2.conf"
        self.conf.write_text(f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.env = {"SOFTHSM2_CONF": str(self.conf)}
        self.make(label)
        self.write_pin(PIN)

    def make(self, label):
        self.tool("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "8765432187654321")

    def tool(self, *command):
        return subprocess.run(command, env={**os.environ, **self.env}, check=True, capture_output=True, text=True).stdout

    def write_pin(self, pin, mode=0o600):
        self.pin.write_text(pin + "\n")
        self.pin.chmod(mode)

    @property
    def uri(self):
        return f"pkcs11:token={self.label}?module-path={self.module}&pin-source=file:{self.pin}"

    def key(self, name):
        """The URI of a key in it."""
        return self.uri.replace("?", f";object={name}?")

    def close(self):
        shutil.rmtree(self.folder)
