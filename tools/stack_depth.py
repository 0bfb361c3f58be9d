#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What calls itself in the kernel, and how much of its stack a call takes.

  tools/stack_depth.py BUILD              every way of calls that comes round must be known: tests/stack_cycles.txt
  tools/stack_depth.py BUILD --by-pointer the same with calls by pointer; only shown, as it is too much to be all true
  tools/stack_depth.py BUILD NAME...      the deepest way from these functions, by direct calls, none twice

The calls, and what a function has on the stack where it calls, are read from the image's instructions (quire.elf): what the compiler has put
into others counts there, and assembly counts, too.

The list has, one a line, "FUNCTION... | N | why": the functions of one way round, of which at least one is not inlined, how often it can come
round at most, and why. A way round on which no listed function lies is an error. Calls by pointer are not followed by this check: what a
program could nest by them (files that hold files, as epoll's) is not seen by it.

Where a call by pointer goes, say the types: clang's intermediate code has the type of each such call and of each function whose
address is taken, and a call may go to every function of its type; which source function an instruction comes from says the debug
information.
"""
import functools
import os
import re
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

CROSS = os.environ.get('CROSS', 'aarch64-linux-gnu-')
CLANG = os.environ.get('CLANG', 'clang')
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KNOWN = os.path.join(ROOT, 'tests', 'stack_cycles.txt')
IR_FLAGS = ('--target=aarch64-linux-gnu -std=gnu11 -O0 -S -emit-llvm -w -ffreestanding -Iinclude -Iport/bare/include '
            '-Ithird_party/libfdt -Ithird_party/zlib -DZ_SOLO -DZLIB_CONST -DDYNAMIC_CRC_TABLE -DQUIRE_BARE -DQUIRE_PAGE_SHIFT=12 -o -').split()


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT).stdout


# ---------------------------------------------------------------- types, from clang

NAME = r'@("[^"]+"|[\w.$]+)'


def norm(text):
    """A type or a list of parameters, without attributes and the names of values."""
    return re.sub(r'\s+', ' ', text).strip()


def split_args(text):
    """The types in a list of parameters or arguments."""
    out, depth, at = [], 0, ''
    for c in text:
        if c == ',' and not depth:
            out.append(at)
            at = ''
            continue
        depth += c in '([{<'
        depth -= c in ')]}>'
        at += c
    if at.strip():
        out.append(at)
    types = []
    for a in out:
        a = a.strip()
        if a == '...':
            types.append(a)
            continue
        # The type ends where attributes or a value begin: at the first blank outside of brackets.
        depth = 0
        for i, c in enumerate(a):
            depth += c in '([{<'
            depth -= c in ')]}>'
            if c == ' ' and not depth and not a[i + 1:].startswith(('(', '*')):
                a = a[:i]
                break
        types.append(a)
    return tuple(types)


def closing(text, at):
    depth = 0
    for i in range(at, len(text)):
        depth += text[i] == '('
        depth -= text[i] == ')'
        if not depth:
            return i
    return len(text)


ATTRS = {'hidden', 'internal', 'dso_local', 'noundef', 'zeroext', 'signext', 'noalias', 'tail', 'notail', 'fastcc',
         'weak', 'private', 'nonnull', 'noreturn', 'available_externally', 'linkonce_odr', 'protected', 'unnamed_addr'}


def ret_type(text):
    return ' '.join(w for w in text.split() if w not in ATTRS and not w.startswith(('align', 'dereferenceable')))


def read_ir(path):
    """(defined {name: type}, taken {name}, calls {function: {type}}) of a source file."""
    text = run(CLANG, *IR_FLAGS, path)
    defined, taken, calls, here = {}, set(), defaultdict(set), None
    for line in text.splitlines():
        if line.startswith('define '):
            m = re.search(NAME + r'\(', line)
            here = m.group(1).strip('"')
            end = closing(line, m.end() - 1)
            args = split_args(line[m.end():end])
            defined[here] = (ret_type(line[7:m.start()]), args)
            continue
        if line.startswith('declare ') or line.startswith('!') or line.startswith('attributes'):
            continue
        if line.startswith('}'):
            here = None
            continue
        rest = line
        m = re.search(r'\bcall (.*?)(%[\w.]+|' + NAME + r')\(', line) if here else None
        if m and ' asm ' not in line:
            if m.group(2)[0] == '%':
                end = closing(line, m.end() - 1)
                ret = ret_type(m.group(1))
                # Of one with a variable number, the whole type is there.
                ret = ret[:ret.index(' (')] if ' (' in ret and ret.endswith(')') and '...' in ret else ret
                calls[here].add((ret, split_args(line[m.end():end])))
                rest = line[m.end():]
            else:
                rest = line[m.end():]
        for name in re.findall(NAME, rest):
            taken.add(name.strip('"'))
    return defined, taken, calls


# ---------------------------------------------------------------- the image

class Function:
    def __init__(self, name, at):
        self.name, self.at, self.size = name, at, 0
        self.calls = []     # (depth, target address)
        self.indirect = []  # (depth, address of the call)
        self.depth = 0      # of its own
        self.code = []
        self.file = None


def read_image(elf):
    functions, f = {}, None
    for line in run(CROSS + 'objdump', '-d', '--no-show-raw-insn', elf).splitlines():
        m = re.match(r'([0-9a-f]{16}) <(.+)>:$', line)
        if m:
            if m.group(2)[0] == '$':
                continue
            f = Function(m.group(2), int(m.group(1), 16))
            functions[f.at] = f
            continue
        m = re.match(r'\s*([0-9a-f]+):\t(\S+)\s*(.*)$', line)
        if m and f:
            f.code.append((int(m.group(1), 16), m.group(2), m.group(3).split('//')[0].rstrip()))
    return functions


def moves(op, args):
    """By how many bytes an instruction makes the stack grow; None: it does not say."""
    m = re.match(r'sp, sp, #(0x[0-9a-f]+|\d+)(, lsl #12)?', args)
    if op in ('sub', 'add') and m:
        n = int(m.group(1), 0) << (12 if m.group(2) else 0)
        return n if op == 'sub' else -n
    if op in ('add', 'mov', 'sub', 'and') and re.match(r'sp, ', args):
        return None
    m = re.search(r'\[sp, #(-?\d+)\]!', args)
    if m:
        return -int(m.group(1))
    m = re.search(r'\[sp\], #(-?\d+)', args)
    if m:
        return -int(m.group(1))
    return 0


NEVER_RETURN = {'panic', 'exception_hopeless'}
BRANCHES = re.compile(r'^(b\.\w+|cbn?z|tbn?z|b)$')


def flow(f):
    """What is on the stack at each instruction, from the entry on; and so what is there at calls."""
    index = {at: i for i, (at, _, _) in enumerate(f.code)}
    depth, work, jumps = {}, [(0, 0)], []
    while work or jumps:
        if not work:
            # A jump by a register: into a switch, where there is code that nothing else leads to, else a call that does not return here.
            i, d, switch = jumps.pop()
            rest = [k for k in range(len(f.code)) if k not in depth]
            if rest:
                work = [(rest[0], d)]
                jumps.append((i, d, True))
            elif not switch:
                f.indirect.append((d, f.code[i][0]))
            continue
        i, d = work.pop()
        # The compiler has one depth for each place, by whatever way one comes there.
        while i < len(f.code) and i not in depth:
            depth[i] = d
            at, op, args = f.code[i]
            d = max(d + (moves(op, args) or 0), 0)
            m = re.search(r'([0-9a-f]+) <([^>]+)>$', args)
            to = int(m.group(1), 16) if m else 0
            if op == 'bl':
                f.calls.append((d, to))
                if m.group(2) in NEVER_RETURN:
                    break
            elif op == 'blr':
                f.indirect.append((d, at))
            elif op == 'br':
                jumps.append((i, d, False))
                break
            elif op in ('ret', 'eret', 'udf', 'brk'):
                break
            elif BRANCHES.match(op) and m:
                if to in index:
                    work.append((index[to], d))
                else:
                    f.calls.append((d, to))
                if op == 'b':
                    break
            i += 1
    f.depth = max(depth.values(), default=0)


@functools.lru_cache(None)
def in_tree(path):
    """The tree's own name of a file: a compiler's cache may name another copy of the tree."""
    words = path.split('/')
    for i in range(len(words)):
        name = '/'.join(words[i:])
        if os.path.isfile(os.path.join(ROOT, name)) and not name.startswith(('/', '..')):
            return name
    return ''


def places(elf, addresses):
    """{address: (source file, function)}: the innermost function that the compiler has put there."""
    out = {}
    text = subprocess.run([CROSS + 'addr2line', '-afie', elf], input='\n'.join('%x' % a for a in addresses),
                          check=True, capture_output=True, text=True, cwd=ROOT).stdout.splitlines()
    at = None
    for i, line in enumerate(text):
        if re.match(r'0x[0-9a-f]+$', line):
            at = int(line, 16)
            where = text[i + 2].rsplit(':', 1)[0]
            out[at] = (in_tree(where), text[i + 1])
    return out


def base(name):
    return re.sub(r'\.(isra|part|constprop|cold|localalias|lto_priv)(\.\d+)*.*$', '', name)


def sccs(nodes, edges):
    """Tarjan, without recursion."""
    index, low, on, stack, out, n = {}, {}, set(), [], [], 0
    for root in nodes:
        if root in index:
            continue
        work = [(root, iter(edges.get(root, ())))]
        index[root] = low[root] = n
        n += 1
        stack.append(root)
        on.add(root)
        while work:
            v, it = work[-1]
            for w in it:
                if w not in index:
                    index[w] = low[w] = n
                    n += 1
                    stack.append(w)
                    on.add(w)
                    work.append((w, iter(edges.get(w, ()))))
                    break
                if w in on:
                    low[v] = min(low[v], index[w])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[v])
                if low[v] == index[v]:
                    c = []
                    while True:
                        w = stack.pop()
                        on.discard(w)
                        c.append(w)
                        if w == v:
                            break
                    out.append(c)
    return out


def direct_calls(functions):
    edges = defaultdict(dict)
    for f in functions.values():
        for d, to in f.calls:
            # What is none's beginning is behind the functions of a section: exclusives in place of an instruction (alternative.c).
            if to in functions:
                edges[f.at][to] = max(edges[f.at].get(to, 0), d)
    return edges


def calls_by_pointer(elf, functions, edges):
    """Adds them. Returns those of which the type is not known."""
    where = places(elf, list(functions) + [a for f in functions.values() for _, a in f.indirect])
    sources = sorted({p for p, _ in where.values() if p.endswith('.c')})
    with ThreadPoolExecutor(2) as pool:
        units = dict(zip(sources, pool.map(read_ir, sources)))
    by_name = defaultdict(list)
    for f in functions.values():
        by_name[base(f.name)].append(f)
    everywhere = {n for _, taken, _ in units.values() for n in taken}
    targets = defaultdict(list)
    for path, (defined, _, _) in units.items():
        for name, kind in defined.items():
            if name in everywhere:
                targets[kind] += [f for f in by_name.get(name, []) if where[f.at][0] == path]
    # Functions of headers are in every file that includes them.
    in_headers = defaultdict(set)
    for _, _, calls in units.values():
        for name, kinds in calls.items():
            in_headers[name] |= kinds
    unknown = set()
    for f in functions.values():
        for d, at in f.indirect:
            path, name = where[at]
            kinds = (units[path][2].get(name) if path in units else None) or in_headers.get(name)
            if not kinds:
                unknown.add(f.name)
            for kind in kinds or ():
                for g in targets.get(kind, []):
                    edges[f.at][g.at] = max(edges[f.at].get(g.at, 0), d)
    return unknown


def rounds(functions, edges):
    return [c for c in sccs(functions, edges) if len(c) > 1 or c[0] in edges[c[0]]]


def deepest(functions, edges, start):
    """(bytes, the way), none twice; a search that does not go back, so that it takes no time."""
    done, on = {}, set()

    def go(at):
        if at in done:
            return done[at]
        on.add(at)
        best = (functions[at].depth, [functions[at].name])
        for to, d in edges[at].items():
            if to not in on:
                below = go(to)
                if d + below[0] > best[0]:
                    best = (d + below[0], ['%s+%d' % (functions[at].name, d)] + below[1])
        on.discard(at)
        done[at] = best
        return best

    sys.setrecursionlimit(100000)
    return go(start)


def read_known():
    known = {}
    with open(KNOWN, encoding='utf-8') as f:
        for nr, line in enumerate(f, 1):
            if line.strip() and not line.startswith('#'):
                words = line.split('|')
                if len(words) != 3 or not words[1].strip().isdigit() or not words[2].strip():
                    sys.exit('%s:%d: not "FUNCTION... | N | why"' % (KNOWN, nr))
                known.update({w: nr for w in words[0].split()})
    return known


def check(functions, edges):
    known = read_known()
    all_rounds = rounds(functions, edges)
    seen = {known[base(functions[a].name)] for c in all_rounds for a in c if base(functions[a].name) in known}
    left = {a: {b: d for b, d in to.items() if base(functions[b].name) not in known} for a, to in edges.items()
            if base(functions[a].name) not in known}
    new = rounds(functions, defaultdict(dict, left))
    for c in new:
        print('a way of calls that comes round, and is not in tests/stack_cycles.txt: ' +
              ' '.join(sorted(functions[a].name for a in c)))
    for name, nr in sorted(known.items()):
        if nr not in seen:
            print('%s, in line %d of tests/stack_cycles.txt: nothing there comes round any more' % (name, nr))
    return bool(new) or any(nr not in seen for nr in known.values())


def main():
    elf = os.path.join(os.path.abspath(sys.argv[1]), 'arm64', 'quire.elf')
    functions = read_image(elf)
    for f in functions.values():
        flow(f)
    edges = direct_calls(functions)
    if len(sys.argv) == 2:
        return check(functions, edges)
    if sys.argv[2] == '--by-pointer':
        print('type not known, in:', *sorted(calls_by_pointer(elf, functions, edges)))
        for c in rounds(functions, edges):
            print(*sorted(functions[a].name for a in c))
        return 0
    for f in functions.values():
        if base(f.name) in sys.argv[2:]:
            size, way = deepest(functions, edges, f.at)
            print(f.name, size, ' '.join(way))
    return 0


if __name__ == '__main__':
    sys.exit(main())
