#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""./run --shell, typed at by a pseudo-terminal: editing, ^C, ^D, ^Z, vi, and the end. tests/boot/shell.py

Every step waits for the text that it must bring, at most so many seconds; one line of result each.
"""
import os
import pty
import re
import select
import sys
import time

LIMIT = float(os.environ.get("SHELL_LIMIT", "60"))
PROMPT = rb"quire:[^\r\n]*# "


class Terminal:
    def __init__(self, command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", LANG="C", NO_COLOR="1")
            os.execvp(command[0], command)
        self.seen = b""

    def read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return None
        if not data:
            return None
        self.seen = re.sub(rb"\r+\n", b"\n", self.seen + data)
        sys.stderr.buffer.write(data)
        return True

    def expect(self, pattern):
        """The text up to the pattern, which is taken from what was seen. None: it did not come."""
        end = time.monotonic() + LIMIT
        while True:
            m = re.search(pattern, self.seen)
            if m:
                text = self.seen[:m.end()]
                self.seen = self.seen[m.end():]
                return text
            left = end - time.monotonic()
            if left <= 0 or self.read(left) is None:
                return None

    def type(self, text):
        os.write(self.fd, text)

    def wait(self):
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            if self.read(0.2) is None:
                break
        for _ in range(int(LIMIT * 10)):
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.1)
        os.kill(self.pid, 9)
        return None


def main():
    t = Terminal(["./run", "--shell"] + sys.argv[1:])
    failed = 0

    def step(name, ok):
        nonlocal failed
        failed += not ok
        print(("ok   " if ok else "FAIL ") + name, flush=True)
        return ok

    def line(text, pattern, name):
        t.type(text)
        got = t.expect(pattern)
        step(name, got is not None and t.expect(PROMPT) is not None)

    if step("a prompt", t.expect(PROMPT) is not None):
        line(b"echo $((6*7))\r", rb"\n42\n", "a command and its output")
        line(b"echo worx\x7fld\r", rb"\nworld\n", "erasing")
        # What is typed ahead of a program is the shell's: each waits until it is there.
        t.type(b"sh -c 'echo started; cat'\r")
        t.expect(rb"\nstarted\n")
        line(b"typxx\x7f\x7fed\r\x04", rb"ed\ntyped\n", "cat repeats an edited line, and ^D ends it")
        t.type(b"sh -c 'echo started; sleep 1000; echo no'\r")
        t.expect(rb"\nstarted\n")
        t.type(b"\x03")
        step("^C ends what runs in the foreground", t.expect(rb"\^C") is not None and t.expect(PROMPT) is not None)
        t.type(b"sh -c 'echo started; exec sleep 1000'\r")
        t.expect(rb"\nstarted\n")
        t.type(b"\x1a")
        step("^Z stops it", t.expect(rb"Stopped") is not None and t.expect(PROMPT) is not None)
        line(b"jobs; kill -9 %1; wait; echo gone\r", rb"Stopped(.|\r|\n)*\ngone\n", "jobs, kill")
        line(b"stty -a\r", rb"speed 38400 baud(.|\n)*icanon", "stty")
        t.type(b"vi /tmp/text\r")
        step("vi draws", t.expect(rb"/tmp/text") is not None and t.expect(rb"~") is not None)
        t.type(b"iwritten with vi\x1b")
        t.expect(rb"- /tmp/text \[Modified\]")
        t.type(b":wq\r")
        t.expect(PROMPT)
        line(b"cat /tmp/text\r", rb"\nwritten with vi\n", "vi writes")
        line(b"tty; ps | grep -c sh\r", rb"/dev/console\n\d", "tty, ps")
        line(b"cd /sys/kernel/mm/cma; echo *; grep . */alloc_pages_fail; cd\r", rb"\nreserved\n0\n",
             "the counters of a CMA area")
        t.type(b"exit\r")
        code = t.wait()
        step("exit ends the machine with 0", code == 0)
    else:
        os.kill(t.pid, 15)
    print("shell: %d failed" % failed)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
