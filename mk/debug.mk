# make debug: QEMU stopped at its first instruction, and gdb-multiarch attached where there is a terminal.
# DEBUG_QEMU: the machine; DEBUG_APPEND: more of the command line; GDB=: only start QEMU.
DEBUG_QEMU ?= -M virt,dtb-randomness=off -cpu cortex-a57 -m 1G
DEBUG_APPEND ?=
GDB ?= gdb-multiarch
.PHONY: debug
debug: $(A)/quire.img
	bash tools/gdb/debug.sh "$(A)" "$(GDB)" "$(DEBUG_APPEND)" $(DEBUG_QEMU)
