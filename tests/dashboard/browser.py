"""A headless Chromium, driven by chromedriver over the WebDriver protocol."""

import base64
import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import time

from connection import PATIENCE

MISSING = next((f"{name} is not installed: scripts/install-deps.sh browser" for name in ("chromium", "chromedriver") if shutil.which(name) is None), None)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One window. As a context it is closed at the end."""

    def __init__(self, width=1280, height=900, dark=False):
        self._profile = tempfile.TemporaryDirectory(prefix="gatherd-browser-", ignore_cleanup_errors=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._driver = subprocess.Popen([shutil.which("chromedriver"), f"--port={self._port}"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self._session = ""
        try:
            self._wait_for_driver()
            flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
                     "--disable-component-update", "--force-device-scale-factor=1", f"--window-size={width},{height}", f"--user-data-dir={self._profile.name}"]
            made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {
                "goog:chromeOptions": {"args": flags, "binary": shutil.which("chromium")},
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
            self._session = "/session/" + made["sessionId"]
            self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
            self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        except BaseException:
            self.close()
            raise

    def _wait_for_driver(self):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                if self._ask("GET", "/status")["ready"]:
                    return
            except OSError:
                if time.monotonic() > end or self._driver.poll() is not None:
                    raise
            time.sleep(0.05)

    def _ask(self, method, path, body=None):
        client = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        try:
            client.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            told = json.loads(client.getresponse().read())["value"]
        finally:
            client.close()
        if isinstance(told, dict) and "error" in told:
            raise AssertionError(f"the browser: {told['error']}: {told['message']}")
        return told

    def _do(self, method, path, body=None):
        return self._ask(method, self._session + path, body)

    def devtools(self, command, **params):
        return self._do("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def open(self, url):
        self._do("POST", "/url", {"url": url})

    def run(self, script, *args):
        """What the script returns."""
        return self._do("POST", "/execute/sync", {"script": script, "args": list(args)})

    def wait_until(self, script, *args):
        """Until the script returns something true; gives it."""
        end = time.monotonic() + PATIENCE
        while not (told := self.run(script, *args)):
            if time.monotonic() > end:
                raise AssertionError(f"the page never came to: {script}\n{self.text('body')}")
            time.sleep(0.02)
        return told

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def wait_for_text(self, selector, text):
        return self.wait_until("return document.querySelector(arguments[0])?.innerText.includes(arguments[1])", selector, text)

    def _find(self, selector):
        return self._do("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        self._do("POST", f"/element/{self._find(selector)}/click", {})

    def type(self, selector, text):
        """Keys: as WebDriver has them, \\ue007 is Enter, \\ue015 the arrow down."""
        self._do("POST", f"/element/{self._find(selector)}/value", {"text": text})

    def screenshot(self):
        return base64.b64decode(self._do("GET", "/screenshot"))

    def errors(self):
        """What the console has shown of errors and warnings since it was asked last."""
        return [each["message"] for each in self._do("POST", "/se/log", {"type": "browser"}) if each["level"] in ("SEVERE", "WARNING")]

    def requested(self):
        """The URLs that the page has asked for since this was asked last."""
        messages = [json.loads(each["message"])["message"] for each in self._do("POST", "/se/log", {"type": "performance"})]
        return [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]

    def close(self):
        try:
            if self._session:
                self._do("DELETE", "")
        finally:
            self._driver.terminate()
            self._driver.wait(PATIENCE)
            self._profile.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
