# Tests. ./test runs the suites below and counts; `make test` is the same once the tools are there.
#
# A unit test says at its top what it is made of, each on one line:
#   /* links: mm/early/memblock.c lib/event.c */     project sources it is linked with (paths from the root, wildcards, and
#                                                    the names of tests/unit/links.sed)
#   /* cflags: -DX=1 */                              more flags for them (optional)
#   /* granules: 12 14 16 */                         page shifts it is built for (optional; 12)
# It is built for the host with AddressSanitizer and UndefinedBehaviorSanitizer and linked with tests/unit/doubles.c,
# whose weak symbols stand for what it does not link.
T := $(B)/tests
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all
UNIT_CFLAGS := -std=gnu11 -g -O1 -fno-omit-frame-pointer -fno-common -fno-strict-aliasing $(WARN) \
	-Wno-missing-prototypes $(INC) -Iport/host/include -I. $(SAN)

UNIT_TESTS := $(sort $(wildcard tests/unit/test_*.c))
# unit_line(file, key): the value of that line at the file's top.
unit_line = $(shell sed -n '1,20s|^/\* *$(2): *\(.*[^ ]\) *\*/.*|\1|p' $(1) | sed -f tests/unit/links.sed)

UNIT_BINS :=
# unit_program(name, source, granule, links, cflags): objects are shared by the tests of a granule that want no flags.
define unit_program
UNIT_BINS += $(T)/unit/$(1)-$(3)
$(T)/unit/$(1)-$(3): $(patsubst %,$(T)/o$(3)$(if $(5),-$(1))/%.o,$(2) $(4) tests/unit/doubles.c)
	@mkdir -p $$(@D)
	$$(HOSTCC) $(SAN) -o $$@ $$^ -lcmocka -lpthread
$(if $(5),$(call unit_objects,$(3)-$(1),$(3),$(5)))
endef
define unit_objects
$(T)/o$(1)/%.c.o: %.c
	@mkdir -p $$(@D)
	$$(HOSTCC) $$(UNIT_CFLAGS) -DQUIRE_PAGE_SHIFT=$(2) $(3) $$(DEPFLAGS) -c $$< -o $$@
endef
$(foreach g,12 14 16,$(eval $(call unit_objects,$(g),$(g),)))
unit_test = $(foreach g,$(or $(call unit_line,$(1),granules),12),$(eval $(call \
	unit_program,$(basename $(notdir $(1))),$(1),$(g),$(wildcard $(call unit_line,$(1),links)),$(call unit_line,$(1),cflags))))
ifneq ($(filter test% unit% $(T)/%,$(MAKECMDGOALS)),)
$(foreach t,$(UNIT_TESTS),$(call unit_test,$(t)))
endif
-include $(shell find $(T) -name '*.d' 2>/dev/null)
# Objects are kept: a change rebuilds what it touches.
.SECONDARY:

.PHONY: test test-unit-build test-unit test-models test-linux-memblock test-oracle test-predict test-check test-bad test-cmd test-map test-install test-docs \
	test-boot test-el0 test-pages test-suites test-stress test-fuzz \
	test-fuzz-build lint
test:
	bash ./test --no-install

test-unit-build: $(UNIT_BINS)
# One that does not build fails alone: the others run.
test-unit:
	code=0; $(MAKE) -s -k B=$(B) test-unit-build || code=1; \
	bash tests/unit/run.sh $(T)/unit $(sort $(UNIT_BINS)) || code=1; \
	CLANG=$(CLANG) bash tests/unit/tsan.sh $(T)/tsan || code=1; exit $$code

test-models:
	bash tests/models/run.sh $(T)/models
test-oracle: host
	python3 tests/oracle/test_score.py $(B)/quire
	python3 tests/oracle/score.py --quire $(B)/quire --out $(B)/oracle_score.txt
test-predict: host
	python3 tests/predict/test_score.py $(B)/quire
	python3 tests/predict/score.py --quire $(B)/quire --known tests/predict/known.txt --table $(B)/predict_table.md \
		--document docs/predict.md
test-check: host
	code=0; python3 tests/check/examples.py --quire $(B)/quire || code=1; \
	python3 tests/check/compare.py --quire $(B)/quire || code=1; \
	bash tests/check/debian.sh $(B) || code=1; exit $$code
test-bad: host image
	$(MAKE) -s B=$(B) SAN=1 host
	python3 tests/bad/run.py --build $(B)
test-cmd: host
	bash tests/run_cmd.sh $(B)
test-map: host
	python3 tests/map/run.py $(B)
test-install: host lib
	+bash tests/install/run.sh $(B)
test-docs: host image
	python3 tests/docs/commands.py; code=$$?; python3 tests/docs/names.py && exit $$code
test-embed: lib
	bash tests/embed/run.sh $(B)
test-boot: image
	bash tests/boot/boot_matrix.sh $(B)
# The seconds of one run; about fifteen of them in all.
STRESS_TIME ?= 4
test-stress: host
	$(MAKE) -s B=$(B) SAN=1 host
	$(MAKE) -s B=$(B) TSAN=1 GRANULES=4k host
	bash tests/stress/run.sh $(B) $(STRESS_TIME)
