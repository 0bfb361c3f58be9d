# The image: build/arm64/quire.img, a Linux/arm64 boot-protocol Image, and quire.elf for the debugger.
A := $(B)/arm64
BARE_SRC := $(sort $(wildcard port/bare/*.c))
BARE_ASM := $(sort $(wildcard port/bare/*.S))
BARE_CFLAGS := $(STD) $(WARN) $(INC) -Iport/bare/include -ffreestanding -fno-stack-protector \
	-mgeneral-regs-only -fpie -fvisibility=hidden -mno-outline-atomics -fno-omit-frame-pointer \
	-fno-asynchronous-unwind-tables -DQUIRE_BARE -DQUIRE_PAGE_SHIFT=12
BARE_OBJ := $(patsubst %,$(A)/%.o,$(BARE_ASM) $(BARE_SRC) $(CORE_SRC) $(FDT_SRC))

$(A)/%.c.o: %.c
	@mkdir -p $(@D)
	$(CROSS)gcc $(BARE_CFLAGS) $(DEPFLAGS) -c $< -o $@
$(A)/%.S.o: %.S
	@mkdir -p $(@D)
	$(CROSS)gcc $(BARE_CFLAGS) -D__ASSEMBLY__ $(DEPFLAGS) -c $< -o $@
-include $(BARE_OBJ:.o=.d)

.PHONY: image
image: $(A)/quire.img
