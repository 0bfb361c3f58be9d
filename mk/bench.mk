# make bench: the numbers of docs/performance.md. Instruction counts are exact and repeatable (QEMU -icount); the host's
# times are those of the machine that runs it.
N := $(B)/bench
.PHONY: bench bench-image bench-host

# The ordinary image with the benches linked in: the same rules, more sources, a folder of its own.
BENCH_SRC := $(wildcard bench/board.c bench/page_bench.c bench/memblock_bench.c)
bench-image:
	$(MAKE) -s B=$(B) A=$(N)/arm64 BARE_SRC="$(BARE_SRC) $(BENCH_SRC)" image

bench: bench-image bench-host
	bash bench/run_bench.sh $(N)

# The same operations in a process, on one thread and on two.
bench-host: $(if $(wildcard bench/host.c),$(N)/host_bench)
