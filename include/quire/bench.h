/* SPDX-License-Identifier: MIT */
/*
 * Measurements (bench/): the same functions on the board under QEMU -icount, where a tick is one instruction, and in a
 * process, where a tick is a nanosecond.
 *
 * A bench image is the ordinary image with the files of bench/ linked in. With quire.bench on the command line
 * kernel_main() calls quire_bench(): first the phases of the boot, which are the ticks that event_step() noted on the
 * way, then the operations.
 */
#ifndef QUIRE_BENCH_H
#define QUIRE_BENCH_H

#include <quire/types.h>

/*
 * The machine's counter, monotonic. Bare: CNTVCT_EL0, after an ISB so that what came before is counted. Host:
 * CLOCK_MONOTONIC in nanoseconds. Supplied by the bench's glue: bench/board.c, bench/host.c.
 */
u64 bench_ticks(void);

/* One line of result: "bench NAME OPS TICKS TICKS/OP", tab-separated, the last with two decimals. ops must not be 0. */
void bench_row(const char *name, u64 ops, u64 ticks);

/* bench/page_bench.c: the page allocator of the booted machine, pages given back. */
void bench_pages(void);

/*
 * The other allocators, each in bench/NAME_bench.c: rows named as those measured in Linux. bench_machine: clear_page, memcpy,
 * locks, TLB flushes.
 */
void bench_machine(void);
void bench_slab(void);
void bench_vmalloc(void);
void bench_percpu(void);
void bench_cma(void);

/*
 * bench/memblock_bench.c: memblock with many regions. On regions of its own, so that what the boot left in
 * memblock is not touched.
 */
void bench_memblock(void);

/* Called by kernel_main() when quire.bench is given: all of the above (bench/board.c); a weak one says there is none. */
void quire_bench(void);

/* The steps of the boot with the ticks between them, in the same form: "phase NAME TICKS". */
void bench_phases(void);

#endif
