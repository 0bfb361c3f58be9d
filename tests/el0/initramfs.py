#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Initial RAM disks of many shapes, and what the first program finds of them.

  initramfs.py BUILD PROGRAM          PROGRAM: tests/el0/listing.c, built static
  LINUX=Image initramfs.py ...        the same of a Linux kernel: what is refused here is left out

What is expected follows from what was packed. Ends with "initramfs: N passed, N failed".
"""
import gzip
import os
import stat
import subprocess
import sys
import zlib

build, program = sys.argv[1:3]
linux = os.environ.get('LINUX')
out = os.path.join(build, 'tests/el0/initramfs')
os.makedirs(out, exist_ok=True)
init = open(program, 'rb').read()
passed = failed = 0


def entry(name, mode, data=b'', ino=0, nlink=1, uid=0, gid=0, mtime=1000000000, major=0, rdev=(0, 0), magic=b'070701'):
    if not ino:
        entry.ino += 1
        ino = entry.ino
    raw = name.encode() + b'\0'
    fields = (ino, mode, uid, gid, nlink, mtime, len(data), major, 0, rdev[0], rdev[1], len(raw), 0)
    head = magic + b''.join(b'%08X' % f for f in fields) + raw
    head += b'\0' * (-len(head) % 4)
    return head + data + b'\0' * (-len(data) % 4)


entry.ino = 1 << 20
FILE, DIR, LINK, FIFO, CHAR = stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR
TRAILER = entry('TRAILER!!!', 0)


def archive(*entries, pad=512):
    data = b''.join(entries) + TRAILER
    return data + b'\0' * (-len(data) % pad)


def sum64(data):
    h = 14695981039346656037
    for b in data:
        h = (h ^ b) * 1099511628211 & (1 << 64) - 1
    return h


def line(name, mode, data, uid=0, gid=0, nlink=1, mtime=1000000000):
    return 'file /%s %o %d:%d %d %d %x %d' % (name, mode, uid, gid, nlink, len(data), sum64(data), mtime)


def boot(name, initrd, words):
    path = os.path.join(out, name.replace(' ', '-') + '.cpio')
    open(path, 'wb').write(initrd)
    command = ['qemu-system-aarch64', '-M', 'virt', '-cpu', 'cortex-a72', '-m', '512M', '-nographic', '-no-reboot', '-nodefaults',
               '-serial', 'stdio', '-semihosting-config', 'enable=on,target=native', '-kernel', linux or build + '/arm64/quire.img',
               '-initrd', path, '-append', ('console=ttyAMA0 quiet panic=-1 ' if linux else
                                            'earlycon=pl011,0x9000000 quire.semihosting quire.summary=0 ') + words]
    try:
        run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        log, code = run.stdout.decode(errors='replace'), run.returncode
    except subprocess.TimeoutExpired as e:
        log, code = (e.stdout or b'').decode(errors='replace'), -1
    open(path[:-5] + '.log', 'w').write(log)
    return log.replace('\r', ''), code


def check(name, good, log):
    global passed, failed
    if good:
        passed += 1
        print('ok', name)
    else:
        failed += 1
        print('FAIL', name)
        print('\n'.join('  ' + s for s in log.splitlines()[-12:]))


def finds(name, initrd, want, words='', without=()):
    """The program runs, and its lines are all there; none begins with one of `without`."""
    log, code = boot(name, initrd, words)
    lines = log.splitlines()
    missing = [w for w in want if w not in lines]
    found = [s for s in lines for w in without if s.startswith(w)]
    good = 'listing: done' in lines and not missing and not found and (linux or code == 0)
    check(name, good, log if 'listing: done' not in lines else '\n'.join(['not there: ' + m for m in missing] + ['there: ' + f for f in found]) +
          '\nexit code %d' % code)
    return log


def refused(name, initrd, said, words=''):
    if linux:
        return
    log, code = boot(name, initrd, words)
    check(name, code == 1 and said in log and 'Kernel panic' not in log and 'listing: done' not in log, log)


first = entry('init', FILE | 0o755, init)
text = bytes(range(256)) * 700
some = [entry('d', DIR | 0o750, uid=3, gid=4), entry('d/text', FILE | 0o640, text, uid=1, gid=2, mtime=1234567890), entry('d/empty', FILE | 0o600),
        entry('d/l', LINK | 0o777, b'../d/text'), entry('d/fifo', FIFO | 0o622), entry('d/null', CHAR | 0o666, rdev=(1, 3))]
some_lines = [line('d/text', FILE | 0o640, text, 1, 2, 1, 1234567890), line('d/empty', FILE | 0o600, b''), 'link /d/l ../d/text',
              'node /d %o 3:4 0' % (DIR | 0o750), 'node /d/fifo %o 0:0 0' % (FIFO | 0o622), 'node /d/null %o 0:0 103' % (CHAR | 0o666)]

finds('plain', archive(first, *some), some_lines + ['argument /init', 'environment HOME=/', 'environment TERM=linux'])
log = finds('gzip', gzip.compress(archive(first, *some), 9), some_lines)
if not linux:
    check('its memory is given back', 'Freeing initrd memory: ' in log, log)
    log, code = boot('kept', archive(first), 'retain_initrd')
    check('retain_initrd keeps it', code == 0 and 'listing: done' in log and 'Freeing initrd' not in log, log)

# As an early archive with something for the kernel alone, and the rest behind it.
early = archive(entry('early', FILE | 0o644, b'for the kernel'))
finds('plain and gzip', early + gzip.compress(archive(first, *some)), some_lines + [line('early', FILE | 0o644, b'for the kernel')])
finds('two of gzip with zeros between', gzip.compress(archive(*some)) + b'\0' * 37 + gzip.compress(archive(first)), some_lines)

# The later one's files count: shorter, longer, of another kind, and a directory's mode.
over = [entry('d', DIR | 0o711), entry('d/text', FILE | 0o600, b'short'), entry('d/empty', FILE | 0o644, text), entry('d/l', FILE | 0o644, b'no link'),
        entry('d/fifo', LINK | 0o777, b'text')]
finds('one over the other', archive(first, *some) + archive(*over),
      [line('d/text', FILE | 0o600, b'short'), line('d/empty', FILE | 0o644, text), line('d/l', FILE | 0o644, b'no link'), 'link /d/fifo text',
       'node /d %o 0:0 0' % (DIR | 0o711)])

# Files with several names, as cpio writes them: the contents with the last; the same number on another device is another file.
many, want = [first], []
for i in range(300):
    data = b'%d ' % i * (i + 1)
    many += [entry('a%d' % i, FILE | 0o644, b'', ino=7 + i, nlink=3), entry('b%d' % i, FILE | 0o644, b'', ino=7 + i, nlink=3),
             entry('c%d' % i, FILE | 0o644, data, ino=7 + i, nlink=3)]
    want += [line('%s%d' % (c, i), FILE | 0o644, data, nlink=3) for c in 'abc']
other = [entry('e', FILE | 0o644, b'x', ino=7, nlink=2, major=9), entry('f', FILE | 0o644, b'x', ino=7, nlink=2, major=9)]
finds('hard links', gzip.compress(archive(*many, *other), 1), want + [line(c, FILE | 0o644, b'x', nlink=2) for c in 'ef'])
# Through a link in the place of a directory, and up again; a name with ".." is no file; in a directory with the sticky bit a link is replaced.
finds('links and ..', archive(first, entry('usr', DIR | 0o755), entry('usr/lib', DIR | 0o755), entry('lib', LINK | 0o777, b'usr/lib'),
                              entry('t', DIR | 0o1777), entry('t/x', LINK | 0o777, b'a'), entry('t/f', FILE | 0o644, b'a')) +
      archive(entry('lib/m', FILE | 0o644, b'through'), entry('t/x', LINK | 0o777, b'b'), entry('t/f', LINK | 0o777, b'c'), entry('t/../up', FILE | 0o644, b'up')),
      [line('usr/lib/m', FILE | 0o644, b'through'), 'link /t/x b', 'link /t/f c', 'link /lib usr/lib', line('up', FILE | 0o644, b'up')], '', ('link /lib/m',))
finds('names that are too long', archive(first, entry('n' * 300, FILE | 0o644, b'x'), entry('m' * 255, FILE | 0o644, b'x'), entry('p/' * 3000, FILE | 0o644, b'x')),
      [line('m' * 255, FILE | 0o644, b'x')])
# In the second archive the numbers mean other files.
finds('hard links in two archives', archive(first, entry('a', FILE | 0o644, b'one', ino=5, nlink=2)) + archive(entry('b', FILE | 0o644, b'two', ino=5, nlink=2)),
      [line('a', FILE | 0o644, b'one'), line('b', FILE | 0o644, b'two')])

# What the command line says to it.
second = entry('bin/second', FILE | 0o755, init)
both = archive(entry('bin', DIR | 0o755), second, first)
finds('rdinit and words', both, ['argument /bin/second', 'argument word', 'argument last', 'argument x=y', 'environment HOME=/', 'environment TERM=vt100',
                                 'environment NAME=a b'],
      'lost rdinit=/bin/second word NAME="a b" TERM=vt100 -- last x=y', ('argument lost', 'argument /init', 'environment TERM=linux', 'argument rdinit', 'argument --'))
finds('not asked for, and there', archive(first), ['argument /init'])
if not linux:
    log, code = boot('quire.init=0', archive(first), 'quire.init=0')
    check('quire.init=0 runs none', code == 0 and 'listing: done' not in log, log)
refused('rdinit that is not there', archive(first), '/bin/none cannot be run (-2)', 'rdinit=/bin/none')

# What is damaged is said, with the place.
packed = gzip.compress(archive(first, *some))
refused('a gzip stream that is cut', packed[:len(packed) // 2], 'it is cut')
refused('a gzip stream without its end', packed[:-8], 'it is cut')
refused('a wrong checksum', packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:], 'incorrect data check')
refused('a wrong length', packed[:-4] + bytes([packed[-4] ^ 1]) + packed[-3:], 'incorrect length check')
middle = len(packed) // 2
refused('noise in a gzip stream', packed[:middle] + bytes(b ^ 0x5a for b in packed[middle:middle + 64]) + packed[middle + 64:], 'initramfs: ')
refused('an archive that ends within a gzip stream', gzip.compress(archive(first, *some)[:len(init) + 1000]), 'of a gzip stream reaches beyond the end')
refused('noise within a gzip stream', gzip.compress(b'\1' * 1000), 'no cpio header of the newc format at byte 0 of a gzip stream')
refused('xz', b'\xfd7zXZ\0' + b'\1' * 100, 'compressed by xz at byte 0, and only gzip is understood')
refused('zstd', archive(first) + b'\x28\xb5\x2f\xfd' + b'\1' * 100, 'compressed by zstd at byte')
refused('a gzip header alone', packed[:6], 'it is cut')
refused('two bytes of gzip', b'\x1f\x8b', 'it is cut')
# A stream that unpacks to 4 GiB of zeros: more than there is of memory, and of a file that one may have.
big = zlib.compressobj(9, zlib.DEFLATED, 31)
bomb = big.compress(entry('bomb', FILE | 0o644, b'')[:54] + b'FFFFFFF0' + entry('bomb', FILE | 0o644, b'')[62:])
zeros = bytes(1 << 20)
for _ in range(1024):
    bomb += big.compress(zeros)
bomb += big.flush()
refused('more than fits into memory', bomb, 'no memory for bomb')

print('initramfs: %d passed, %d failed' % (passed, failed))
sys.exit(failed != 0)
