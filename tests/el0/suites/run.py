#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs at EL0 judged: packs a list of them into an initramfs, runs them on QEMU, prints a table of verdicts.

    tests/el0/suites/run.py [--dir build/suites] [--image IMAGE | --linux] [--seconds N] [--expect FILE] [--only REGEX] LIST.tsv

A line of LIST.tsv is: name, suite, command, pattern that the output must match, Linux's verdict, Linux's passes; the last three may be
missing. init.c runs each for at most so many seconds. Where the kernel ends or says nothing any more, the program that ran has the
verdict CRASH or HANG, and QEMU starts again with those that are left.

With --expect: fails when a program that FILE lists does not get the verdict there, and names those that are better now.
"""
import argparse, os, queue, re, shutil, subprocess, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))


def read_list(path):
    tests = []
    for line in open(path, errors='replace'):
        f = line.rstrip('\n').split('\t')
        if len(f) < 3 or f[0] == 'name' or line.startswith('#'):
            continue
        f += [''] * (6 - len(f))
        tests.append(dict(name=f[0], suite=f[1], command=f[2], pattern=f[3], want=f[4] or '-', passes=f[5]))
    return tests


class Cpio:
    """The newc format, from files on the host."""

    def __init__(self):
        self.out, self.ino, self.seen = [], 1, set()

    def add(self, name, mode, data=b'', rdev=(0, 0)):
        if name in self.seen:
            return
        self.seen.add(name)
        parent = os.path.dirname(name)
        if parent and parent not in self.seen:
            self.add(parent, 0o40755)
        n = name.encode() + b'\0'
        self.ino += 1
        h = '070701' + ''.join('%08x' % v for v in (self.ino, mode, 0, 0, 1, 0, len(data), 0, 0, rdev[0], rdev[1], len(n), 0))
        b = h.encode() + n
        b += b'\0' * (-len(b) % 4) + data
        self.out.append(b + b'\0' * (-len(b) % 4))

    def file(self, name, path, mode=0o100755):
        self.add(name, mode, open(path, 'rb').read())

    def end(self):
        self.add('TRAILER!!!', 0)
        return b''.join(self.out)


def needed(path, libs, found):
    """The shared libraries of an ELF file and theirs; None when it has no interpreter."""
    head = open(path, 'rb').read(4)
    if head != b'\x7fELF':
        return
    text = subprocess.run([os.environ.get('CROSS', 'aarch64-linux-gnu-') + 'readelf', '-dW', path], capture_output=True, text=True).stdout
    for n in re.findall(r'\(NEEDED\).*\[(.*)\]', text):
        if n in found or not os.path.exists(f'{libs}/{n}'):
            continue
        found.add(n)
        needed(f'{libs}/{n}', libs, found)


def words(command):
    return set(re.findall(r'[\w.+-]+', command))


class Runner:
    def __init__(self, a, tests):
        self.a, self.tests = a, tests
        self.root = f'{a.dir}/root'
        self.out = a.out or f'{a.dir}/out{"-linux" if a.linux else ""}'
        self.libs = {}
        os.makedirs(self.out, exist_ok=True)

    def build_init(self):
        init = f'{self.a.dir}/init'
        src = f'{HERE}/init.c'
        cross = os.environ.get('CROSS', 'aarch64-linux-gnu-')
        subprocess.run([cross + 'gcc', '-O1', '-static', '-nostdlib', '-nostartfiles', '-ffreestanding', '-fno-stack-protector', '-fno-pie',
                        '-no-pie', '-Wall', '-Werror', '-o', init, src], check=True)
        return init

    def files_of(self, test):
        """Programs of root/ that a command names, and those that the programs themselves run."""
        w = words(test['command'])
        have = {f for f in w if os.path.isfile(f'{self.root}/{f}')}
        for f in list(have):
            # Programs that start a helper or read a file beside them.
            beside = {'mm_seal_elf': [], 'memfd_tests': [], 'exec_execveat': ['exec_execveat'],
                      'redis_save.sh': ['redis-server', 'redis-cli']}
            have.update(x for x in beside.get(f, []) if os.path.exists(f'{self.root}/{x}'))
        return have

    def missing(self, test):
        if test['command'].startswith('sh:'):
            gone = [w for w in re.findall(r'(?:^|[;|&\s])((?:lm_|mb_|mi_)\w+|sqlite3|lua|redis-\w+|memtester|stress-ng)\b', test['command'][3:])
                    if not os.path.exists(f'{self.root}/{w}')]
            if not os.path.exists(f'{self.root}/busybox'):
                gone.append('busybox')
        else:
            first = test['command'].split()[0]
            gone = [] if os.path.exists(f'{self.root}/{first}') or self.applet(first) else [first]
            if first == 'redis_save.sh' and not os.path.exists(f'{self.root}/redis-server'):
                gone.append('redis-server')
        return gone

    def applet(self, name):
        if not hasattr(self, 'applets'):
            path = f'{self.root}/busybox'
            self.applets = set()
            if os.path.exists(path):
                # busybox knows its names; its table is in its data, names ended by zeros, between the first and the last.
                data = open(path, 'rb').read()
                at = data.find(b'[\0[[\0')
                for n in data[at:at + 8192].split(b'\0') if at >= 0 else []:
                    if not n or not re.fullmatch(rb'[\w\[.-]+', n):
                        break
                    self.applets.add(n.decode())
        return name in self.applets

    def pack(self, tests):
        c = Cpio()
        c.file('init', self.build_init())
        for d in ('dev', 'proc', 'sys', 'tmp', 'bin', 'sbin', 'etc', 'lib', 'suite', 'root', 'mnt', 'run', 'var', 'dev/shm'):
            c.add(d, 0o41777 if d == 'tmp' else 0o40755)
        for name, dev in (('console', (5, 1)), ('null', (1, 3)), ('zero', (1, 5)), ('tty', (5, 0))):
            c.add('dev/' + name, 0o20666, rdev=dev)
        c.add('etc/passwd', 0o100644, b'root:x:0:0:root:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n')
        c.add('etc/group', 0o100644, b'root:x:0:\nnogroup:x:65534:\n')
        self.applet('')
        if self.applets:
            c.file('bin/busybox', f'{self.root}/busybox')
            for n in sorted(self.applets):
                c.add('bin/' + n, 0o120777, b'busybox')
        files, libs = set(), set()
        for t in tests:
            files |= self.files_of(t)
        for f in sorted(files):
            c.file('suite/' + f, f'{self.root}/{f}', 0o100755)
            needed(f'{self.root}/{f}', f'{self.a.dir}/lib', libs)
        for n in sorted(libs):
            c.file('lib/' + n, f'{self.a.dir}/lib/{n}')
        if libs:
            c.file('lib/ld-linux-aarch64.so.1', f'{self.a.dir}/lib/ld-linux-aarch64.so.1')
        c.add('suite/list', 0o100644, ''.join(f'{t["name"]}\t{self.limit(t)}\t{t["command"]}\n' for t in tests).encode())
        path = f'{self.out}/initramfs.cpio'
        with open(path, 'wb') as f:
            f.write(c.end())
        return path

    def limit(self, test):
        return self.a.seconds

    def command(self, initrd):
        a = self.a
        if a.linux:
            kernel, append = f'{a.dir}/linux-image', 'console=ttyAMA0 panic=-1 quiet loglevel=1'
        else:
            kernel, append = a.image, 'earlycon=pl011,0x9000000 quire.semihosting quire.init quire.summary=0 ' + a.append
        return ['qemu-system-aarch64', '-M', 'virt,gic-version=3', '-cpu', a.cpu, '-m', a.memory, '-smp', str(a.cpus), '-nographic', '-no-reboot',
                '-nodefaults', '-serial', 'stdio', '-semihosting-config', 'enable=on,target=native', '-kernel', kernel, '-initrd', initrd,
                '-append', append]

    def boot(self, tests, results):
        """Runs tests until the list or the kernel ends. Returns those that have not run."""
        initrd = self.pack(tests)
        p = subprocess.Popen(self.command(initrd), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lines = queue.Queue()

        def reader():
            for raw in p.stdout:
                lines.put(raw.decode(errors='replace').replace('\r', ''))
            lines.put(None)

        threading.Thread(target=reader, daemon=True).start()
        byname = {t['name']: t for t in tests}
        current, text, log, started = None, [], [], False
        deadline = time.time() + 120

        def finish(verdict, ms=0):
            nonlocal current
            results[current['name']] = dict(verdict=verdict, passes=passes(text), ms=ms)
            with open(f'{self.out}/{current["name"]}.log', 'w') as f:
                f.writelines(text)
            self.say(current, results[current['name']])
            current = None

        while True:
            try:
                line = lines.get(timeout=max(0.1, deadline - time.time()))
            except queue.Empty:
                p.kill()
                p.wait()
                if current:
                    text.append('(the kernel says nothing any more)\n')
                    finish('HANG')
                elif not started:
                    print('the kernel does not get as far as the first program:\n' + ''.join(log[-15:]))
                    return None
                break
            if line is None:
                p.wait()
                if current:
                    finish('CRASH')
                elif not started:
                    print('the kernel ended before the first program:\n' + ''.join(log[-15:]))
                    return None
                break
            log.append(line)
            m = re.search(r'@@(begin|end|start|done)\b ?(.*)$', line.rstrip('\n'))
            if m and m.group(1) == 'start':
                started = True
            elif m and m.group(1) == 'begin' and m.group(2) in byname:
                started = True
                current, text = byname[m.group(2)], []
                deadline = time.time() + self.limit(current) * 1.5 + 30
            elif m and m.group(1) == 'end' and current:
                name, kind, n, ms = m.group(2).split()
                finish(self.verdict(current, text, kind, int(n)), int(ms))
                deadline = time.time() + 60
            elif m and m.group(1) == 'done':
                deadline = time.time() + 20
            elif current:
                text.append(line)
                # A program that prints for ever is ended by its limit, not by its silence; a kernel that has died says so.
                if sum(map(len, text[-2000:])) > 1 << 22:
                    text = text[-200:]
        with open(f'{self.out}/console.log', 'a') as f:
            f.writelines(log)
        return [t for t in tests if t['name'] not in results]

    def verdict(self, test, text, kind, n):
        out = ''.join(text)
        if kind == 'timeout':
            return 'TIMEOUT'
        if kind == 'signal':
            return f'SIGNAL {n}'
        if kind == 'fork':
            return 'NO FORK'
        if n == 4 and test['suite'] == 'selftests':
            return 'SKIP'
        if n:
            return f'FAIL {n}'
        if test['pattern'] and not re.search(test['pattern'], out):
            return 'FAIL output'
        return 'PASS'

    def say(self, t, r):
        print(f'{t["name"]:<36} {t["want"]:<8} {r["verdict"]:<12} {t["passes"]:>5} {r["passes"]:>5} {r["ms"] / 1000:8.1f}', flush=True)


def passes(text):
    return sum(1 for line in text if '# SKIP' not in line and re.match(r'(\[\d+\] )?(\s*ok \d|\[(PASS|OK|RUN-OK)\]|\s*\[\s+OK\s+\])', line))


def main():
    p = argparse.ArgumentParser()
    p.add_argument('list', nargs='+')
    p.add_argument('--dir', default='build/suites')
    p.add_argument('--image', default='build/arm64/quire.img')
    p.add_argument('--linux', action='store_true')
    p.add_argument('--cpu', default='cortex-a72')
    p.add_argument('--cpus', type=int, default=2)
    p.add_argument('--memory', default='2G')
    p.add_argument('--append', default='')
    p.add_argument('--seconds', type=int, default=60)
    p.add_argument('--total', type=int, default=0, help='seconds for all: those that come later are not run')
    p.add_argument('--out', help='where logs go')
    p.add_argument('--only')
    p.add_argument('--expect')
    p.add_argument('--only-expected', action='store_true', help="only programs that --expect's file lists")
    p.add_argument('--table')
    a = p.parse_args()
    tests = [t for f in a.list for t in read_list(f)]
    expect = {}
    if a.expect:
        expect = dict(line.rstrip('\n').split('\t')[:2] for line in open(a.expect) if '\t' in line and line[0] != '#')
        if a.only_expected:
            tests = [t for t in tests if t['name'] in expect]
    if a.only:
        tests = [t for t in tests if re.search(a.only, t['name'])]
    r = Runner(a, tests)
    results = {}
    left = []
    for t in tests:
        gone = r.missing(t)
        if gone:
            results[t['name']] = dict(verdict='NOT BUILT', passes=0, ms=0)
        else:
            left.append(t)
    print(f'{"name":<36} {"Linux":<8} {"here":<12} {"Linux":>5} {"here":>5} {"seconds":>8}')
    open(f'{r.out}/console.log', 'w').close()
    end = time.time() + a.total if a.total else None
    while left and (not end or time.time() < end):
        left = r.boot(left, results)
        if left is None:
            return 1
    # A machine that is busy with other things makes programs late: what was not as expected has a second try, and it is said.
    again = [t for t in tests if t['name'] in expect and results.get(t['name'], {}).get('verdict') not in
             (expect[t['name']], 'NOT BUILT', 'CRASH', 'HANG', None)]
    if again and (not end or time.time() < end):
        print('again: ' + ' '.join(t['name'] for t in again))
        for t in again:
            del results[t['name']]
        while again and (not end or time.time() < end):
            again = r.boot(again, results)
            if again is None:
                return 1
    table = [(t, results.get(t['name'], dict(verdict='NOT RUN', passes=0, ms=0))) for t in tests]
    for t, v in table:
        if v['verdict'] in ('NOT BUILT', 'NOT RUN'):
            r.say(t, v)
    if a.table:
        with open(a.table, 'w') as f:
            f.write('name\tLinux\there\tLinux passes\tpasses here\n')
            for t, v in table:
                f.write(f'{t["name"]}\t{t["want"]}\t{v["verdict"]}\t{t["passes"]}\t{v["passes"]}\n')
    agree = [t for t, v in table if v['verdict'] == t['want']]
    absent = [t for t, v in table if v['verdict'] == 'NOT BUILT']
    print(f'{len(agree)} of {len(table)} agree with Linux, {len(absent)} not built')
    if not a.expect:
        return 0
    bad = skipped = good = 0
    for t, v in table:
        if t['name'] in expect:
            if v['verdict'] in ('NOT BUILT', 'NOT RUN'):
                skipped += 1
            elif v['verdict'] == expect[t['name']]:
                good += 1
            else:
                bad += 1
                print(f'FAIL {t["name"]}: {v["verdict"]}, and {expect[t["name"]]} is expected ({r.out}/{t["name"]}.log)')
        elif v['verdict'] == t['want']:
            print(f'better: {t["name"]} agrees with Linux now, add it to {a.expect}')
    print(f'suites: {good} passed, {bad} failed' + (f', {skipped} skipped' if skipped else ''))
    return bad != 0


if __name__ == '__main__':
    sys.exit(main())
