# make bench: the numbers of docs/performance.md. Instruction counts are exact and repeatable (QEMU -icount); the host's
# times are those of the machine that runs it.
N := $(B)/bench
.PHONY: bench bench-image bench-host test-perf

# The ordinary image with the benches linked in: the same rules, more sources, a folder of its own.
BENCH_SRC := $(sort $(filter-out bench/host_%,$(wildcard bench/*.c)))
bench-image:
	$(MAKE) -s B=$(B) A=$(N)/arm64 BARE_SRC="$(BARE_SRC) $(BENCH_SRC)" image

# The goals, from one boot.
test-perf: bench-image
	bash bench/run_bench.sh --check $(N)

bench: bench-image bench-host
	bash bench/run_bench.sh $(N)

# The page allocator in a process, on one thread and on two: optimised, without sanitizers; what test_alloc links. Compiled as
# mimalloc and jemalloc are, which it is compared with: for a shared library, per-thread variables at fixed places.
HOST_BENCH_CFLAGS := $(STD) $(INC) -Iport/host/include -I. -fPIC -ftls-model=initial-exec
HOST_BENCH_SRC := bench/host_page_bench.c tests/unit/doubles.c \
	$(wildcard $(call unit_line,tests/unit/test_alloc.c,links))
$(N)/%.c.o: %.c
	@mkdir -p $(@D)
	$(HOSTCC) $(HOST_BENCH_CFLAGS) $(DEPFLAGS) -c $< -o $@
$(N)/host_bench: $(patsubst %,$(N)/%.o,$(HOST_BENCH_SRC))
	$(HOSTCC) -o $@ $^ -lcmocka -lpthread
-include $(patsubst %,$(N)/%.d,$(HOST_BENCH_SRC))
# kmalloc beside the process's own malloc, which LD_PRELOAD makes mimalloc or jemalloc.
HOST_SLAB_SRC := bench/host_slab_bench.c tests/unit/doubles.c \
	$(wildcard $(call unit_line,tests/unit/test_slab.c,links))
$(N)/host_slab_bench: $(patsubst %,$(N)/%.o,$(HOST_SLAB_SRC))
	$(HOSTCC) -o $@ $^ -lcmocka -lpthread
-include $(patsubst %,$(N)/%.d,$(HOST_SLAB_SRC))
# Faults, with what test_vm links.
HOST_FAULT_SRC := bench/host_fault_bench.c tests/unit/doubles.c $(wildcard $(call unit_line,tests/unit/test_vm.c,links))
$(N)/host_fault_bench: $(patsubst %,$(N)/%.o,$(HOST_FAULT_SRC))
	$(HOSTCC) -o $@ $^ -lcmocka -lpthread
-include $(patsubst %,$(N)/%.d,$(HOST_FAULT_SRC))
bench-host: $(N)/host_bench $(N)/host_slab_bench $(N)/host_fault_bench
