#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every example of docs/checks.md is what it says: compiled, the finding is in the first tree and not in the corrected one.

Also: --list and the document name the same checks, with the same severities, and the SARIF of each example has what the schema of
version 2.1.0 requires.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECTION = re.compile(r"^### (?P<id>[a-z-]+)\n(?P<text>.*?)(?=^##|\Z)", re.M | re.S)
BLOCK = re.compile(r"```dts\n(.*?)```", re.S)


def sarif_errors(doc, want):
    """What the SARIF 2.1.0 schema requires of the objects that are in it, and that rules and results fit each other."""
    bad = []

    def need(obj, what, **kinds):
        if not isinstance(obj, dict):
            bad.append("%s is no object" % what)
            return {}
        for key, kind in kinds.items():
            if not isinstance(obj.get(key), kind):
                bad.append("%s.%s is no %s" % (what, key, kind.__name__))
        return obj
    need(doc, "log", version=str, runs=list)
    if doc.get("version") != "2.1.0":
        bad.append("version")
    for run in doc.get("runs", []):
        need(run, "run", tool=dict, results=list)
        driver = need(run["tool"].get("driver"), "driver", name=str, rules=list)
        rules = driver.get("rules", [])
        for rule in rules:
            need(rule, "rule", id=str, shortDescription=dict, defaultConfiguration=dict)
            need(rule["shortDescription"], "shortDescription", text=str)
        if len({r["id"] for r in rules}) != len(rules):
            bad.append("two rules of one id")
        for r in run["results"]:
            need(r, "result", message=dict, ruleId=str, ruleIndex=int, level=str, locations=list)
            need(r["message"], "message", text=str)
            if r["level"] not in ("none", "note", "warning", "error"):
                bad.append("level " + r["level"])
            if rules[r["ruleIndex"]]["id"] != r["ruleId"]:
                bad.append("ruleIndex of " + r["ruleId"])
            for place in r["locations"]:
                physical = need(place.get("physicalLocation"), "physicalLocation", artifactLocation=dict)
                uri = need(physical["artifactLocation"], "artifactLocation", uri=str)["uri"]
                if not re.fullmatch(r"[A-Za-z0-9._~:/%-]+", uri):
                    bad.append("uri " + uri)
                region = physical.get("region")
                if region is not None and not (region["byteOffset"] >= 0 and region["byteLength"] >= 0):
                    bad.append("region")
                for logical in place.get("logicalLocations", []):
                    need(logical, "logicalLocation", fullyQualifiedName=str)
        if want not in {r["ruleId"] for r in run["results"]}:
            bad.append("no result of " + want)
    return bad


class Suite:
    def __init__(self, quire, work):
        self.quire, self.work = quire, work
        self.passed, self.failed = 0, 0

    def verdict(self, name, problem):
        if problem:
            self.failed += 1
            print("FAIL %s: %s" % (name, problem))
        else:
            self.passed += 1
            print("ok   %s" % name)

    def run(self, *argv):
        return subprocess.run([self.quire, "check", *argv], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def compile(self, name, source):
        path = os.path.join(self.work, name + ".dtb")
        p = subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", path, "-"], input=source.encode(), capture_output=True, cwd=self.work)
        return path if p.returncode == 0 else None

    def found(self, path, options):
        p = self.run(path, "--json", *options)
        if p.returncode not in (0, 1):
            return None, "exit %d: %s" % (p.returncode, p.stderr.decode().strip())
        findings = json.loads(p.stdout)["boards"][0]["findings"]
        if p.returncode != bool(findings):
            return None, "exit %d with %d findings" % (p.returncode, len(findings))
        return findings, None

    def example(self, name, text, severity):
        trees = BLOCK.findall(text)
        m = re.search(r"^Options: `(.*?)`(?:; corrected: `(.*?)`)?$", text, re.M)
        options = [(m[1] if m else "").split(), ((m[2] or m[1]) if m else "").split()]
        if len(trees) != 2:
            return "%d trees instead of 2" % len(trees)
        for i, tree in enumerate(trees):
            path = self.compile("%s-%d" % (name, i), tree)
            if not path:
                return "dtc does not compile tree %d" % i
            findings, why = self.found(path, options[i])
            if why:
                return why
            mine = [f for f in findings if f["check"] == name]
            if i == 0:
                if not mine:
                    return "not found; found: " + ", ".join(f["check"] for f in findings)
                for key in ("path", "message", "effect", "fix"):
                    if not mine[0][key]:
                        return "the finding has no " + key
                if mine[0]["severity"] != severity:
                    return "severity " + mine[0]["severity"]
                bad = sarif_errors(json.loads(self.run(path, "--sarif", *options[i]).stdout), name)
                if bad:
                    return "SARIF: " + "; ".join(bad)
                if self.run(path, "--disable", name, "--severity", severity, "--only", name, *options[i]).returncode != 0:
                    return "--disable does not silence it"
            elif mine:
                return "still there in the corrected tree: " + mine[0]["message"]
            elif any(f["severity"] == "error" for f in findings):
                return "the corrected tree has " + ", ".join(f["check"] for f in findings)
        return None


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--quire", default=os.path.join(ROOT, "build", "quire"))
    ap.add_argument("names", nargs="*")
    args = ap.parse_args()
    with open(os.path.join(ROOT, "docs", "checks.md")) as f:
        document = f.read()
    with tempfile.TemporaryDirectory() as work:
        s = Suite(os.path.abspath(args.quire), work)
        with open(os.path.join(work, "zeros.bin"), "wb") as f:
            f.write(bytes(3 << 20))
        listed = dict(line.split()[:2] for line in s.run("--list").stdout.decode().splitlines())
        sections = {m["id"]: m["text"] for m in SECTION.finditer(document)}
        s.verdict("the list and the document have the same checks", ", ".join(sorted(set(listed) ^ set(sections))))
        rows = dict(re.findall(r"^\| \[([a-z-]+)\]\(#\1\) \| (\w+) \|", document, re.M))
        s.verdict("the document's table is the list", ", ".join(k for k in listed if rows.get(k) != listed[k]))
        for name in args.names or listed:
            s.verdict(name, s.example(name, sections.get(name, ""), listed[name]))
    print("examples: %d passed, %d failed" % (s.passed, s.failed))
    sys.exit(s.failed != 0 or not s.passed)


if __name__ == "__main__":
    main()
