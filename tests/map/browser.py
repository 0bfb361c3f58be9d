# SPDX-License-Identifier: MIT
"""A headless Chromium with a report in it: what tests/map and tools/screenshots share."""
import json
import os
import tempfile
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

NAMES = {"left": Keys.ARROW_LEFT, "right": Keys.ARROW_RIGHT, "up": Keys.ARROW_UP, "down": Keys.ARROW_DOWN, "home": Keys.HOME,
         "end": Keys.END, "enter": Keys.ENTER, "escape": Keys.ESCAPE, "space": " "}


class Browser:
    def __init__(self, width=1280, height=800):
        options = webdriver.ChromeOptions()
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
                         "--window-size=%d,%d" % (width, height), "--user-data-dir=" + self.profile.name):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_script_timeout(30)
        self.media(False)
        self.size(width, height)

    def close(self):
        self.driver.quit()
        self.profile.cleanup()

    def size(self, width, height, scale=1):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False})

    def media(self, dark):
        """Moves are made at once, so that nothing has to be waited for."""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}, {"name": "prefers-reduced-motion", "value": "reduce"}]})

    def open(self, path):
        self.driver.get("file://" + os.path.abspath(path))
        self.until("window.quire !== undefined")

    def js(self, text, *args):
        return self.driver.execute_script("return " + text, *args)

    def until(self, text, seconds=20):
        """The page gets to that by itself: it is asked until it has."""
        end = time.monotonic() + seconds
        while not self.js(text):
            if time.monotonic() > end:
                raise AssertionError("never: " + text)
            time.sleep(0.02)

    def find(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def click(self, css):
        e = self.find(css)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", e)
        e.click()

    def text(self, css):
        return self.find(css).text

    def keys(self, *names, on="body"):
        e = self.find(on)
        for name in names:
            e.send_keys(*[NAMES.get(name, name)])

    def shot(self, path):
        self.driver.save_screenshot(path)

    def requests(self):
        """Addresses that were asked for, the page's own file and the browser's first page aside."""
        out = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                out.append(message["params"]["request"]["url"])
        return [u for u in out if not u.startswith(("file://", "data:", "chrome://"))]

    def errors(self):
        return [e["message"] for e in self.driver.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]