test-el0: image
	bash tests/el0/run.sh $(B)
test-pages: image-16k image-64k
	bash tests/el0/pages.sh $(B)
# Packages are fetched and programs built once, into $(B)/suites.
test-suites: image
	QUIRE_BUILD=$(B) bash tests/el0/suites/run.sh
lint:
	bash tests/lint.sh $(B)

# ---- Linux's own memblock suite, from Debian's source package
# Skipped only where neither the archive is nor a package that could bring it.
test-linux-memblock:
	@if [ -e "$${LINUX_SOURCE:-/usr/src/linux-source-6.12.tar.xz}" ] || \
		apt-cache policy linux-source-6.12 2>/dev/null | grep -q 'Candidate: [^(]'; then \
		bash tests/linux-memblock/run.sh $(B); \
	else \
		echo "0 passed, 0 failed, 1 skipped: this distribution has no package linux-source-6.12"; \
	fi

# ---- fuzzers: the core built once more, by clang, with the coverage that libFuzzer steers by. Comparisons are not
# traced: they took half of the time, and the mutator knows the values that matter.
FUZZ_TIME ?= 30
FO := $(T)/fuzz
FUZZ_SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-sanitize=alignment
FUZZ_CFLAGS := -std=gnu11 -g -O1 -fno-omit-frame-pointer -fno-common -fno-strict-aliasing $(INC) -Iport/host/include \
	-Iport/host -I. -D_GNU_SOURCE -DQUIRE_HOST -DQUIRE_PAGE_SHIFT=12 -fPIE -Wall -Wno-unused-parameter $(FUZZ_SAN) \
	-fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp

$(FO)/%.c.o: %.c
	@mkdir -p $(@D)
	$(CLANG) $(FUZZ_CFLAGS) $(DEPFLAGS) -c $< -o $@

# The device-tree path: the host port's core of one granule, its variables gathered as in build/quire.
$(FO)/core_4k.ld: port/host/host.ld.S
	@mkdir -p $(@D)
	$(HOSTCC) -E -P -x assembler-with-cpp -DQUIRE_DATA=quire_data_4k -DQUIRE_BSS=quire_bss_4k $< -o $@
$(FO)/core_4k.o: $(patsubst %,$(FO)/%.o,$(HOST_CORE_SRC)) $(FO)/core_4k.ld
	ld -r -T $(FO)/core_4k.ld -o $@.tmp $(filter %.o,$^)
	objcopy --keep-global-symbol=quire_core_4k $@.tmp $@
	@rm -f $@.tmp
$(FO)/fuzz_dtb: $(patsubst %,$(FO)/%.o,tests/fuzz/fuzz_dtb.c port/host/cpu.c port/host/symbols.c) $(FO)/core_4k.o
	$(CLANG) -pie $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $^

# memblock against a bitmap: its links line says what it is made of.
FUZZ_MEMBLOCK_SRC := $(if $(wildcard tests/fuzz/fuzz_memblock.c),$(wildcard \
	$(call unit_line,tests/fuzz/fuzz_memblock.c,links)))
$(FO)/fuzz_memblock: $(patsubst %,$(FO)/%.o,tests/fuzz/fuzz_memblock.c $(FUZZ_MEMBLOCK_SRC) tests/unit/doubles.c)
	$(CLANG) -pie $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $^ -lcmocka

# Address spaces, and blocks in them, against the models of their unit tests.
FUZZ_VM_SRC := $(wildcard $(call unit_line,tests/fuzz/fuzz_vm.c,links))
$(FO)/fuzz_vm $(FO)/fuzz_huge: $(FO)/fuzz_%: $(FO)/tests/fuzz/fuzz_%.c.o $(patsubst %,$(FO)/%.o,$(FUZZ_VM_SRC) tests/unit/doubles.c)
	$(CLANG) -pie $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $^ -lcmocka -lpthread

$(FO)/fuzz_profile: $(patsubst %,$(FO)/%.o,tests/fuzz/fuzz_profile.c cmd/quire/profile.c cmd/quire/profile_from.c cmd/quire/profile_dwarf.c)
	$(CLANG) -pie $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $^

# libfdt lets a property's length wrap and finds out after (mk/host.mk).
$(FO)/third_party/libfdt/%.o: FUZZ_CFLAGS += -fwrapv
$(FO)/fuzz_check: $(patsubst %,$(FO)/%.o,tests/fuzz/fuzz_check.c $(sort $(wildcard check/*.c)) cmd/quire/tree.c cmd/quire/json.c $(FDT_SRC))
	$(CLANG) -pie $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $^

test-fuzz-build: $(FO)/fuzz_dtb $(FO)/fuzz_memblock $(FO)/fuzz_vm $(FO)/fuzz_huge $(FO)/fuzz_profile $(FO)/fuzz_check
test-fuzz: test-fuzz-build
	bash tests/fuzz/run.sh $(FO) $(FUZZ_TIME)
include mk/bench.mk
