# The image: build/arm64/quire.img, a Linux/arm64 boot-protocol Image, and quire.elf for the debugger.
# Its page size: 4 KiB, unless another is asked for (make image-16k, image-64k).
IMAGE_PAGE_SHIFT := 12
A := $(B)/arm64
BARE_SRC := $(sort $(wildcard port/bare/*.c) $(filter-out $(CORE_SRC),$(wildcard mm/vm/*.c)) $(wildcard kernel/*.c))
BARE_ASM := $(sort $(wildcard port/bare/*.S))
# Code addresses everything relative to the PC (the small code model); only pointers in data are relocated at boot.
BARE_CFLAGS := $(STD) $(WARN) $(INC) -Iport/bare/include -ffreestanding -fno-stack-protector \
	-mgeneral-regs-only -fno-pic -fno-pie -mcmodel=small -fvisibility=hidden -mno-outline-atomics \
	-fno-omit-frame-pointer -fno-asynchronous-unwind-tables -DQUIRE_BARE -DQUIRE_PAGE_SHIFT=$(IMAGE_PAGE_SHIFT)
BARE_LDFLAGS := -static -pie --no-dynamic-linker -Bsymbolic -z text -z norelro -z noexecstack \
	-z max-page-size=65536 --build-id=none --no-undefined --no-warn-rwx-segments --orphan-handling=error
# What the compiler calls for operations without an instruction (population count).
BARE_LIBS = $(shell $(CROSS)gcc -print-libgcc-file-name)
BARE_OBJ := $(patsubst %,$(A)/%.o,$(BARE_ASM) $(BARE_SRC) $(CORE_SRC) $(FDT_SRC) $(ZLIB_SRC))

# Code that runs before relocation or with the MMU off: no unaligned access, no calls or tables of the compiler's making.
$(A)/port/bare/early_%.c.o: BARE_CFLAGS += -mstrict-align -fno-tree-loop-distribute-patterns \
	-fno-tree-switch-conversion -fno-jump-tables -fno-builtin
# Leaves and tail calls only: see its head.
$(A)/mm/kmem/slab_fast.c.o: BARE_CFLAGS += -fomit-frame-pointer
$(A)/port/bare/string.c.o: BARE_CFLAGS += -fno-tree-loop-distribute-patterns -fno-builtin

$(A)/third_party/zlib/%.c.o $(A)/kernel/archive.c.o: BARE_CFLAGS += $(ZLIB_FLAGS)

$(A)/%.c.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CROSS)gcc $(BARE_CFLAGS) $(DEPFLAGS) -c $< -o $@
$(A)/%.S.o: %.S
	@mkdir -p $(@D)
	$(call say,AS,$<)
	$(Q)$(CROSS)gcc $(BARE_CFLAGS) -D__ASSEMBLY__ $(DEPFLAGS) -c $< -o $@
-include $(BARE_OBJ:.o=.d)

$(A)/quire.lds: port/bare/quire.lds port/bare/asm.h
	@mkdir -p $(@D)
	$(Q)$(CROSS)gcc -E -P -x assembler-with-cpp -Iport/bare -DQUIRE_PAGE_SHIFT=$(IMAGE_PAGE_SHIFT) $< -o $@

# The image holds the table of its own functions. Its size moves what comes after rodata, so: link without a table,
# link with that table's size, link with the final addresses, and see that they stayed.
$(A)/symbols0.S:
	@mkdir -p $(@D)
	$(Q)awk -f tools/symbols.awk </dev/null >$@
$(A)/symbols1.S: $(A)/quire0.elf tools/symbols.awk
	$(Q)$(CROSS)nm -n $< | awk -f tools/symbols.awk >$@
$(A)/symbols2.S: $(A)/quire1.elf tools/symbols.awk
	$(Q)$(CROSS)nm -n $< | awk -f tools/symbols.awk >$@
$(A)/symbols%.o: $(A)/symbols%.S
	$(Q)$(CROSS)gcc -c $< -o $@
$(A)/quire%.elf: $(BARE_OBJ) $(A)/symbols%.o $(A)/quire.lds
	$(call say,LD,$@)
	$(Q)$(CROSS)ld $(BARE_LDFLAGS) -T $(A)/quire.lds $(BARE_OBJ) $(A)/symbols$*.o $(BARE_LIBS) -o $@
$(A)/quire.elf: $(A)/quire2.elf
	@$(CROSS)nm -n $< | awk -f tools/symbols.awk | cmp - $(A)/symbols2.S
	$(Q)cp $< $@
$(A)/quire.img: $(A)/quire.elf
	$(call say,IMAGE,$@)
	$(Q)$(CROSS)objcopy -O binary $< $@
.PRECIOUS: $(A)/symbols%.S $(A)/symbols%.o $(A)/quire%.elf

.PHONY: image image-16k image-64k lib
image: $(A)/quire.img
# The same with larger pages: build/arm64-16k, build/arm64-64k.
image-16k:
	$(Q)$(MAKE) -s B=$(B) A=$(B)/arm64-16k IMAGE_PAGE_SHIFT=14 image
image-64k:
	$(Q)$(MAKE) -s B=$(B) A=$(B)/arm64-64k IMAGE_PAGE_SHIFT=16 image

# The library: the core and libfdt, freestanding, with what of the port is not bound to how an image boots: string functions,
# registers, and weak defaults of the rest. Who links it brings three functions of <quire/port.h>: see docs/architecture.md.
LIB_SRC := $(CORE_SRC) $(FDT_SRC) port/embed/defaults.c port/embed/replace_ttbr1.S \
	$(addprefix port/bare/,regs.c string.c memops.S cache.S clear_page.S)
$(A)/libquire.a: $(patsubst %,$(A)/%.o,$(LIB_SRC))
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(CROSS)ar rcs $@ $^
# The headers that go with it, the port's inline half among them.
$(A)/include/.stamp: $(wildcard include/quire/*.h port/bare/include/*.h)
	@mkdir -p $(@D)/quire
	$(Q)cp include/quire/*.h $(@D)/quire && cp port/bare/include/*.h $(@D) && touch $@
-include $(patsubst %,$(A)/%.d,$(filter port/embed/%.c,$(LIB_SRC)))
lib: $(A)/libquire.a $(A)/include/.stamp

# The image with planted bugs linked in: what debugging reports on the board.
.PHONY: debug-test-image
debug-test-image:
	$(MAKE) -s B=$(B) A=$(B)/tests/boot/debug BARE_SRC="$(BARE_SRC) tests/boot/debug_test.c" image

# The image with the port's own tests linked in (tests/boot/boot_matrix.sh runs it).
.PHONY: port-test-image
port-test-image:
	$(MAKE) -s B=$(B) A=$(B)/tests/boot/arm64 BARE_SRC="$(BARE_SRC) tests/boot/port_test.c" image
