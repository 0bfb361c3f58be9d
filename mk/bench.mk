# make bench: the numbers of docs/performance.md. Instruction counts are exact and repeatable (QEMU -icount); the host's
# times are this machine's.
.PHONY: bench bench-image bench-host
N := $(B)/bench

# The ordinary image with the benches linked in: the same objects, the same script.
BENCH_SRC := $(filter bench/board.c bench/page_bench.c bench/memblock_bench.c,$(wildcard bench/*.c))
BENCH_OBJ := $(patsubst %,$(A)/%.o,$(BENCH_SRC))

bench-image: $(N)/quire-bench.img
bench: bench-image bench-host
	bash bench/run_bench.sh $(N)
