# The command: build/quire. One core object a granule (all its symbols local but the entry table), linked with the
# command line and the host port's granule-independent parts.
#
#   make host             build/quire
#   make host SAN=1       build/asan/quire, with AddressSanitizer and UndefinedBehaviorSanitizer
#   make host TSAN=1      build/tsan/quire, with ThreadSanitizer, by clang
#   ... GRANULES=4k       only that page size
H := $(B)/host
HOST_BIN := $(B)/quire
ifdef SAN
H := $(B)/asan/host
HOST_BIN := $(B)/asan/quire
HOST_SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-sanitize=alignment
endif

ifdef TSAN
H := $(B)/tsan/host
HOST_BIN := $(B)/tsan/quire
HOST_SAN := -fsanitize=thread
HOST_CC := $(CLANG)
endif
HOST_CC ?= $(HOSTCC)

# Callers in events and back-traces are those of the source: no tail calls, frame pointers kept.
HOST_CFLAGS := $(STD) $(WARN) $(INC) -Iport/host/include -Iport/host -D_GNU_SOURCE -DQUIRE_HOST -fPIE \
	-fno-optimize-sibling-calls -fno-omit-frame-pointer $(HOST_SAN)
HOST_LDFLAGS := -pie $(HOST_SAN)

# Compiled once a granule; the rest of the port once.
HOST_CORE_SRC := $(CORE_SRC) $(sort $(wildcard predict/*.c)) $(FDT_SRC) \
	$(addprefix port/host/,core.c memory.c mmu.c mmu_judge.c port.c smp.c stack_trace.c)
HOST_MAIN_SRC := port/host/cpu.c port/host/symbols.c $(sort $(wildcard cmd/quire/*.c check/*.c)) $(FDT_SRC)
PROFILES := $(sort $(wildcard profiles/*.profile))
GRANULES ?= 4k 16k 64k
SHIFT_4k := 12
SHIFT_16k := 14
SHIFT_64k := 16

define granule_rules
$(H)/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	$$(call say,CC,$$< ($(1)))
	$$(Q)$(HOST_CC) $(HOST_CFLAGS) -DQUIRE_PAGE_SHIFT=$(SHIFT_$(1)) $(DEPFLAGS) -c $$< -o $$@
$(H)/core_$(1).ld: port/host/host.ld.S
	@mkdir -p $$(@D)
	$$(Q)$(HOSTCC) -E -P -x assembler-with-cpp -DQUIRE_DATA=quire_data_$(1) -DQUIRE_BSS=quire_bss_$(1) $$< -o $$@
$(H)/core_$(1).o: $(patsubst %.c,$(H)/$(1)/%.o,$(HOST_CORE_SRC)) $(H)/core_$(1).ld
	$$(call say,LD,$$@)
	$$(Q)ld -r -T $(H)/core_$(1).ld -o $$@.tmp $$(filter %.o,$$^)
	$$(Q)objcopy --keep-global-symbol=quire_core_$(1) $$@.tmp $$@
	@rm -f $$@.tmp
-include $(patsubst %.c,$(H)/$(1)/%.d,$(HOST_CORE_SRC))
endef
$(foreach g,$(GRANULES),$(eval $(call granule_rules,$(g))))

# DWARF, for profiles of kernels without BTF: where libdw's headers are.
LIBDW := $(shell pkg-config --libs libdw 2>/dev/null)
ifneq ($(LIBDW),)
$(H)/main/cmd/quire/profile_dwarf.o: HOST_CFLAGS += -DQUIRE_LIBDW $(shell pkg-config --cflags libdw)
endif

# libfdt lets a property's length wrap and finds out after; with the flag that is defined.
$(H)/main/third_party/libfdt/%.o: HOST_CFLAGS += -fwrapv
$(H)/main/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $(DEPFLAGS) -c $< -o $@
-include $(patsubst %.c,$(H)/main/%.d,$(HOST_MAIN_SRC))

# profiles/ as strings in the program.
$(H)/main/profiles.c: tools/embed_profiles.sh $(PROFILES)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)tools/embed_profiles.sh $(PROFILES) > $@.tmp && mv $@.tmp $@
$(H)/main/profiles.o: $(H)/main/profiles.c
	$(call say,CC,$<)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -Icmd/quire -c $< -o $@

# The HTML report without its document, as bytes of the program.
REPORT_SRC := $(sort $(wildcard cmd/quire/map/*)) third_party/d3/d3.min.js third_party/d3/LICENSE
$(H)/main/report.html: tools/embed_report.sh $(REPORT_SRC)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)tools/embed_report.sh > $@.tmp && mv $@.tmp $@
$(H)/main/report_template.o: cmd/quire/report_template.S $(H)/main/report.html
	$(Q)$(HOST_CC) -DREPORT='"$(H)/main/report.html"' -c $< -o $@

$(HOST_BIN): $(H)/main/report_template.o $(patsubst %.c,$(H)/main/%.o,$(HOST_MAIN_SRC)) $(H)/main/profiles.o $(foreach g,$(GRANULES),$(H)/core_$(g).o)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(HOST_LDFLAGS) $^ -o $@ $(LIBDW)

.PHONY: host
host: $(HOST_BIN)
