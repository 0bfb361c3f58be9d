# gdb-multiarch -x tools/gdb/quire.gdb build/arm64/quire.elf, while `make debug` has QEMU waiting.
set architecture aarch64
set pagination off
set confirm off
source tools/gdb/quire-gdb.py
target remote :1234
echo \nQEMU waits at its first instruction. The command line has nokaslr, so the symbols are right:\n
echo \  hbreak start_kernel, hbreak paging_init ... and continue (hardware breakpoints, until the MMU is on)\n
echo \  quire-memblock  quire-zones  quire-page PFN  quire-walk ADDRESS  quire-layout  (help quire-walk)\n
echo \  without nokaslr: break in after the boot has reached C, then quire-symbols\n\n
