"""A daemon that lets in who shows a token, behind TLS and on a Unix socket."""

import hashlib
import json
import subprocess

from daemon import Daemon

SECRET = "a token"


class Guarded(Daemon):
    """Its addresses, token and certificate are in `environment`, as the tests of clients in other languages need them."""

    def __init__(self, folder):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                        "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
        tokens = [{"name": "me", "sha256": hashlib.sha256(SECRET.encode()).hexdigest(), "rights": ["submit"]}]
        (folder / "config.json").write_text(json.dumps({"auth": {"tokens": tokens}}))
        local = f"unix:{folder}/g.sock"
        super().__init__("--config", str(folder / "config.json"), "--tls.certificate", str(folder / "cert.pem"), "--tls.key", str(folder / "key.pem"),
                         listen=f"tls:127.0.0.1:0,{local}")
        tls = self.port_file.read_text().splitlines()[0].replace("tls:", "")
        self.environment = {"UNIX_ADDRESS": local, "TLS_ADDRESS": f"tls:{tls}", "TOKEN": SECRET, "CA_FILE": str(folder / "cert.pem")}
