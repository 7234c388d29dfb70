"""Open a page in headless Chromium and say in JSON what it makes of it.

Run by any Python: ``python chromium_check.py CHROMIUM PAGE OUTPUT_FOLDER``. The browser is spoken
to by its own protocol over two pipes, so that nothing else need be installed. Pictures of the page
at each width are left in the folder.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

#: Widths of a desk's and of a small phone's screen, and what it prefers.
VIEWS = {
    "desk": (1200, 900, "light"),
    "desk_dark": (1200, 900, "dark"),
    "phone": (360, 740, "light"),
    "phone_dark": (360, 740, "dark"),
}
#: Taller pages are cut off in pictures.
TALLEST_PX = 15000
#: What a browser reports when the page is at fault.
COMPLAINTS = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")

OVERFLOW = """
(() => {
  const wide = document.documentElement.clientWidth;
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.getBoundingClientRect().right > wide + 1
                   && !e.closest(".scroll, nav, pre, .skip"))
    .map((e) => `${e.tagName}.${e.className}`).slice(0, 5);
})()
"""
#: By keyboard alone: the stops that Tab comes by, and whether one sees where one is.
STOPS = """
(() => {
  const e = document.activeElement, style = getComputedStyle(e);
  return [e.tagName, e.type || "", style.outlineStyle !== "none" && style.outlineWidth !== "0px"];
})()
"""

#: Where the first pair of maps is parted.
DIVIDER = "getComputedStyle(document.querySelector('.stage')).getPropertyValue('--cut')"


class Browser:
    """A Chromium that was started for one page."""

    def __init__(self, program: str, folder: str) -> None:
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        # the browser reads its file descriptor 3 and writes 4
        shell = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        options = ["--headless=new", "--remote-debugging-pipe", f"--user-data-dir={folder}"]
        quiet = ["--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--mute-audio"]
        self.process = subprocess.Popen(
            ["bash", "-c", shell, program, *options, *quiet, *sandbox, "about:blank"],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._number, self._rest = 0, b""
        self.session = ""
        self.events: list[dict[str, Any]] = []

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the browser's answer; what happens meanwhile is kept in ``events``."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def wait(self, method: str) -> None:
        """Wait for an event; earlier ones count."""
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._next())

    def value(self, script: str) -> Any:
        """Return what a script says."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        return found["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            self.ask(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code
            )

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            data = os.read(self._from, 1 << 20)
            if not data:
                raise RuntimeError("the browser is gone")
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


def look(browser: Browser, page: Path, name: str, folder: Path) -> dict[str, Any]:
    """Load the page at a width and return what is there; leave a picture."""
    width, height, colours = VIEWS[name]
    browser.events.clear()
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.ask("Emulation.setDeviceMetricsOverride", **size)
    preferred = [{"name": "prefers-color-scheme", "value": colours}]
    browser.ask("Emulation.setEmulatedMedia", features=preferred)
    browser.ask("Page.navigate", url=page.resolve().as_uri())
    browser.wait("Page.loadEventFired")
    # pictures of what lies below the screen are decoded when asked for
    browser.ask(
        "Runtime.evaluate",
        expression="Promise.all([...document.images].map((i) => i.decode()))",
        awaitPromise=True,
    )
    events = list(browser.events)
    tall = min(int(browser.value("document.documentElement.scrollHeight")), TALLEST_PX)
    facts = {
        "complaints": [e["params"] for e in events if e.get("method") in COMPLAINTS],
        "requests": [
            url
            for e in events
            if e.get("method") == "Network.requestWillBeSent"
            and not (url := e["params"]["request"]["url"]).startswith(("data:", "file:"))
        ],
        "overflow": browser.value(OVERFLOW),
        "scroll_width": browser.value("document.documentElement.scrollWidth"),
        "pictures": browser.value(
            "[...document.images].every((i) => i.complete && i.naturalWidth > 0)"
        ),
        "images": browser.value("document.images.length"),
    }
    clip = {"x": 0, "y": 0, "width": width, "height": tall, "scale": 1}
    shot = browser.ask("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
    (folder / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))
    return facts


def by_keyboard(browser: Browser) -> dict[str, Any]:
    """Tab through the page, and move the first divider with the arrow keys."""
    stops = []
    for _ in range(60):
        browser.press("Tab", 9)
        stops.append(browser.value(STOPS))
        if stops[-1][:2] == ["INPUT", "range"]:
            break
    before = browser.value(
        "getComputedStyle(document.querySelector('.stage')).getPropertyValue('--cut')"
    )
    for _ in range(5):
        browser.press("ArrowLeft", 37)
    after = browser.value(
        "getComputedStyle(document.querySelector('.stage')).getPropertyValue('--cut')"
    )
    return {"stops": stops, "before": before, "after": after}


def main() -> None:
    """Print what the browser makes of the page."""
    program, page, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as own:
        browser = Browser(program, own)
        try:
            targets = browser.ask("Target.getTargets")["targetInfos"]
            target = next(each["targetId"] for each in targets if each["type"] == "page")
            attached = browser.ask("Target.attachToTarget", targetId=target, flatten=True)
            browser.session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                browser.ask(f"{domain}.enable")
            found = {name: look(browser, page, name, folder) for name in VIEWS}
            look(browser, page, "desk", folder)
            found["keyboard"] = by_keyboard(browser)
            paper = browser.ask("Page.printToPDF", printBackground=True)
            (folder / "paper.pdf").write_bytes(base64.b64decode(paper["data"]))
        finally:
            browser.process.terminate()
            browser.process.wait(timeout=30)
    sys.stdout.write(json.dumps(found))


main()
